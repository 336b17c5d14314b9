//! What a notified call costs under stockade's supervisor and under the smallest loop in C that answers alike, in one
//! run: both are started in turn, many times, and measure the same calls with the same program.
//!
//! ```text
//! cargo bench --bench notify -- [--rounds N] [--calls N] [--budget]
//! ```
//!
//! Ratios are the median of the ratios of one round. `--budget` makes a ratio above the budget a failure.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What stockade may take at most, as a multiple of the loop.
const BUDGET: f64 = 1.2;

/// Keeps targets in their root and namespaces, as the loop takes for granted.
const SETTLED: &str =
    "RestrictNamespaces = true\nSystemCallFilter = [\"~chroot:EPERM pivot_root:EPERM clone3:ENOSYS\"]\n";

/// A kind of call: its name for the loop and the policy that answers it alike. `budget`: whether the loop does all of the
/// same.
struct Kind {
    name: &'static str,
    call: &'static str,
    head: &'static str,
    syscall: &'static str,
    decision: &'static str,
    budget: bool,
}

const KINDS: [Kind; 6] = [
    Kind { name: "continue", decision: "Decide = \"continue\"", ..PARENT },
    Kind { name: "errno", call: "errno", decision: "Decide = \"errno:EPERM\"", ..PARENT },
    Kind { name: "open", ..OPEN },
    Kind { name: "open-listed", decision: "Decide = \"open\"\nReadOnlyPaths = [\"/etc\"]", ..OPEN },
    // The loop neither follows the target's root and ids nor knows of lists.
    Kind { name: "open-any-root", head: "", budget: false, ..OPEN },
    Kind {
        name: "listed-any-root",
        head: "",
        decision: "Decide = \"open\"\nReadOnlyPaths = [\"/etc\"]",
        budget: false,
        ..OPEN
    },
];

const PARENT: Kind = Kind { name: "", call: "continue", head: "", syscall: "getppid", decision: "", budget: true };

const OPEN: Kind =
    Kind { name: "", call: "open", head: SETTLED, syscall: "openat", decision: "Decide = \"open\"", budget: true };

struct Options {
    rounds: usize,
    calls: usize,
    budget: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options { rounds: 15, calls: 4000, budget: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            let number = words.next().and_then(|word| word.parse().ok()).filter(|number| *number > 0);
            number.ok_or_else(|| format!("{word} wants a number"))
        };
        match word.as_str() {
            "--rounds" => options.rounds = number()?,
            "--calls" => options.calls = number()?,
            "--budget" => options.budget = true,
            // cargo's own.
            "--bench" => {}
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(options)
}

/// Nanoseconds of one call, as the command says them.
fn measure(argv: &[String]) -> Result<f64, String> {
    let output = Command::new(&argv[0]).args(&argv[1..]).output().map_err(|error| format!("{}: {error}", argv[0]))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.trim().parse() {
        Ok(number) if output.status.success() => Ok(number),
        _ => Err(format!("{}: {}{}", argv.join(" "), output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn run() -> Result<bool, String> {
    let options = options()?;
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("notify");
    fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    let program = place.join("loop");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/notify/loop.c");
    let built = Command::new("cc").args(["-O2", "-static", "-o"]).arg(&program).arg(&source).status();
    if !built.is_ok_and(|status| status.success()) {
        return Err("cc cannot build tests/bench/notify/loop.c".into());
    }
    let program = program.display().to_string();
    let calls = options.calls.to_string();
    let mut out = io::stdout().lock();
    let mut kept = true;
    let head = writeln!(out, "{:<16} {:>9} {:>12} {:>7}", "call", "loop us", "stockade us", "ratio");
    head.map_err(|error| error.to_string())?;
    for kind in &KINDS {
        let policy = place.join(format!("{}.toml", kind.name));
        let Kind { head, syscall, decision, .. } = kind;
        let text = format!(
            "{head}NoNewPrivileges = true\n[[Seccomp.Rule]]\nSyscalls = [\"{syscall}\"]\nAction = \"notify\"\n{decision}\n"
        );
        fs::write(&policy, text).map_err(|error| error.to_string())?;
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        let theirs = words(&[&program, "supervise", kind.call, &calls]);
        let (stockade, policy) = (env!("CARGO_BIN_EXE_stockade"), policy.display().to_string());
        let ours = words(&[stockade, "run", "-P", &policy, "--", &program, "measure", kind.call, &calls]);
        let (mut left, mut right, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..options.rounds {
            // Whoever goes first in one round goes second in the next.
            let (first, second) = if round % 2 == 0 { (&theirs, &ours) } else { (&ours, &theirs) };
            let (one, other) = (measure(first)?, measure(second)?);
            let (loops, stockades) = if round % 2 == 0 { (one, other) } else { (other, one) };
            left.push(loops);
            right.push(stockades);
            ratios.push(stockades / loops);
        }
        let ratio = median(&mut ratios);
        kept &= ratio <= BUDGET || !kind.budget;
        let (left, right) = (median(&mut left) / 1e3, median(&mut right) / 1e3);
        let line = writeln!(out, "{:<16} {left:>9.2} {right:>12.2} {ratio:>7.2}", kind.name);
        line.map_err(|error| error.to_string())?;
    }
    Ok(kept || !options.budget)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody to tell when standard error is closed.
            writeln!(io::stderr(), "notify: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
