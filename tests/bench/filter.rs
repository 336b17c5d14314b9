//! What a filter costs: nanoseconds a call, and what it takes to build one and to load it; ours beside no filter, the
//! least filter that gives the same answers, and libseccomp's programs for the same rules.
//!
//! ```text
//! cargo bench --bench filter -- [--rounds N] [--json] [--budget]
//! ```
//!
//! A filter cannot be taken off again, so each has a child of its own. They take turns on one processor, and each round
//! asks all of them, so that whatever disturbs the machine disturbs all alike. `--budget` makes it a failure when ours
//! is more than 3 ns slower than the least filter, has more than 130 instructions for what Docker's default profile says,
//! or takes more than 50 us to build and load.
#![allow(unsafe_code)]

#[path = "filter/child.rs"]
mod child;
#[path = "filter/programs.rs"]
mod programs;
#[path = "filter/table.rs"]
mod table;

use std::process::ExitCode;

use programs::Subject;

struct Options {
    rounds: usize,
    json: bool,
    budget: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options { rounds: 400, json: false, budget: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => options.json = true,
            "--budget" => options.budget = true,
            "--rounds" => {
                let number = words.next().and_then(|word| word.parse().ok()).filter(|number| *number > 0);
                options.rounds = number.ok_or("--rounds wants a number")?;
            }
            // cargo's own.
            "--bench" => {}
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(options)
}

/// What was measured of one filter.
pub(crate) struct Measured {
    pub(crate) subject: Subject,
    /// Nanoseconds of one call, of each round, for each of [`child::CALLS`].
    pub(crate) calls: [Vec<f64>; child::COUNT],
    /// Nanoseconds of building it.
    pub(crate) build: Vec<f64>,
    /// Nanoseconds of loading it.
    pub(crate) load: Vec<f64>,
}

/// How often each filter is built, and loaded in a child.
const TIMES: usize = 100;

fn run() -> Result<bool, String> {
    let options = options()?;
    let subjects = programs::all()?;
    let mut all = Vec::new();
    for subject in subjects {
        all.push(Measured { subject, calls: Default::default(), build: Vec::new(), load: Vec::new() });
    }
    // Apart, as each page of a process that has just forked costs a fault to write to.
    for _ in 0..TIMES {
        for one in &mut all {
            if let Some(build) = &one.subject.build {
                one.build.push(build()?);
            }
        }
    }
    for _ in 0..TIMES {
        for one in &mut all {
            if !one.subject.code.is_empty() {
                one.load.push(child::load(&one.subject.code)?);
            }
        }
    }
    let mut children = all.iter().map(|one| child::Child::new(&one.subject)).collect::<Result<Vec<_>, _>>()?;
    for round in 0..options.rounds + 5 {
        // Every round starts with another one.
        let count = children.len();
        for turn in 0..count {
            let at = (round + turn) % count;
            let times = children[at].round()?;
            // The first rounds warm everything up.
            if round >= 5 {
                for (all, time) in all[at].calls.iter_mut().zip(times) {
                    all.push(time);
                }
            }
        }
    }
    drop(children);
    let mut out = std::io::stdout().lock();
    let kept = if options.json { table::json(&mut out, &all) } else { table::text(&mut out, &all) };
    Ok(kept.map_err(|error| error.to_string())? || !options.budget)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            table::note(&error);
            ExitCode::FAILURE
        }
    }
}
