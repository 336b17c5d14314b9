//! What a filter answers to a system call.

use std::fmt;

use super::errno;

/// The kernel's eight answers (`linux/seccomp.h`), strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The process dies of SIGSYS (Linux 4.14).
    KillProcess,
    /// The thread dies; the last thread takes the process along.
    KillThread,
    /// SIGSYS with this number in `si_errno`; the call does not run.
    Trap(u16),
    /// The call does not run and returns this error, 4095 at most; 0 pretends success.
    Errno(u16),
    /// A supervisor answers through the notification descriptor (Linux 5.0). The number says which of the policy's
    /// decisions it takes ([`super::Supervision::decisions`]): the kernel tells nobody, so the supervisor runs the
    /// program again.
    Notify(u16),
    /// A ptrace tracer is told this number; without a tracer the call fails with ENOSYS.
    Trace(u16),
    /// The call runs and is logged, when `log` stands in `kernel.seccomp.actions_logged` (Linux 4.14).
    Log,
    /// The call runs.
    Allow,
}

/// The words that [`Action::parse`] reads, for messages.
pub const WORDS: &str = "kill-process (kill), kill-thread, trap[:N], errno:NAME, notify, trace[:N], log, allow";

impl Action {
    /// The value that a filter returns for it.
    pub fn to_ret(self) -> u32 {
        match self {
            Self::KillProcess => 0x8000_0000,
            Self::KillThread => 0,
            Self::Trap(data) => 0x0003_0000 | u32::from(data),
            Self::Errno(number) => 0x0005_0000 | u32::from(number.min(errno::MAX)),
            Self::Notify(data) => 0x7fc0_0000 | u32::from(data),
            Self::Trace(data) => 0x7ff0_0000 | u32::from(data),
            Self::Log => 0x7ffc_0000,
            Self::Allow => 0x7fff_0000,
        }
    }

    /// The action that a filter's value means; values of no action kill the process, as in the kernel.
    pub fn from_ret(ret: u32) -> Self {
        let [high, low] = [ret & 0xffff_0000, ret & 0xffff];
        let data = u16::try_from(low).unwrap_or(u16::MAX);
        match high {
            0 => Self::KillThread,
            0x0003_0000 => Self::Trap(data),
            0x0005_0000 => Self::Errno(data.min(errno::MAX)),
            0x7fc0_0000 => Self::Notify(data),
            0x7ff0_0000 => Self::Trace(data),
            0x7ffc_0000 => Self::Log,
            0x7fff_0000 => Self::Allow,
            _ => Self::KillProcess,
        }
    }

    /// How strict the action is: 7 for [`Action::KillProcess`] down to 0 for [`Action::Allow`]. Of several filters'
    /// answers the kernel takes the strictest.
    pub fn strictness(self) -> u8 {
        match self {
            Self::KillProcess => 7,
            Self::KillThread => 6,
            Self::Trap(_) => 5,
            Self::Errno(_) => 4,
            Self::Notify(_) => 3,
            Self::Trace(_) => 2,
            Self::Log => 1,
            Self::Allow => 0,
        }
    }

    /// What two filters answer together: the stricter action, and of two that are equally strict the newer filter's.
    #[must_use]
    pub fn and(self, newer: Self) -> Self {
        if newer.strictness() >= self.strictness() { newer } else { self }
    }

    /// Reads an action in a policy's words. The error says which words there are.
    pub fn parse(word: &str) -> Result<Self, String> {
        let (kind, data) = word.split_once(':').map_or((word, None), |(kind, data)| (kind, Some(data)));
        let number = |data: Option<&str>| match data {
            None => Ok(0),
            Some(data) => data.parse().map_err(|_| format!("`{data}` in `{word}` is not a number from 0 to 65535")),
        };
        let action = match (kind, data) {
            ("kill" | "kill-process", None) => Self::KillProcess,
            ("kill-thread", None) => Self::KillThread,
            ("trap", data) => Self::Trap(number(data)?),
            ("trace", data) => Self::Trace(number(data)?),
            ("errno", Some(data)) => Self::Errno(error(data)?),
            ("notify", None) => Self::Notify(0),
            ("log", None) => Self::Log,
            ("allow", None) => Self::Allow,
            _ => return Err(format!("`{word}` is not an action; there are {WORDS}")),
        };
        Ok(action)
    }
}

/// Reads an error's name, or its number from 0 to 4095.
fn error(word: &str) -> Result<u16, String> {
    let number = match word.parse() {
        Ok(number) => Some(number).filter(|number| *number <= errno::MAX),
        Err(_) => errno::number(word),
    };
    number.ok_or_else(|| match crate::fault::nearest(word, errno::names()) {
        Some(name) => format!("`{word}` is not an error; did you mean `{name}`?"),
        None => format!("`{word}` is not an error: write its name, such as EPERM, or a number from 0 to 4095"),
    })
}

/// The policy's words.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillProcess => f.write_str("kill-process"),
            Self::KillThread => f.write_str("kill-thread"),
            Self::Trap(0) => f.write_str("trap"),
            Self::Trap(data) => write!(f, "trap:{data}"),
            Self::Errno(number) => match errno::name(*number) {
                Some(name) => write!(f, "errno:{name}"),
                None => write!(f, "errno:{number}"),
            },
            Self::Notify(_) => f.write_str("notify"),
            Self::Trace(0) => f.write_str("trace"),
            Self::Trace(data) => write!(f, "trace:{data}"),
            Self::Log => f.write_str("log"),
            Self::Allow => f.write_str("allow"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Action; 12] = [
        Action::KillProcess,
        Action::KillThread,
        Action::Trap(0),
        Action::Trap(7),
        Action::Errno(0),
        Action::Errno(1),
        Action::Errno(4095),
        Action::Notify(0),
        Action::Trace(0),
        Action::Trace(65535),
        Action::Log,
        Action::Allow,
    ];

    #[test]
    fn words_and_values_come_back() {
        for action in ALL {
            assert_eq!(Action::parse(&action.to_string()), Ok(action));
            assert_eq!(Action::from_ret(action.to_ret()), action);
        }
        assert_eq!(Action::parse("kill"), Ok(Action::KillProcess));
        assert_eq!(Action::parse("errno:1"), Ok(Action::Errno(1)));
        assert_eq!(Action::from_ret(0x0001_0000), Action::KillProcess);
        assert_eq!(Action::Errno(60000).to_ret(), Action::Errno(4095).to_ret());
    }

    #[test]
    fn wrong_words_are_named() {
        for word in ["", "deny", "errno", "errno:4096", "errno:EPREM", "trap:65536", "allow:1", "errno:-1"] {
            let message = Action::parse(word).expect_err("a wrong word");
            assert!(message.contains(word.rsplit(':').next().unwrap_or(word)), "{message}");
        }
        assert!(Action::parse("errno:EPREM").expect_err("a wrong word").contains("EPERM"));
    }

    #[test]
    fn strictness_is_the_kernels() {
        // The kernel compares the upper halves as signed numbers; smaller is stricter.
        let kernel = |action: Action| (action.to_ret() & 0xffff_0000).cast_signed();
        for a in ALL {
            for b in ALL {
                assert_eq!(kernel(a) < kernel(b), a.strictness() > b.strictness(), "{a} {b}");
            }
        }
        assert_eq!(Action::Errno(1).and(Action::Errno(2)), Action::Errno(2));
        assert_eq!(Action::Errno(1).and(Action::Allow), Action::Errno(1));
    }
}
