//! What the target and all that it starts may use together: control groups.

use crate::draft::Asked;
use crate::draft::attributes::{Amount, GroupLimit};
use crate::fault::{Fault, Origin};
use crate::text::Value;

use super::form::amount;
use super::form::{self, Form, Item};
use super::{Demands, Directive, Policy};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Cgroup {
    /// Limits by the file that they are written to, each once.
    pub limits: Vec<(GroupLimit, Origin)>,
    /// CPUQuota=: microseconds of a second.
    pub quota: Option<(u64, Origin)>,
    /// CPUQuotaPeriodSec=: microseconds.
    pub period: Option<u64>,
}

/// How long a period of CPUQuota= is where nothing is said, as the kernel has it.
const PERIOD: u64 = 100_000;

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "MemoryMax",
        form: Form::Text("BYTES"),
        summary: "most memory of the target and all that it starts",
        manual: "Bytes of memory, with K, M, G or T behind them, a percentage of the machine's memory, or *infinity*. Where \
                 more is needed the kernel kills (memory.max of cgroups, version 2).\n\n\
                 As all limits of control groups it takes a group of the target's own, which stockade makes below one \
                 that was given to the caller: by systemd with `Delegate=yes` in the unit or scope that stockade runs \
                 in, or by an administrator who gave the caller the directory. No process may be in the delegated \
                 group but stockade itself, or those in groups below it. Elsewhere the start fails. The empty group is \
                 removed by the next stockade that is started there.",
        example: "MemoryMax = \"512M\"",
        unlike: Some(
            "Limits take a delegated control group. Without one: `systemd-run --user --scope -p Delegate=yes stockade \
             ...`, or -p MemoryMax= of systemd-run itself.",
        ),
        exposure: &[],
        read: |policy, value| read(policy, value, "memory", "memory.max", memory),
        demand: |policy, demands| demand(policy, demands, "memory.max"),
    },
    Directive {
        name: "MemoryHigh",
        form: Form::Text("BYTES"),
        summary: "memory above which the target is slowed down",
        manual: "As *MemoryMax*, but nobody is killed: whoever needs more waits until some is given back (memory.high).",
        example: "MemoryHigh = \"40%\"",
        unlike: Some("See MemoryMax."),
        exposure: &[],
        read: |policy, value| read(policy, value, "memory", "memory.high", memory),
        demand: |policy, demands| demand(policy, demands, "memory.high"),
    },
    Directive {
        name: "MemorySwapMax",
        form: Form::Text("BYTES"),
        summary: "most swap space of the target and all that it starts",
        manual: "Bytes of swap space, a percentage of the machine's memory, or *infinity* (memory.swap.max). See *MemoryMax*.",
        example: "MemorySwapMax = 0",
        unlike: Some("See MemoryMax. A percentage is one of the memory, not of the swap space."),
        exposure: &[],
        read: |policy, value| read(policy, value, "memory", "memory.swap.max", memory),
        demand: |policy, demands| demand(policy, demands, "memory.swap.max"),
    },
    Directive {
        name: "TasksMax",
        form: Form::Text("NUMBER"),
        summary: "most processes and threads of the target",
        manual: "A number of processes and threads, a percentage of as many as the machine can have, or *infinity* \
                 (pids.max). fork(2) and clone(2) answer EAGAIN beyond it. See *MemoryMax*.",
        example: "TasksMax = 64",
        unlike: Some("See MemoryMax."),
        exposure: &[],
        read: |policy, value| read(policy, value, "pids", "pids.max", tasks),
        demand: |policy, demands| demand(policy, demands, "pids.max"),
    },
    Directive {
        name: "CPUQuota",
        form: Form::Text("PERCENT"),
        summary: "most processor time of the target and all that it starts",
        manual: "A percentage of one processor's time: `20%` is a fifth of one, `200%` two whole ones (cpu.max). See \
                 *CPUQuotaPeriodSec* and *MemoryMax*. An empty value resets.",
        example: "CPUQuota = \"50%\"",
        unlike: Some("See MemoryMax."),
        exposure: &[],
        read: |policy, value| {
            let item = form::text(value)?;
            policy.cgroup.quota = match item.text.trim() {
                "" => None,
                text => match percent(text).filter(|share| *share > 0) {
                    // A hundredth of a percent of a second is a hundred microseconds.
                    Some(share) => Some((u64::from(share) * 100, item.at.clone())),
                    None => {
                        return Err(item
                            .fault(format!("`{text}` is not a share of a processor"))
                            .help("e.g. 20%, 150%"));
                    }
                },
            };
            Ok(())
        },
        demand: |policy, demands| {
            let Some((quota, at)) = &policy.cgroup.quota else { return };
            let period = policy.cgroup.period.unwrap_or(PERIOD);
            // The kernel takes no less than a millisecond (cpu.max).
            let share = (quota * period / amount::SECOND).max(1000);
            let what = GroupLimit { controller: "cpu", file: "cpu.max", amount: Amount::Quota(share, period) };
            let by = demands.at(at);
            demands.draft.group_limits.push(Asked { what, by });
        },
    },
    Directive {
        name: "CPUQuotaPeriodSec",
        form: Form::Text("TIME"),
        summary: "over which time CPUQuota is measured",
        manual: "A time, in seconds unless a unit is written, that the kernel takes between 1ms and 1s; 100ms unless said. \
                 Shorter ones make long pauses rarer and cost more.",
        example: "CPUQuota = \"50%\"\nCPUQuotaPeriodSec = \"10ms\"",
        unlike: Some("A time that the kernel does not take is an error."),
        exposure: &[],
        read: |policy, value| {
            let item = form::text(value)?;
            policy.cgroup.period = match item.text.trim() {
                "" => None,
                text => match amount::microseconds(text, amount::SECOND) {
                    Ok(period) if (1000..=amount::SECOND).contains(&period) => Some(period),
                    _ => {
                        return Err(item
                            .fault(format!("`{text}` is not a period"))
                            .help("write a time from 1ms to 1s"));
                    }
                },
            };
            Ok(())
        },
        // Part of what CPUQuota demands.
        demand: |_, _| {},
    },
    Directive {
        name: "CPUWeight",
        form: Form::Text("WEIGHT"),
        summary: "share of processor time among others",
        manual: "A number from 1 to 10000; groups get processor time in proportion, and 100 is what they have where nothing \
                 is said (cpu.weight). *idle* takes only what nobody else wants (cpu.idle). See *MemoryMax*.",
        example: "CPUWeight = 20",
        unlike: Some("See MemoryMax."),
        exposure: &[],
        read: |policy, value| {
            let file = if form::text(value)?.text.trim() == "idle" { "cpu.idle" } else { "cpu.weight" };
            policy.cgroup.limits.retain(|(limit, _)| limit.file != "cpu.idle" && limit.file != "cpu.weight");
            read(policy, value, "cpu", file, weight)
        },
        demand: |policy, demands| {
            demand(policy, demands, "cpu.weight");
            demand(policy, demands, "cpu.idle");
        },
    },
];

