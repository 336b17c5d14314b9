//! What learning costs: the same work alone, under the collector by eBPF, and under strace -f -c where it is installed.
//!
//! ```text
//! cargo bench --bench learn -- [--rounds N] [--json] [--budget]
//! ```
//!
//! Ratios are the median of the ratios of one round. `--budget` makes a ratio of eBPF's above its budget a failure.

use std::io::{self, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use stockade::learn::bpf::{Collector, Scope};

#[path = "options.rs"]
mod options;

/// A piece of work, and what eBPF may make of its time at most.
struct Work {
    name: &'static str,
    argv: &'static [&'static str],
    budget: f64,
}

const WORKS: [Work; 2] = [
    Work {
        name: "dd bs=1",
        argv: &["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=1000000", "status=none"],
        budget: 1.5,
    },
    Work { name: "tar", argv: &["tar", "-cf", "/dev/stdout", "/usr/share/doc", "/usr/include"], budget: 1.1 },
];

fn spawned(before: &[&str], work: &Work) -> Result<Child, String> {
    let words: Vec<&str> = before.iter().chain(work.argv).copied().collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|error| format!("{}: {error}", words[0]))
}

/// Seconds from the line that lets it go to its end.
fn timed(mut child: Child) -> Result<f64, String> {
    let start = Instant::now();
    let mut input = child.stdin.take().ok_or("no input")?;
    input.write_all(b"go\n").map_err(|error| error.to_string())?;
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(start.elapsed().as_secs_f64()) } else { Err(format!("the work ended with {status}")) }
}

/// A shell that executes the work when it has read a line.
const GATE: [&str; 4] = ["sh", "-c", "read line; exec \"$@\"", "sh"];

fn alone(work: &Work) -> Result<f64, String> {
    timed(spawned(&GATE, work)?)
}

fn learnt(work: &Work) -> Result<f64, String> {
    let child = spawned(&GATE, work)?;
    let pid = i32::try_from(child.id()).map_err(|error| error.to_string())?;
    let collector = Collector::start(Scope::Tree(pid)).map_err(|fault| fault.render(false))?;
    let seconds = timed(child)?;
    let observed = collector.finish();
    if observed.calls.is_empty() { Err("nothing was learnt".into()) } else { Ok(seconds) }
}

fn traced(work: &Work) -> Result<f64, String> {
    let words: Vec<&str> = GATE.iter().copied().chain(["strace", "-f", "-c", "-o", "/dev/null"]).collect();
    timed(spawned(&words, work)?)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn run() -> Result<bool, String> {
    let options = options::options(5)?;
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    let mut out = io::stdout();
    let mut within = true;
    let failed = |error: io::Error| error.to_string();
    if !options.json {
        writeln!(out, "{:<10} {:>10} {:>8} {:>8} {:>14}", "work", "alone", "eBPF", "budget", "strace -f -c")
            .map_err(failed)?;
    }
    for work in &WORKS {
        let (mut times, mut ratios) = (Vec::new(), Vec::new());
        // Once for the caches.
        alone(work)?;
        for round in 0..options.rounds {
            // Whoever is second finds another machine: take turns.
            let (plain, with) = if round % 2 == 0 {
                let plain = alone(work)?;
                (plain, learnt(work)?)
            } else {
                let with = learnt(work)?;
                (alone(work)?, with)
            };
            times.push(plain);
            ratios.push(with / plain);
        }
        let (time, ratio) = (median(times), median(ratios));
        let strace = if strace { Some(traced(work)? / time) } else { None };
        within &= ratio <= work.budget;
        if options.json {
            let strace = strace.map_or("null".into(), |ratio| format!("{ratio:.2}"));
            let (name, budget) = (work.name, work.budget);
            writeln!(
                out,
                "{{\"work\":\"{name}\",\"seconds\":{time:.4},\"ebpf\":{ratio:.3},\"budget\":{budget},\"strace\":{strace}}}"
            )
            .map_err(failed)?;
        } else {
            let strace = strace.map_or("not installed".into(), |ratio| format!("{ratio:.1}"));
            writeln!(out, "{:<10} {time:>8.3} s {ratio:>8.2} {:>8.1} {strace:>14}", work.name, work.budget)
                .map_err(failed)?;
        }
    }
    Ok(within || !options.budget)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            // A closed terminal has nobody to tell.
            writeln!(io::stderr(), "learn: {message}").ok();
            ExitCode::FAILURE
        }
    }
}
