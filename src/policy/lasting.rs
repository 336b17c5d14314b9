//! Services that live on in what their first process leaves behind (systemd.service(5)). A PID namespace ends with its
//! first process, and so would they.

use std::fmt;

use crate::text::unit::{Assignment, Unit};
use crate::text::{Kind, Value};

use super::form;

/// How a service outlives its first process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// The first process forks, and ends.
    Forking,
    /// The service runs until its last process has ended, whichever that is.
    Group,
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forking => "Type=forking",
            Self::Group => "ExitType=cgroup",
        })
    }
}

/// Whether a unit says that its service outlives its first process, and where.
pub fn outlives(unit: &Unit) -> Option<(Lasting, &Assignment)> {
    let last = |name| unit.all("Service", name).pop();
    if let Some(kind) = last("Type").filter(|kind| kind.value.trim() == "forking") {
        return Some((Lasting::Forking, kind));
    }
    let group = last("ExitType").filter(|kind| kind.value.trim() == "cgroup")?;
    // Of a unit with a PID namespace of its own systemd, too, kills all with the first process.
    let alone = last("PrivatePIDs").is_some_and(|one| {
        let value = Value { kind: Kind::Text(one.value.clone()), at: one.value_at.clone() };
        form::switch(&value) == Some(true)
    });
    (!alone).then_some((Lasting::Group, group))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fault::Source;
    use crate::text::unit;

    #[test]
    fn the_last_word_counts() {
        let kind = |text: &str| {
            let source = Arc::new(Source { name: "web.service".into(), text: format!("[Service]\n{text}") });
            let (assignments, _) = unit::parse(&source).expect("a unit");
            let unit = Unit { name: "web.service".into(), path: "web.service".into(), assignments };
            outlives(&unit).map(|(kind, at)| (kind, at.value.clone()))
        };
        assert_eq!(kind("Type=notify\nType=forking\n"), Some((Lasting::Forking, "forking".into())));
        assert_eq!(kind("Type=forking\nType=notify\n"), None);
        assert_eq!(kind("ExitType=cgroup\n"), Some((Lasting::Group, "cgroup".into())));
        assert_eq!(kind("ExitType=cgroup\nExitType=main\n"), None);
        assert_eq!(kind("ExitType=cgroup\nPrivatePIDs=on\n"), None);
        assert_eq!(kind("ExitType=cgroup\nPrivatePIDs=no\n"), Some((Lasting::Group, "cgroup".into())));
    }
}