/// Reads one limit with its own grammar; an empty value resets it.
fn read(
    policy: &mut Policy,
    value: &Value,
    controller: &'static str,
    file: &'static str,
    grammar: fn(&str, &Item) -> Result<Amount, Fault>,
) -> Result<(), Fault> {
    let item = form::text(value)?;
    let text = item.text.trim();
    let found = if text.is_empty() { None } else { Some(grammar(text, &item)?) };
    let limits = &mut policy.cgroup.limits;
    limits.retain(|(limit, _)| limit.file != file);
    limits.extend(found.map(|amount| (GroupLimit { controller, file, amount }, item.at.clone())));
    Ok(())
}

fn demand(policy: &Policy, demands: &mut Demands<'_>, file: &str) {
    if let Some((limit, at)) = policy.cgroup.limits.iter().find(|(limit, _)| limit.file == file) {
        let by = demands.at(at);
        demands.draft.group_limits.push(Asked { what: limit.clone(), by });
    }
}

fn memory(text: &str, item: &Item) -> Result<Amount, Fault> {
    if text == "infinity" {
        return Ok(Amount::Infinity);
    }
    let share = percent(text).filter(|share| *share <= 10_000).map(Amount::Share);
    share.or_else(|| amount::bytes(text).ok().map(Amount::Number)).ok_or_else(|| {
        item.fault(format!("`{text}` is not an amount of memory")).help("e.g. 512M, 1.5G, 40%, infinity")
    })
}

