//! The options of the benchmarks, for `#[path]`.

/// What the command line says.
pub(crate) struct Options {
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// Whether the table is JSON.
    pub(crate) json: bool,
    /// Whether what exceeds its budget is a failure.
    pub(crate) budget: bool,
}

/// The options, and this many rounds when none are given.
pub(crate) fn options(rounds: usize) -> Result<Options, String> {
    let mut options = Options { rounds, json: false, budget: false };
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
