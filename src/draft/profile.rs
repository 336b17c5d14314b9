//! A container engine's seccomp profile: rules that depend on the container's capabilities and on the kernel, and that
//! become one layer when both are known.

use super::By;
use super::action::Action;
use super::arch::Arch;
use super::calls::{Call, Id};
use super::capabilities::CapSet;
use super::groups;
use super::syscalls::{Flags, Layer, Rule};

/// The call does not exist (`asm-generic/errno.h`).
const ENOSYS: Action = Action::Errno(38);

/// A profile whose words all have their meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The answer to calls that no rule is about.
    pub default: Action,
    /// Architectures besides the native one.
    pub architectures: Vec<Arch>,
    /// How the filter is loaded.
    pub flags: Flags,
    /// The rules, in the order of the file.
    pub rules: Vec<Conditional>,
    /// Where the supervisor of its `notify` rules listens, and what it is told besides.
    pub listener: Option<(String, String)>,
}

/// A rule, and where it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditional {
    /// The rule.
    pub rule: Rule,
    /// Whether it was written without comparisons: then it holds before those that have any.
    pub plain: bool,
    /// It holds only where all of these are in the bounding set.
    pub with: CapSet,
    /// It does not hold where any of these is.
    pub without: CapSet,
    /// It holds only from this kernel on.
    pub since: Option<(u32, u32)>,
    /// It does not hold from this kernel on.
    pub until: Option<(u32, u32)>,
    /// Why, in the writer's words.
    pub comment: String,
}

/// The capabilities that Docker gives to a container that asks for nothing (moby's `oci/caps/defaults.go`).
pub const DOCKER: CapSet = CapSet(0xa804_25fb);

/// libseccomp's names for architectures, which profiles use, and ours; those of machines without a system call filter of
/// ours have none.
const ARCHES: [(&str, Option<Arch>); 23] = [
    ("SCMP_ARCH_X86_64", Some(Arch::X86_64)),
    ("SCMP_ARCH_X86", Some(Arch::X86)),
    ("SCMP_ARCH_X32", Some(Arch::X32)),
    ("SCMP_ARCH_AARCH64", Some(Arch::Aarch64)),
    ("SCMP_ARCH_ARM", Some(Arch::Arm)),
    ("SCMP_ARCH_RISCV64", Some(Arch::Riscv64)),
    ("SCMP_ARCH_LOONGARCH64", Some(Arch::Loongarch64)),
    ("SCMP_ARCH_PPC64LE", Some(Arch::Ppc64Le)),
    ("SCMP_ARCH_PPC64", Some(Arch::Ppc64)),
    ("SCMP_ARCH_PPC", Some(Arch::Ppc)),
    ("SCMP_ARCH_S390X", Some(Arch::S390x)),
    ("SCMP_ARCH_S390", Some(Arch::S390)),
    ("SCMP_ARCH_MIPS", Some(Arch::Mips)),
    ("SCMP_ARCH_MIPSEL", Some(Arch::MipsLe)),
    ("SCMP_ARCH_MIPS64", Some(Arch::Mips64)),
    ("SCMP_ARCH_MIPSEL64", Some(Arch::Mips64Le)),
    ("SCMP_ARCH_MIPS64N32", Some(Arch::Mips64N32)),
    ("SCMP_ARCH_MIPSEL64N32", Some(Arch::Mips64LeN32)),
    ("SCMP_ARCH_PARISC", Some(Arch::Parisc)),
    ("SCMP_ARCH_PARISC64", Some(Arch::Parisc64)),
    ("SCMP_ARCH_M68K", None),
    ("SCMP_ARCH_SH", None),
    ("SCMP_ARCH_SHEB", None),
];

/// An architecture of libseccomp's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// One that stockade has a word for.
    Ours(Arch),
    /// Another one, on which stockade does not run.
    Other,
}

/// The architecture that libseccomp calls so; nothing for a name that nobody knows.
pub fn architecture(name: &str) -> Option<Machine> {
    if name == "SCMP_ARCH_NATIVE" {
        return Some(Machine::Ours(Arch::native()));
    }
    ARCHES.iter().find(|(known, _)| *known == name).map(|(_, arch)| arch.map_or(Machine::Other, Machine::Ours))
}

/// Every name that [`architecture`] knows.
pub fn architectures() -> impl Iterator<Item = &'static str> {
    ARCHES.iter().map(|(name, _)| *name)
}

/// libseccomp's name for an architecture.
pub fn architecture_name(arch: Arch) -> &'static str {
    ARCHES.iter().find(|(_, known)| *known == Some(arch)).map_or("SCMP_ARCH_NATIVE", |(name, _)| name)
}