fn tasks(text: &str, item: &Item) -> Result<Amount, Fault> {
    match (text, amount::count(text)) {
        ("infinity", _) => Ok(Amount::Infinity),
        (_, Ok(number)) if number > 0 => Ok(Amount::Number(number)),
        _ => percent(text)
            .filter(|share| (1..=10_000).contains(share))
            .map(Amount::Share)
            .ok_or_else(|| item.fault(format!("`{text}` is not a number of tasks")).help("e.g. 512, 10%, infinity")),
    }
}

fn weight(text: &str, item: &Item) -> Result<Amount, Fault> {
    match (text, amount::count(text)) {
        ("idle", _) => Ok(Amount::Number(1)),
        (_, Ok(number)) if (1..=10_000).contains(&number) => Ok(Amount::Number(number)),
        _ => Err(item.fault(format!("`{text}` is not a weight")).help("write a whole number from 1 to 10000, or idle")),
    }
}

/// `20%` and `0.05%` in hundredths of a percent (systemd's parse_permyriad).
fn percent(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let part = part.parse::<u32>().ok()? * if part.len() == 1 { 10 } else { 1 };
    whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::text::Kind;

    fn limits(entries: &[(&str, &str)]) -> Result<Vec<(&'static str, Amount)>, Fault> {
        let entries: Vec<_> = entries.iter().map(|(name, text)| (*name, Kind::Text((*text).into()))).collect();
        let draft = read_all(&entries)?.draft();
        Ok(draft.group_limits.into_iter().map(|asked| (asked.what.file, asked.what.amount)).collect())
    }

    #[test]
    fn memory_is_bytes_or_a_share() {
        assert_eq!(limits(&[("MemoryMax", "1.5G")]), Ok(vec![("memory.max", Amount::Number(3 << 29))]));
        assert_eq!(limits(&[("MemoryHigh", "12.5%")]), Ok(vec![("memory.high", Amount::Share(1250))]));
        assert_eq!(limits(&[("MemorySwapMax", "infinity")]), Ok(vec![("memory.swap.max", Amount::Infinity)]));
        assert_eq!(limits(&[("MemoryMax", "1G"), ("MemoryMax", "")]), Ok(vec![]));
        for bad in ["-1", "101%", "1.555%", "%", "lots", "1G%"] {
            assert!(limits(&[("MemoryMax", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn quotas_are_shares_of_a_period() {
        assert_eq!(limits(&[("CPUQuota", "20%")]), Ok(vec![("cpu.max", Amount::Quota(20_000, 100_000))]));
        let short = [("CPUQuotaPeriodSec", "10ms"), ("CPUQuota", "200%")];
        assert_eq!(limits(&short), Ok(vec![("cpu.max", Amount::Quota(20_000, 10_000))]));
        assert_eq!(limits(&[("CPUQuota", "0.01%")]), Ok(vec![("cpu.max", Amount::Quota(1000, 100_000))]));
        for bad in ["20", "0%", "-1%", "x%"] {
            assert!(limits(&[("CPUQuota", bad)]).is_err(), "{bad}");
        }
        assert!(read("CPUQuotaPeriodSec", Kind::Text("2s".into())).is_err());
    }

    #[test]
    fn a_weight_is_one_of_two_files() {
        let idle = [("CPUWeight", "20"), ("CPUWeight", "idle")];
        assert_eq!(limits(&idle), Ok(vec![("cpu.idle", Amount::Number(1))]));
        assert_eq!(limits(&[("CPUWeight", "10000")]), Ok(vec![("cpu.weight", Amount::Number(10_000))]));
        for bad in ["0", "10001", "x"] {
            assert!(limits(&[("CPUWeight", bad)]).is_err(), "{bad}");
        }
        assert_eq!(limits(&[("TasksMax", "9")]), Ok(vec![("pids.max", Amount::Number(9))]));
        assert_eq!(limits(&[("TasksMax", "99%")]), Ok(vec![("pids.max", Amount::Share(9900))]));
        for bad in ["0", "0%", "101%", "-1"] {
            assert!(limits(&[("TasksMax", bad)]).is_err(), "{bad}");
        }
    }
}
