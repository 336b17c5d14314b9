//! Where records are read: the audit multicast, else the kernel's log, else the journal.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::fault::{Exit, Fault};

use super::netlink;
use super::record::Record;

/// The kinds of sources, in the order in which they are tried, and their words.
pub const KINDS: [(Kind, &str); 3] = [(Kind::Audit, "audit"), (Kind::Kernel, "kmsg"), (Kind::Journal, "journal")];

/// A kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The audit multicast.
    Audit,
    /// /dev/kmsg.
    Kernel,
    /// The journal, by journalctl(1), whose output is stable, and which is there wherever a journal is.
    Journal,
}

/// Something that records are read from.
#[derive(Debug)]
pub struct Source {
    kind: Kind,
    inner: Inner,
    /// How often records were lost.
    pub lost: u64,
}

#[derive(Debug)]
enum Inner {
    Netlink(OwnedFd),
    Kernel(File),
    Journal { child: Child, output: ChildStdout, rest: Vec<u8> },
}

/// What has to be said besides about a source.
const LOSSY: &str = "the kernel's log keeps ten records in five seconds, and none while an audit daemon runs";

/// A line of the journal that is longer than this is given up.
const LINE: usize = 1 << 20;

/// Records that are taken at once at most, so that others have their turn.
const BATCH: usize = 4096;

impl Source {
    /// The best source that can be read, or the one that is asked for.
    ///
    /// # Errors
    /// Why none can be read, and what could be done.
    pub fn open(only: Option<Kind>) -> Result<Self, Fault> {
        let mut why = Vec::new();
        for (kind, word) in KINDS.iter().filter(|(kind, _)| only.is_none_or(|only| only == *kind)) {
            let inner = match kind {
                Kind::Audit => match netlink::listen() {
                    Ok(fd) => Ok(Inner::Netlink(fd)),
                    Err(Errno::EPROTONOSUPPORT) => return Err(missing()),
                    Err(Errno::ENONET) => Err("nothing is heard in a network namespace other than the first".into()),
                    Err(Errno::EPERM) => Err("that takes CAP_AUDIT_READ".into()),
                    Err(errno) => Err(errno.desc().to_owned()),
                },
                Kind::Kernel => kernel().map(Inner::Kernel),
                Kind::Journal => journal(),
            };
            match inner {
                Ok(inner) => return Ok(Self { kind: *kind, inner, lost: 0 }),
                Err(reason) => why.push(format!("{word}: {reason}")),
            }
        }
        let mut fault = Fault::new("the kernel's audit records cannot be read here").exit(Exit::Failure);
        for reason in why {
            fault = fault.help(reason);
        }
        Err(fault
            .help(
                "root, or whoever holds CAP_AUDIT_READ, can; so can members of systemd-journal, where journald audits",
            )
            .help("`stockade monitor -P POLICY -- COMMAND` takes no privileges: it sees calls by notifications"))
    }

