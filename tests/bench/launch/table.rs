//! What was measured, as a table and as JSON.

use std::io::{self, Write};

use super::Entry;
use super::commands::{BUDGETS, Level};

/// A word on standard error.
pub(crate) fn note(text: &str) {
    // Nobody to tell when standard error is closed.
    writeln!(io::stderr(), "launch: {text}").ok();
}

#[allow(clippy::cast_precision_loss)] // Nanoseconds of one launch are far below 2^52.
fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

/// The value below which this many hundredths of them lie.
fn percentile(values: &[u64], hundredths: usize) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * hundredths / 100).min(sorted.len() - 1)]
}

/// The median of the ratios of one round.
fn ratio(of: &Entry, to: &Entry) -> f64 {
    let mut ratios: Vec<f64> = of.times.iter().zip(&to.times).map(|(a, b)| millis(*a) / millis(*b)).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn find<'a>(entries: &'a [Entry], level: Level, label: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.level == level && entry.label == label)
}

/// Each budget with what was measured; nothing where the other side is not installed.
fn budgets(entries: &[Entry]) -> Vec<(Level, &'static str, f64, Option<f64>)> {
    let measured = |(level, other, limit)| {
        let pair = find(entries, level, "stockade").zip(find(entries, level, other));
        (level, other, limit, pair.map(|(ours, theirs)| ratio(ours, theirs)))
    };
    BUDGETS.into_iter().map(measured).collect()
}

fn kept(entries: &[Entry]) -> bool {
    budgets(entries).iter().all(|(_, _, limit, measured)| measured.is_some_and(|ratio| ratio <= *limit))
}

/// The table; whether every budget was kept.
pub(crate) fn text(out: &mut impl Write, entries: &[Entry]) -> io::Result<bool> {
    writeln!(
        out,
        "{:<6} {:<12} {:>9} {:>9} {:>9} {:>10} {:>8}",
        "level", "command", "median ms", "p95 ms", "min ms", "x fork+exec", "x lim"
    )?;
    let plain = &entries[0];
    for entry in entries {
        let base = find(entries, entry.level, "lim").map_or("-".to_owned(), |lim| format!("{:.2}", ratio(entry, lim)));
        writeln!(
            out,
            "{:<6} {:<12} {:>9.3} {:>9.3} {:>9.3} {:>10.2} {:>8}",
            entry.level.name(),
            entry.label,
            millis(percentile(&entry.times, 50)),
            millis(percentile(&entry.times, 95)),
            millis(percentile(&entry.times, 0)),
            ratio(entry, plain),
            base
        )?;
    }
    writeln!(out)?;
    for (level, other, limit, measured) in budgets(entries) {
        let verdict = match measured {
            None => format!("{other} is not installed"),
            Some(ratio) if ratio <= limit => format!("{ratio:.2}: kept"),
            Some(ratio) => format!("{ratio:.2}: EXCEEDED"),
        };
        writeln!(out, "budget {}: stockade <= {limit} x {other}: {verdict}", level.name())?;
    }
    Ok(kept(entries))
}

/// The same for a program.
pub(crate) fn json(out: &mut impl Write, entries: &[Entry]) -> io::Result<bool> {
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            serde_json::json!({
                "level": entry.level.name(), "command": entry.label, "rounds": entry.times.len(),
                "median_ms": millis(percentile(&entry.times, 50)), "p95_ms": millis(percentile(&entry.times, 95)),
                "min_ms": millis(percentile(&entry.times, 0)), "ratio_to_plain": ratio(entry, &entries[0]),
                "ratio_to_lim": find(entries, entry.level, "lim").map(|lim| ratio(entry, lim)),
            })
        })
        .collect();
    let budgets: Vec<_> = budgets(entries)
        .into_iter()
        .map(|(level, other, limit, measured)| serde_json::json!({ "level": level.name(), "against": other, "limit": limit, "measured": measured }))
        .collect();
    writeln!(out, "{:#}", serde_json::json!({ "commands": rows, "budgets": budgets }))?;
    Ok(kept(entries))
}
