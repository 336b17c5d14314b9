//! What learning costs: the same work alone, under the collector by eBPF, under the one by notifications, and under
//! strace -f -c and perf trace -s where they are installed, in one table.
//!
//! ```text
//! cargo bench --bench learn -- [--rounds N] [--json] [--budget]
//! ```
//!
//! Ratios are the median of the ratios of one round, of the others than eBPF the ratio of one. With notifications, strace
//! and perf it is the time of the whole command, with its start and the policy that it writes. `--budget` makes a ratio of
//! eBPF's above its budget a failure.

use std::io::{self, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use stockade::learn::bpf::{Collector, Scope};

#[path = "options.rs"]
mod options;

/// A piece of work, and what eBPF may make of its time at most.
struct Work {
    name: &'static str,
    argv: &'static [&'static str],
    budget: Option<f64>,
}

const WORKS: [Work; 4] = [
    Work {
        name: "dd bs=1",
        argv: &["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=300000", "status=none"],
        budget: Some(1.5),
    },
    // Nothing but small files, each of which is an event: the worst there is. Through a pipe: to /dev/null itself tar
    // reads no files.
    Work { name: "tar", argv: &["sh", "-c", "tar -cf - /usr/share/doc /usr/include | cat > /dev/null"], budget: None },
    Work { name: "tar -z", argv: &["sh", "-c", "tar -czf - /usr/include | cat > /dev/null"], budget: Some(1.1) },
    Work {
        name: "python3",
        argv: &["sh", "-c", "for round in 1 2 3 4 5; do python3 -c 'import email, json, http.server, unittest'; done"],
        budget: Some(1.1),
    },
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

/// As `stockade learn --by ebpf` does it, without its start: what it reads it reads beside the work.
fn learnt(work: &Work) -> Result<f64, String> {
    let child = spawned(&GATE, work)?;
    let pid = i32::try_from(child.id()).map_err(|error| error.to_string())?;
    let mut collector = Collector::start(Scope::Tree(pid)).map_err(|fault| fault.render(false))?;
    let (done, end) = mpsc::channel();
    let waiting = std::thread::spawn(move || done.send(timed(child)));
    let seconds = loop {
        match end.recv_timeout(Duration::from_millis(20)) {
            Ok(seconds) => break seconds?,
            Err(mpsc::RecvTimeoutError::Timeout) => collector.gather(),
            Err(error) => return Err(error.to_string()),
        }
    };
    waiting.join().map_err(|_| "the waiting thread failed")?.map_err(|error| error.to_string())?;
    let observed = collector.finish();
    match observed {
        seen if seen.calls.is_empty() || seen.paths.is_empty() => Err("nothing was learnt".into()),
        seen if seen.lost > 0 => Err(format!("{} events were lost", seen.lost)),
        _ => Ok(seconds),
    }
}

/// The time under another program.
fn under(before: &[&str], work: &Work) -> Result<f64, String> {
    timed(spawned(&GATE.iter().chain(before).copied().collect::<Vec<_>>(), work)?)
}

/// Whether a program is there and does its work on this kernel.
fn works(before: &[&str]) -> bool {
    let mut command = Command::new(before[0]);
    command.args(&before[1..]).arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn run() -> Result<bool, String> {
    let options = options::options(5)?;
    let policy = std::env::temp_dir().join(format!("stockade-bench-{}.toml", std::process::id()));
    let policy = policy.to_str().ok_or("the directory for temporary files has no name that is text")?;
    let notify = [env!("CARGO_BIN_EXE_stockade"), "learn", "--by", "notify", "-o", policy, "--"];
    let others: [(&str, &[&str]); 3] = [
        ("notifications", &notify),
        ("strace -f -c", &["strace", "-f", "-c", "-o", "/dev/null"]),
        ("perf trace -s", &["perf", "trace", "-s", "-o", "/dev/null", "--"]),
    ];
    let here: Vec<bool> = others.iter().map(|(_, before)| works(before)).collect();
    let mut out = io::stdout();
    let mut within = true;
    let failed = |error: io::Error| error.to_string();
    if !options.json {
        let heads: String = others.iter().map(|(name, _)| format!(" {name:>14}")).collect::<Vec<_>>().concat();
        writeln!(out, "{:<10} {:>10} {:>8} {:>8}{heads}", "work", "alone", "eBPF", "budget").map_err(failed)?;
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
        let mut more = Vec::new();
        for ((_, before), here) in others.iter().zip(&here) {
            more.push(if *here { Some(under(before, work)? / time) } else { None });
        }
        within &= work.budget.is_none_or(|budget| ratio <= budget);
        let name = work.name;
        let words: String = if options.json {
            let value = |ratio: &Option<f64>| ratio.map_or("null".into(), |ratio| format!("{ratio:.2}"));
            others
                .iter()
                .zip(&more)
                .map(|((name, _), ratio)| format!(",\"{name}\":{}", value(ratio)))
                .collect::<Vec<_>>()
                .concat()
        } else {
            let value = |ratio: &Option<f64>| ratio.map_or("not here".into(), |ratio| format!("{ratio:.1}"));
            more.iter().map(|ratio| format!(" {:>14}", value(ratio))).collect::<Vec<_>>().concat()
        };
        if options.json {
            let budget = work.budget.map_or("null".into(), |budget| budget.to_string());
            writeln!(
                out,
                "{{\"work\":\"{name}\",\"seconds\":{time:.4},\"ebpf\":{ratio:.3},\"budget\":{budget}{words}}}"
            )
        } else {
            let budget = work.budget.map_or("-".into(), |budget| budget.to_string());
            writeln!(out, "{name:<10} {time:>8.3} s {ratio:>8.2} {budget:>8}{words}")
        }
        .map_err(failed)?;
    }
    for name in [policy.to_owned(), format!("{policy}.seen")] {
        std::fs::remove_file(name).ok();
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