    /// What readers should know: how it loses records.
    pub fn warning(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Audit => None,
            Kind::Kernel => Some(LOSSY),
            Kind::Journal => {
                Some("the journal has what journald was given: all with Audit=yes (journald.conf), else little")
            }
        }
    }

    /// What becomes readable when records come.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match &self.inner {
            Inner::Netlink(fd) => fd.as_fd(),
            Inner::Kernel(file) => file.as_fd(),
            Inner::Journal { output, .. } => output.as_fd(),
        }
    }

    /// The records that are there.
    ///
    /// # Errors
    /// The source has ended.
    pub fn take(&mut self) -> Result<Vec<Record>, Fault> {
        let mut records = Vec::new();
        let ended = |what: &str| Fault::new(format!("no more records come: {what}")).exit(Exit::Failure);
        match &mut self.inner {
            Inner::Netlink(fd) => {
                for _ in 0..BATCH {
                    match netlink::next(fd) {
                        Ok(record) => records.extend(record),
                        Err(Errno::EAGAIN) => break,
                        Err(Errno::EINTR) => {}
                        Err(Errno::ENOBUFS) => self.lost += 1,
                        Err(errno) => return Err(ended(errno.desc())),
                    }
                }
            }
            Inner::Kernel(file) => {
                // One read is one record (Documentation/ABI/testing/dev-kmsg).
                let mut buffer = [0; 16384];
                for _ in 0..BATCH {
                    match file.read(&mut buffer) {
                        Ok(length) => records.extend(Record::kernel(buffer.get(..length).unwrap_or_default())),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) if error.kind() == ErrorKind::Interrupted => {}
                        // What came next has been written over.
                        Err(error) if error.raw_os_error() == Some(libc::EPIPE) => self.lost += 1,
                        Err(error) => return Err(ended(&error.to_string())),
                    }
                }
            }
            Inner::Journal { output, rest, child } => {
                let mut buffer = vec![0; 1 << 16];
                match output.read(&mut buffer) {
                    Ok(0) => {
                        let mut said = String::new();
                        child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut said)).transpose().ok();
                        let said = said.lines().last().unwrap_or("it said nothing").to_owned();
                        return Err(ended(&format!("journalctl has ended: {said}")));
                    }
                    Ok(length) => rest.extend_from_slice(buffer.get(..length).unwrap_or_default()),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                    Err(error) => return Err(ended(&error.to_string())),
                }
                let complete = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let lines: Vec<u8> = rest.drain(..complete).collect();
                records.extend(lines.split(|byte| *byte == b'\n').filter_map(Record::journal));
                if rest.len() > LINE {
                    rest.clear();
                    self.lost += 1;
                }
            }
        }
        Ok(records)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Inner::Journal { child, .. } = &mut self.inner {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Whether the kernel audits calls; nothing where that cannot be asked.
pub fn audits() -> Option<bool> {
    netlink::audits()
}

/// A kernel without audit.
fn missing() -> Fault {
    Fault::new("this kernel keeps no audit records: it was built without CONFIG_AUDIT, or started with audit=0")
        .help("`stockade monitor -P POLICY -- COMMAND` needs none: it sees calls by notifications")
        .help("`stockade learn --pid PID` needs none either: it sees calls by eBPF")
        .exit(Exit::Failure)
}

fn kernel() -> Result<File, String> {
    let flags = libc::O_NONBLOCK | libc::O_CLOEXEC;
    let open = OpenOptions::new().read(true).custom_flags(flags).open("/dev/kmsg");
    let mut file = open.map_err(|error| format!("/dev/kmsg: {}", crate::fault::reason(&error)))?;
    file.seek(SeekFrom::End(0)).map_err(|error| format!("/dev/kmsg: {}", crate::fault::reason(&error)))?;
    Ok(file)
}

fn journal() -> Result<Inner, String> {
    let tool = ["/usr/bin/journalctl", "/bin/journalctl"].into_iter().find(|tool| Path::new(tool).exists());
    let tool = tool.ok_or("there is no journalctl")?;
    let some = Command::new(tool).args(["--lines=1", "--output=cat", "--quiet"]).stdin(Stdio::null()).output();
    // Where nothing can be read it would wait for ever.
    if some.map_err(|error| format!("{tool}: {}", crate::fault::reason(&error)))?.stdout.is_empty() {
        return Err("the journal has nothing that may be read".into());
    }
    let mut child = Command::new(tool)
        .args(["--follow", "--lines=0", "--output=json", "--quiet", "_TRANSPORT=audit", "+", "_TRANSPORT=kernel"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{tool}: {}", crate::fault::reason(&error)))?;
    let output = child.stdout.take().ok_or("journalctl gives no output")?;
    // Signals and the time are looked at between two of its lines.
    fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| errno.desc().to_owned())?;
    Ok(Inner::Journal { child, output, rest: Vec::new() })
}

/// Whether what filters let through is recorded at all.
///
/// # Errors
/// It is not, and what to do about it.
pub fn logged() -> Result<(), Fault> {
    const PLACE: &str = "/proc/sys/kernel/seccomp/actions_logged";
    // Kernels without the file log everything (before Linux 4.14).
    let Ok(text) = fs::read_to_string(PLACE) else { return Ok(()) };
    actions(&text)
}

/// The same of the file's text.
fn actions(text: &str) -> Result<(), Fault> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.contains(&"log") {
        return Ok(());
    }
    let all = words.iter().copied().chain(["log"]).collect::<Vec<_>>().join(" ");
    let fault = Fault::new("the kernel records nothing of what filters log: kernel.seccomp.actions_logged lacks `log`");
    Err(fault.help(format!("as root: sysctl -w kernel.seccomp.actions_logged='{all}'")).exit(Exit::Failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_does_not_log_is_no_silence() {
        assert!(actions("kill_process kill_thread trap errno user_notif trace log\n").is_ok());
        for text in ["kill_process errno\n", "", "catalog"] {
            let fault = actions(text).expect_err("no log");
            assert!(fault.message.contains("actions_logged"), "{fault:?}");
            assert!(fault.help[0].starts_with("as root: sysctl -w kernel.seccomp.actions_logged='"), "{fault:?}");
            assert!(fault.help[0].ends_with("log'"), "{fault:?}");
        }
    }
}
