//! What was measured, as a table and as JSON, and the budget.

use std::io::{self, Write};

use serde_json::json;

use super::Measured;
use super::child::CALLS;

/// A word on standard error.
pub(crate) fn note(text: &str) {
    // Nobody to tell when standard error is closed.
    writeln!(io::stderr(), "filter: {text}").ok();
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn least(values: &[f64]) -> f64 {
    sorted(values).first().copied().unwrap_or(0.0)
}

fn median(values: &[f64]) -> f64 {
    sorted(values).get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The filter that everything is compared with.
fn floor(all: &[Measured]) -> &Measured {
    &all[1]
}

/// One line of the budget: what, measured, and at most.
fn budget(all: &[Measured]) -> Vec<(String, f64, f64)> {
    let mut lines = Vec::new();
    for one in all.iter().filter(|one| one.subject.ours) {
        for (at, (call, ..)) in CALLS.iter().enumerate() {
            let above = least(&one.calls[at]) - least(&floor(all).calls[at]);
            lines.push((format!("{}: {call}, ns above the least filter", one.subject.name), above, 3.0));
        }
        if !one.subject.name.contains("strict") {
            let length = u32::try_from(one.subject.code.len()).unwrap_or(u32::MAX);
            lines.push((format!("{}: instructions", one.subject.name), length.into(), 130.0));
            // The minima: whatever else the machine does only adds to them.
            let both = (least(&one.build) + least(&one.load)) / 1e3;
            lines.push((format!("{}: us to build and load", one.subject.name), both, 50.0));
        }
    }
    lines
}

/// The tables; whether the budget was kept.
pub(crate) fn text(out: &mut impl Write, all: &[Measured]) -> io::Result<bool> {
    writeln!(out, "ns a call: min, median, and the ratio of the minima to the least filter's\n")?;
    write!(out, "{:<32}", "")?;
    for (call, ..) in CALLS {
        write!(out, " {call:>22}")?;
    }
    writeln!(out)?;
    for one in all {
        write!(out, "{:<32}", one.subject.name)?;
        for (times, floor) in one.calls.iter().zip(&floor(all).calls) {
            write!(out, " {:>7.1} {:>7.1} {:>6.2}", least(times), median(times), least(times) / least(floor))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "\n{:<32} {:>12} {:>19} {:>19}", "", "instructions", "build us min median", "load us min median")?;
    for one in all {
        write!(out, "{:<32} {:>12}", one.subject.name, one.subject.code.len())?;
        for times in [&one.build, &one.load] {
            if times.is_empty() {
                write!(out, " {:>9} {:>9}", "-", "-")?;
            } else {
                write!(out, " {:>9.1} {:>9.1}", least(times) / 1e3, median(times) / 1e3)?;
            }
        }
        writeln!(out)?;
    }
    writeln!(out)?;
    let budget = budget(all);
    for (what, measured, limit) in &budget {
        let verdict = if measured <= limit { "kept" } else { "EXCEEDED" };
        writeln!(out, "budget {what}: {measured:.1} of {limit}: {verdict}")?;
    }
    Ok(budget.iter().all(|line| line.1 <= line.2))
}

/// The same for a program.
pub(crate) fn json(out: &mut impl Write, all: &[Measured]) -> io::Result<bool> {
    let rows: Vec<_> = all
        .iter()
        .map(|one| {
            let calls: serde_json::Map<_, _> = CALLS
                .iter()
                .zip(&one.calls)
                .map(|((call, ..), times)| {
                    ((*call).to_owned(), json!({ "min_ns": least(times), "median_ns": median(times) }))
                })
                .collect();
            json!({
                "filter": one.subject.name, "instructions": one.subject.code.len(), "calls": calls,
                "build_us": { "min": least(&one.build) / 1e3, "median": median(&one.build) / 1e3 },
                "load_us": { "min": least(&one.load) / 1e3, "median": median(&one.load) / 1e3 },
            })
        })
        .collect();
    let budget = budget(all);
    let lines: Vec<_> = budget
        .iter()
        .map(|(what, measured, limit)| json!({ "what": what, "measured": measured, "limit": limit }))
        .collect();
    writeln!(out, "{:#}", json!({ "filters": rows, "budget": lines }))?;
    Ok(budget.iter().all(|line| line.1 <= line.2))
}