/// What `includes` and `excludes` call the architecture that this program was built for (Go's GOARCH).
pub fn engine_name(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "amd64",
        Arch::X86 => "x86",
        Arch::X32 => "x32",
        Arch::Aarch64 => "arm64",
        Arch::Ppc64Le => "ppc64le",
        Arch::Loongarch64 => "loong64",
        other => other.word(),
    }
}

impl Conditional {
    /// Whether the rule holds with these capabilities on this kernel.
    pub fn holds(&self, caps: CapSet, kernel: (u32, u32)) -> bool {
        self.with.within(caps)
            && self.without.intersection(caps).is_empty()
            && self.since.is_none_or(|version| kernel >= version)
            && self.until.is_none_or(|version| kernel < version)
    }

    /// Whether it holds everywhere.
    pub fn always(&self) -> bool {
        self.with.is_empty() && self.without.is_empty() && self.since.is_none() && self.until.is_none()
    }
}

impl Profile {
    /// The rules that hold with these capabilities on this kernel, in the order in which the first that matches answers.
    ///
    /// Of several rules for one call libseccomp, and with it every engine, takes the first one without comparisons, and
    /// those with comparisons only where there is no such rule. Of several whose comparisons hold it does not say which it
    /// takes: here it is the strictest. A rule that answers what the default answers is no rule (runc, crun).
    pub fn rules(&self, caps: CapSet, kernel: (u32, u32)) -> Vec<&Conditional> {
        let holds = |rule: &&Conditional| rule.rule.action != self.default && rule.holds(caps, kernel);
        let (mut rules, mut compared): (Vec<&Conditional>, Vec<&Conditional>) =
            self.rules.iter().filter(holds).partition(|rule| rule.plain);
        compared.sort_by_key(|rule| std::cmp::Reverse(rule.rule.action.strictness()));
        rules.extend(compared);
        rules
    }

    /// The calls that are newer than the newest one that the profile names with these capabilities: where the default
    /// refuses they answer ENOSYS, as under runc (`libcontainer/seccomp/patchbpf`), so that libc falls back to older ones.
    pub fn newer(&self, caps: CapSet, kernel: (u32, u32)) -> Vec<Call> {
        if matches!(self.default, Action::Allow | Action::Log | Action::Trace(_)) || self.default == ENOSYS {
            return Vec::new();
        }
        let native = Arch::native();
        let named = self.rules.iter().filter(|rule| rule.holds(caps, kernel)).flat_map(|rule| &rule.rule.calls);
        let Some(newest) = named.filter_map(|call| call.number(native, native)).max() else { return Vec::new() };
        Id::all().filter(|id| id.number(native).is_some_and(|number| number > newest)).map(Call::Known).collect()
    }

    /// The calls that the profile names and that systemd does not know: what no rule answers about them is the profile's to
    /// answer, where calls that neither knows answer ENOSYS.
    pub fn rare(&self, caps: CapSet, kernel: (u32, u32)) -> Vec<Call> {
        if self.default.strictness() < ENOSYS.strictness() || self.default == ENOSYS {
            return Vec::new();
        }
        let rare = |call: &&Call| !matches!(call, Call::Known(id) if groups::known(*id));
        let mut found: Vec<Call> = Vec::new();
        for call in
            self.rules.iter().filter(|rule| rule.holds(caps, kernel)).flat_map(|rule| &rule.rule.calls).filter(rare)
        {
            if !found.contains(call) {
                found.push(call.clone());
            }
        }
        found
    }

    /// What the profile comes to with these capabilities on this kernel.
    pub fn layer(&self, caps: CapSet, kernel: (u32, u32), by: &By) -> Layer {
        let mut rules: Vec<Rule> = self.rules(caps, kernel).into_iter().map(|rule| rule.rule.clone()).collect();
        for (calls, action) in [(self.rare(caps, kernel), self.default), (self.newer(caps, kernel), ENOSYS)] {
            if !calls.is_empty() {
                rules.push(Rule { calls, when: Vec::new(), action, by: by.clone(), on: Vec::new() });
            }
        }
        let unknown = (self.default.strictness() >= ENOSYS.strictness()).then_some(ENOSYS);
        Layer { by: by.clone(), rules, otherwise: self.default, unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_capabilities_are_these_fourteen() {
        assert_eq!(
            DOCKER.names(),
            [
                "CAP_CHOWN",
                "CAP_DAC_OVERRIDE",
                "CAP_FOWNER",
                "CAP_FSETID",
                "CAP_KILL",
                "CAP_SETGID",
                "CAP_SETUID",
                "CAP_SETPCAP",
                "CAP_NET_BIND_SERVICE",
                "CAP_NET_RAW",
                "CAP_SYS_CHROOT",
                "CAP_MKNOD",
                "CAP_AUDIT_WRITE",
                "CAP_SETFCAP",
            ]
        );
    }
}
