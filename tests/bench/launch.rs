//! How long a launch takes: stockade beside plain fork and exec, the C baseline `lim`, bubblewrap,
//! setpriv and firejail, whichever are installed. Every round starts each command once, in a fresh
//! random order, so that whatever disturbs the machine disturbs all of them alike.
//!
//! ```text
//! cargo bench --bench launch -- [--rounds N] [--json] [--budget]
//! ```
//!
//! Ratios are the median of the ratios of one round. `--budget` makes a ratio above its budget a failure;
//! it also fails when the other side of a budget is not installed.

#[path = "launch/commands.rs"]
mod commands;
#[path = "launch/filter.rs"]
mod filter;
#[path = "launch/policies.rs"]
mod policies;
#[path = "launch/table.rs"]
mod table;

mod options;

use std::io;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use commands::Level;

/// One command of the benchmark.
pub(crate) struct Entry {
    /// Its name in the table.
    pub(crate) label: &'static str,
    /// What is made equal among the commands of one level.
    pub(crate) level: Level,
    /// The command line.
    pub(crate) argv: Vec<String>,
    /// Nanoseconds of each round.
    pub(crate) times: Vec<u64>,
}

/// One launch, from fork to the collected status.
fn launch(argv: &[String]) -> Result<u64, String> {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().map_err(|error| format!("{}: {error}", argv[0]))?;
    let time = start.elapsed().as_nanos();
    if !status.success() {
        return Err(format!("{status}: {}", argv.join(" ")));
    }
    u64::try_from(time).map_err(|error| error.to_string())
}

/// Rounds that are not counted.
const WARM: usize = 5;

/// xorshift: the order of a round need not be secret.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit as u64)).unwrap_or(0)
    }
}

fn measure(entries: &mut [Entry], rounds: usize) -> Result<(), String> {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |time| time.as_nanos());
    let mut dice = Dice(u64::try_from(seed & u128::from(u64::MAX)).unwrap_or(1) | 1);
    for round in 0..rounds + WARM {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, dice.below(at + 1));
        }
        for at in order {
            let time = launch(&entries[at].argv)?;
            if round >= WARM {
                entries[at].times.push(time);
            }
        }
    }
    Ok(())
}

fn run() -> Result<bool, String> {
    let options = options::options(200)?;
    let mut entries = commands::entries()?;
    // A command that does not work is left out by name, not by silence; ours must work.
    let mut left_out = Vec::new();
    entries.retain(|entry| match launch(&entry.argv) {
        Ok(_) => true,
        Err(error) => {
            left_out.push((entry.label, error));
            false
        }
    });
    for (label, error) in &left_out {
        table::note(&format!("{label} is left out: {error}"));
    }
    if let Some((label, error)) = left_out.iter().find(|(label, _)| label.contains("stockade")) {
        return Err(format!("{label}: {error}"));
    }
    measure(&mut entries, options.rounds)?;
    let mut out = io::stdout().lock();
    let kept = if options.json { table::json(&mut out, &entries) } else { table::text(&mut out, &entries) };
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
