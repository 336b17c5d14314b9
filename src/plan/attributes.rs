//! Attributes that the target inherits.

use crate::draft::attributes::{Attribute, HugePages, Module};
use crate::fault::Exit;

use super::op::Op;
use super::order::Phase;
use super::{Planner, Shortfall, target};

/// In systemd's order: memory, core dumps, scheduling, and so on.
fn rank(attribute: &Attribute) -> u8 {
    match attribute {
        Attribute::IgnorePipe(_) => 0,
        Attribute::OomScore(_) => 1,
        Attribute::CoredumpFilter(_) => 2,
        Attribute::Scheduling { .. } => 3,
        Attribute::Nice(_) => 4,
        Attribute::Affinity(_) => 5,
        Attribute::Memory { .. } => 6,
        Attribute::Io(_) => 7,
        Attribute::TimerSlack(_) => 8,
        Attribute::Personality(_) => 9,
        Attribute::MergeMemory(_) => 10,
        Attribute::HugePages(_) => 11,
        Attribute::Keyring { .. } => 12,
    }
}

/// Plans attributes and labels.
pub(super) fn plan(planner: &mut Planner<'_>) {
    attributes(planner);
    labels(planner);
}

fn attributes(planner: &mut Planner<'_>) {
    let mut all: Vec<_> = planner.draft.attributes.iter().collect();
    all.sort_by_key(|asked| rank(&asked.what));
    for asked in all {
        let by = vec![asked.by.clone()];
        match &asked.what {
            Attribute::Scheduling { policy, priority, .. } => {
                let realtime = *policy == libc::SCHED_FIFO || *policy == libc::SCHED_RR;
                if realtime != (*priority > 0) {
                    let fault = target::at(&asked.by, format!("priority {priority} is none of this scheduling policy"));
                    let help = "fifo and rr have the priorities 1 to 99, all others have 0 only";
                    planner.faults.push(fault.help(help).exit(Exit::SetScheduler));
                    continue;
                }
            }
            Attribute::Memory { mode: 2 | 3, nodes } if nodes.is_empty() => {
                let fault = target::at(&asked.by, "this memory policy needs to know which nodes".into());
                planner.faults.push(fault.help("say NUMAMask= too").exit(Exit::NumaPolicy));
                continue;
            }
            // As in systemd the score stays what it is then, which is no weaker.
            Attribute::OomScore(_) if planner.host.oom_score.is_some() => {
                let had = planner.host.oom_score.unwrap_or_default();
                planner.told.push(format!("{}: {had} is the least that this caller can have, and holds", asked.by));
                continue;
            }
            // The keyring and its quota shall be the target's own user's.
            Attribute::Keyring { .. } => {
                planner.step(Phase::Process, Op::Attribute(asked.what.clone()), by);
                continue;
            }
            Attribute::MergeMemory(_) if planner.host.release < (6, 4) => {
                planner.short(Shortfall {
                    by: asked.by.clone(),
                    missing: "merging of memory cannot be switched for a process".into(),
                    reason: "this kernel does not have it".into(),
                    remedy: "use Linux 6.4 or newer, or leave MemoryKSM out".into(),
                    exit: Exit::Ksm,
                });
                continue;
            }
            Attribute::HugePages(HugePages::Madvise) if planner.host.release < (6, 18) => {
                planner.short(Shortfall {
                    by: asked.by.clone(),
                    missing: "huge pages cannot be left to what madvise(2) asks for".into(),
                    reason: "this kernel can only switch all of them off for a process".into(),
                    remedy: "use Linux 6.18 or newer, or MemoryTHP=disable".into(),
                    exit: Exit::MemoryThp,
                });
                continue;
            }
            _ => {}
        }
        planner.step(Phase::Schedule, Op::Attribute(asked.what.clone()), by);
    }
}

fn labels(planner: &mut Planner<'_>) {
    for asked in &planner.draft.labels {
        let (there, name, exit) = match asked.what.module {
            Module::AppArmor => (planner.host.apparmor, "AppArmor", Exit::AppArmor),
            Module::SeLinux => (planner.host.selinux, "SELinux", Exit::SelinuxContext),
        };
        if there {
            planner.step(Phase::Label, Op::Label(asked.what.clone()), vec![asked.by.clone()]);
        } else if asked.what.optional {
            planner.notes.push(format!("{}: {name} is not there, and `-` lets it be missing", asked.by.directive));
        } else {
            planner.short(Shortfall {
                by: asked.by.clone(),
                missing: format!("{} cannot be set", asked.by.directive),
                reason: format!("{name} is not active on this host"),
                remedy: format!("put `-` in front of it: {} = \"-{}\"", asked.by.directive, asked.what.label),
                exit,
            });
        }
    }
}
