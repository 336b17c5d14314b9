//! Limits: what was used at the most, and with how much more a policy would be.
//!
//! Another day's work is larger, and a limit that is met looks like a fault of the program's. So only what nearly every
//! program keeps to without being asked is a line; everything else is a comment, with what was seen.

use std::fmt::Write;

use crate::learn::observed::{Observed, Part};

/// One limit that is told of.
struct Row {
    limit: u32,
    directive: &'static str,
    /// How much more is left, and the least that a value is.
    times: u64,
    least: u64,
    /// What was seen, around its number.
    seen: [&'static str; 2],
    /// Why it is a comment.
    why: &'static str,
}

const MEGABYTE: u64 = 1 << 20;

const ROWS: [Row; 4] = [
    Row {
        limit: libc::RLIMIT_NOFILE,
        directive: "LimitNOFILE",
        times: 4,
        least: DESCRIPTORS,
        seen: ["At most", "descriptors in one process"],
        why: "more than most programs",
    },
    Row {
        limit: libc::RLIMIT_NPROC,
        directive: "TasksMax",
        times: 4,
        least: 64,
        seen: ["At most", "processes and threads at the same time"],
        why: "it takes a control group of its own",
    },
    Row {
        limit: libc::RLIMIT_AS,
        directive: "LimitAS",
        times: 4,
        least: 256 * MEGABYTE,
        seen: ["At most", "of addresses in one process"],
        why: "programs that reserve much and use little fail early",
    },
    Row {
        limit: libc::RLIMIT_STACK,
        directive: "LimitSTACK",
        times: 8,
        least: 8 * MEGABYTE,
        seen: ["At most", "of stack in one process"],
        why: "threads get stacks of this size where they ask for none",
    },
];

/// What Linux and systemd give as the soft limit, which programs that do not ask for more keep to.
const DESCRIPTORS: u64 = 1024;

/// Writes them.
pub(super) fn write(seen: &Observed, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n# Limits. What was used at the most, and several times as much for another day.")?;
    if seen.unknown.contains(&Part::Limits) {
        writeln!(out, "# Of some processes it could not be seen.")?;
    }
    for row in &ROWS {
        one(row, seen, out)?;
    }
    if let Some(resident) = seen.limits.get(&libc::RLIMIT_RSS) {
        let most = bytes(*resident);
        writeln!(out, "# At most {most} of memory in one process; several at once are not added up (MemoryMax).")?;
    }
    writeln!(
        out,
        "# Not seen by anybody: sizes of files (LimitFSIZE), locked memory (LimitMEMLOCK), core dumps (LimitCORE)."
    )
}

fn one(row: &Row, seen: &Observed, out: &mut String) -> std::fmt::Result {
    let Row { limit, directive, why, .. } = row;
    let asked = seen.asked.get(limit).copied();
    let memory = [libc::RLIMIT_AS, libc::RLIMIT_STACK].contains(limit);
    let Some(most) = seen.limits.get(limit).filter(|_| !memory || !seen.unknown.contains(&Part::Memory)) else {
        return writeln!(out, "# {directive}: not known.");
    };
    let counted = |value: u64| if memory { bytes(value) } else { value.to_string() };
    let value = most.saturating_mul(row.times).checked_next_power_of_two().unwrap_or(u64::MAX).max(row.least);
    let [before, after] = row.seen;
    let mut note = format!("{before} {} {after}", counted(*most));
    if *limit == libc::RLIMIT_NPROC && *most == 1 {
        note = "Never more than one process or thread".into();
    }
    if let Some(soft) = seen.near.get(limit) {
        write!(note, ", more than half of the limit of {} that held", counted(*soft))?;
    }
    note.push('.');
    match asked {
        Some(u64::MAX) => write!(note, " It asks for no limit itself.")?,
        Some(soft) => write!(note, " It asks for a limit of {} itself.", counted(soft))?,
        None => {}
    }
    let is_line = *limit == libc::RLIMIT_NOFILE
        && value == DESCRIPTORS
        && asked.is_none()
        && !seen.near.contains_key(limit)
        && !seen.unknown.contains(&Part::Limits);
    if is_line {
        return writeln!(out, "{directive} = {value}  # {note}");
    }
    let line = if memory { format!("\"{}\"", bytes(value)) } else { value.to_string() };
    let why = if asked.is_some() { "" } else { why };
    let why = if why.is_empty() { String::new() } else { format!(" Not a line: {why}.") };
    writeln!(out, "# {note}{why}\n#{directive} = {line}")
}

/// Bytes as directives have them: `132K`; a power of two loses nothing.
fn bytes(value: u64) -> String {
    if value == 0 {
        return "0".into();
    }
    for (unit, letter) in [(1 << 40, 'T'), (1 << 30, 'G'), (MEGABYTE, 'M'), (1 << 10, 'K')] {
        if value.is_multiple_of(unit) || value >= 10 * unit {
            return format!("{}{letter}", value.div_ceil(unit));
        }
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(limits: &[(u32, u64)], change: impl FnOnce(&mut Observed)) -> String {
        let mut seen = Observed { limits: limits.iter().copied().collect(), ..Observed::default() };
        change(&mut seen);
        let mut out = String::new();
        write(&seen, &mut out).expect("a text");
        out
    }

    fn has(text: &str, line: &str) -> bool {
        text.lines().any(|known| known == line)
    }

    const FEW: [(u32, u64); 3] = [(libc::RLIMIT_NOFILE, 64), (libc::RLIMIT_NPROC, 5), (libc::RLIMIT_AS, 300 << 20)];

    #[test]
    fn what_programs_keep_to_anyway_is_a_line_and_the_rest_a_comment() {
        let text = text(&FEW, |_| {});
        assert!(has(&text, "LimitNOFILE = 1024  # At most 64 descriptors in one process."), "{text}");
        assert!(has(&text, "#TasksMax = 64") && has(&text, "#LimitAS = \"2G\""), "{text}");
        assert!(text.contains("300M of addresses in one process. Not a line: "), "{text}");
        assert!(has(&text, "# LimitSTACK: not known."), "{text}");
    }

    #[test]
    fn a_limit_that_was_near_or_is_asked_for_is_none() {
        for change in [
            (|seen| {
                seen.near.insert(libc::RLIMIT_NOFILE, 100);
            }) as fn(&mut Observed),
            |seen| {
                seen.asked.insert(libc::RLIMIT_NOFILE, 4096);
            },
            |seen| {
                seen.limits.insert(libc::RLIMIT_NOFILE, 512);
            },
            |seen| {
                seen.unknown.insert(Part::Limits);
            },
        ] {
            let text = text(&FEW, change);
            assert!(!text.contains("\nLimitNOFILE") && text.contains("\n#LimitNOFILE = "), "{text}");
        }
        let asks = text(&FEW, |seen| {
            seen.asked.insert(libc::RLIMIT_NOFILE, u64::MAX);
        });
        assert!(asks.contains("It asks for no limit itself."), "{asks}");
        let near = text(&FEW, |seen| {
            seen.near.insert(libc::RLIMIT_NOFILE, 100);
        });
        assert!(
            near.contains("64 descriptors in one process, more than half of the limit of 100 that held."),
            "{near}"
        );
    }

    #[test]
    fn memory_that_ended_unseen_is_not_known() {
        let text = text(&FEW, |seen| {
            seen.unknown.insert(Part::Memory);
        });
        assert!(has(&text, "# LimitAS: not known.") && text.contains("\nLimitNOFILE = 1024"), "{text}");
    }

    #[test]
    fn bytes_have_suffixes() {
        for (value, expected) in [(0, "0"), (135_168, "132K"), (1 << 31, "2G"), ((1 << 30) + 1, "1025M"), (100, "100")]
        {
            assert_eq!(bytes(value), expected, "{value}");
        }
    }
}
