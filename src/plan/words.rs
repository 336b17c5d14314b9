//! Names of phases and words of the target, for views.

use super::Plan;
use super::op::Op;
use super::order::Phase;

impl Phase {
    /// One word, lower case: a heading, and a key of the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Descriptors => "descriptors",
            Self::Namespaces => "namespaces",
            Self::Maps => "maps",
            Self::Take => "take",
            Self::Root => "root",
            Self::Mounts => "mounts",
            Self::Attributes => "attributes",
            Self::Rules => "rules",
            Self::Network => "network",
            Self::Limits => "limits",
            Self::Groups => "groups",
            Self::Users => "users",
            Self::Bounding => "bounding",
            Self::Keep => "keep",
            Self::User => "user",
            Self::Capabilities => "capabilities",
            Self::Directory => "directory",
            Self::Find => "target",
            Self::SecureBits => "securebits",
            Self::Process => "process",
            Self::NoNewPrivileges => "privileges",
            Self::Landlock => "landlock",
            Self::Filter => "filter",
            Self::Exec => "exec",
        }
    }
}

impl Op {
    /// The operation and, where it is the target's start, what is started.
    pub fn describe(&self, plan: &Plan) -> String {
        match self {
            Self::Exec if !plan.argv.is_empty() => {
                let words: Vec<String> = plan.argv.iter().map(|word| quoted(&word.to_string_lossy())).collect();
                format!("execute {}", words.join(" "))
            }
            _ => self.to_string(),
        }
    }
}

/// A word as a shell would read it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_a_shell_does() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("--a=b"), "--a=b");
    }
}
