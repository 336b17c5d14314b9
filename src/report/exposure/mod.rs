//! systemd's exposure score (`systemd-analyze security`, systemd 252), for units and for policies.
//!
//! Each line of systemd's table has a weight and a badness; the score is their weighted mean in percent, rounded up
//! twice as systemd rounds it, and told in tenths.
//!
//! `settings` reads a unit as systemd does (`network` what it says of addresses), `table` has the lines in words of our
//! own; what a policy is worth is in the rows of `policy`.

mod network;
mod settings;
mod table;

use crate::policy::{self, Exposure, Policy};

pub use settings::{Assignment, Settings};

/// What one line of systemd's table makes of a policy or a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// systemd's name for it in JSON, e.g. `RestrictNamespaces_user`.
    pub id: &'static str,
    /// systemd's name for it in text, e.g. `RestrictNamespaces=~user`.
    pub name: &'static str,
    /// What holds, in a few words.
    pub text: String,
    /// How much the line counts.
    pub weight: u32,
    /// The worst badness.
    pub range: u32,
    /// How bad it is, 0 to `range`; nothing where the line does not apply.
    pub badness: Option<u32>,
    /// What it adds to the score, in tenths, rounded up.
    pub exposure: u32,
}

/// A whole score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// Every line of the table, in our order.
    pub lines: Vec<Line>,
    /// The score in tenths, 0 to 100.
    pub tenths: u32,
}

/// systemd's words for a score, the worst first: each from this many tenths on.
pub const RATINGS: [(u32, &str); 7] =
    [(100, "DANGEROUS"), (90, "UNSAFE"), (75, "EXPOSED"), (50, "MEDIUM"), (10, "OK"), (1, "SAFE"), (0, "PERFECT")];

impl Score {
    /// The score of a policy, as if it were a unit's settings; what systemd judges of a manager (IPAddressDeny=,
    /// NotifyAccess=) is as without any setting.
    pub fn of_policy(policy: &Policy) -> Self {
        Self::of(|row, _| (row.badness)(policy))
    }

    /// The score of a unit, the same number that `systemd-analyze security --offline=true` of systemd 252 gives.
    pub fn of_unit(unit: &Settings) -> Self {
        Self::of(|row, line| unit.badness(row.id, &line.test))
    }

    fn of(badness: impl Fn(&Exposure, &table::Row) -> Option<u32>) -> Self {
        let row = |line: &table::Row| {
            let row = policy::exposures().find(|row| row.id == line.id)?;
            let badness = badness(row, line).map(|badness| badness.min(row.range));
            let text = text(line, badness, row.range);
            let Exposure { id, weight, range, .. } = *row;
            Some(Line { id, name: line.name, text, weight, range, badness, exposure: 0 })
        };
        let mut lines: Vec<Line> = table::ROWS.iter().filter_map(row).collect();
        let (mut bad, mut all) = (0, 0);
        for line in &lines {
            if let Some(badness) = line.badness {
                bad += (badness * line.weight).div_ceil(line.range);
                all += line.weight;
            }
        }
        for line in &mut lines {
            let own = (line.badness.unwrap_or(0) * line.weight * 100).div_ceil(line.range);
            line.exposure = if all == 0 { 0 } else { own.div_ceil(all) };
        }
        let tenths = if all == 0 { 0 } else { (bad * 100).div_ceil(all) };
        Self { lines, tenths }
    }

    /// systemd's word for it.
    pub fn rating(&self) -> &'static str {
        rating(self.tenths)
    }
}

/// systemd's word for a score in tenths.
pub fn rating(tenths: u32) -> &'static str {
    RATINGS.iter().find(|(from, _)| tenths >= *from).map_or("PERFECT", |(_, word)| word)
}

/// `9.6`.
pub fn number(tenths: u32) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn text(line: &table::Row, badness: Option<u32>, range: u32) -> String {
    let group = if let table::Test::Calls(group) = line.test { format!(" {group}") } else { String::new() };
    match badness {
        None if line.id.starts_with("Pr") || line.id.starts_with("Root") => "does not matter in the early boot".into(),
        None => "does not matter for root".into(),
        Some(0) => format!("{}{group}", line.closed),
        Some(bad) if bad < range && group.is_empty() => format!("{}, in part", line.open),
        Some(_) => format!("{}{group}", line.open),
    }
}
