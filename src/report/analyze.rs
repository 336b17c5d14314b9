//! The view of `stockade analyze`: systemd's score, and what it does not see.

use serde_json::{Value, json};

use crate::fault::clean;

use super::exposure::{self, Line, Score};
use super::reach::{Reach, Verdict, shown};

/// One policy or unit, judged.
#[derive(Debug)]
pub struct Analysis {
    /// What it is called.
    pub name: String,
    /// `policy` or `unit`.
    pub kind: &'static str,
    /// systemd's score.
    pub score: Score,
    /// What else there is to say. Nothing for a unit that stockade cannot make a policy of; the reason then.
    pub reach: Result<Reach, String>,
}

/// The columns that a line of prose may have.
const WIDTH: usize = 100;

/// ANSI styles, or none.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// The colour of a score.
    fn score(self, tenths: u32, text: &str) -> String {
        let code = match tenths {
            75.. => "1;31",
            50.. => "1;33",
            _ => "1;32",
        };
        self.with(code, text)
    }
}

impl Analysis {
    /// Whether the score is above a threshold in tenths.
    pub fn above(&self, threshold: u32) -> bool {
        self.score.tenths > threshold
    }

    /// For people.
    pub fn text(&self, docker: usize, colour: bool) -> String {
        let paint = Paint(colour);
        let mut text = table(&self.score, paint);
        let Score { tenths, .. } = self.score;
        let level = format!("{} {}", exposure::number(tenths), self.score.rating());
        text.push_str(&format!(
            "\n{} {}\n",
            paint.bold(&format!("→ Overall exposure level for {}:", clean(&self.name))),
            paint.score(tenths, &level)
        ));
        text.push_str(&format!("\n{}\n", paint.bold("What this score does not see")));
        match &self.reach {
            Ok(reach) => text.push_str(&reached(reach, docker, paint)),
            Err(why) => text.push_str(&format!("  not known: {}\n", clean(why))),
        }
        text
    }

    /// For scripts. Keys are only ever added.
    pub fn json(&self, docker: usize) -> Value {
        let lines: Vec<Value> = self.score.lines.iter().map(line_json).collect();
        json!({
            "name": self.name,
            "kind": self.kind,
            "exposure": exposure::number(self.score.tenths),
            "tenths": self.score.tenths,
            "rating": self.score.rating(),
            "lines": lines,
            "reach": self.reach.as_ref().map_or(Value::Null, |reach| reach_json(reach, docker)),
            "reach_unknown": self.reach.as_ref().err(),
        })
    }
}

fn line_json(line: &Line) -> Value {
    json!({
        "set": line.badness.map(|badness| badness == 0),
        "name": line.name,
        "json_field": line.id,
        "description": line.text,
        "exposure": (line.exposure > 0).then(|| exposure::number(line.exposure)),
        "weight": line.weight,
        "badness": line.badness,
        "range": line.range,
    })
}

fn reach_json(reach: &Reach, docker: usize) -> Value {
    let architecture = |calls: &super::reach::Calls| {
        let by = |verdict: fn(&Verdict) -> bool| -> Vec<&str> {
            calls.answers.iter().filter(|answer| verdict(&answer.verdict)).map(|answer| answer.name).collect()
        };
        json!({
            "architecture": calls.arch.word(),
            "known": calls.answers.len(),
            "allowed": calls.allowed(),
            "by_arguments": by(|verdict| matches!(verdict, Verdict::Depends(_))),
            "supervised": by(|verdict| *verdict == Verdict::Supervised),
            "refused": by(|verdict| *verdict == Verdict::Refused),
        })
    };
    let danger = |danger: &super::reach::Danger| {
        json!({
            "call": danger.call,
            "reason": danger.reason,
            "verdict": word(&danger.verdict),
            "needs": danger.needs.map(|cap| cap.to_string()),
            "effective": danger.effective,
        })
    };
    let place = |place: super::reach::Place| {
        let access = place.access;
        json!({
            "path": shown(&place.path), "read": access.read, "write": access.write,
            "execute": access.execute, "own": access.own,
        })
    };
    let socket = |(name, verdict): &(&'static str, Verdict)| json!({ "family": name, "verdict": word(verdict) });
    json!({
        "filter": reach.filtered,
        "calls": reach.calls.iter().map(architecture).collect::<Vec<_>>(),
        "docker_allowed": docker,
        "dangers": reach.dangers.iter().map(danger).collect::<Vec<_>>(),
        "sockets": reach.sockets.iter().filter(|(_, verdict)| verdict.can_run()).map(socket).collect::<Vec<_>>(),
        "own_network": reach.offline,
        "connect_tcp": reach.connect,
        "bind_tcp": reach.bind,
        "capabilities": reach.bounding.names(),
        "ambient": reach.ambient.names(),
        "gains_privileges": reach.gains,
        "writes_code": reach.writes_code,
        "own_namespaces": reach.own.iter().map(|kind| kind.word()).collect::<Vec<_>>(),
        "makes_namespaces": reach.makes.iter().map(|kind| kind.word()).collect::<Vec<_>>(),
        "landlock": reach.landlock,
        "places": reach.places.told().into_iter().map(place).collect::<Vec<_>>(),
    })
}

/// The word of a verdict in JSON.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Runs => "runs",
        Verdict::Supervised => "supervised",
        Verdict::Depends(_) => "by-arguments",
        Verdict::Refused => "refused",
    }
}

/// systemd's table: what is worst first, what is good behind it.
fn table(score: &Score, paint: Paint) -> String {
    let names = score.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let texts = score.lines.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
    let mut text = format!("{}\n", paint.bold(&format!("  {:names$}  {:texts$}  EXPOSURE", "NAME", "DESCRIPTION")));
    for line in ordered(score) {
        let sign = match line.badness {
            None => " ".to_owned(),
            Some(0) => paint.with("32", "✓"),
            Some(_) => paint.with("31", "✗"),
        };
        let exposure = if line.exposure > 0 { exposure::number(line.exposure) } else { String::new() };
        let row = format!("{:names$}  {:texts$}  {exposure:>8}", line.name, line.text);
        let row = row.trim_end();
        let row = if line.badness.is_none() { paint.dim(row) } else { row.to_owned() };
        text.push_str(&format!("{sign} {row}\n"));
    }
    text
}

/// The lines as they are told: the worst first.
pub(super) fn ordered(score: &Score) -> Vec<&Line> {
    let mut lines: Vec<&Line> = score.lines.iter().collect();
    let cost = |line: &Line| line.badness.map_or(0, |badness| badness * line.weight * 100 / line.range);
    lines.sort_by_key(|line| (std::cmp::Reverse(cost(line)), line.badness.is_none()));
    lines
}

fn reached(reach: &Reach, docker: usize, paint: Paint) -> String {
    let mut text = String::new();
    for (title, lines) in facts(reach, docker) {
        entry(&mut text, title, 19, &lines, paint);
    }
    text.push_str(&format!(
        "\n{}\n",
        paint.bold("What can be done where, below each path, as far as permissions of files allow")
    ));
    let groups = paths(reach);
    let width = groups.iter().map(|(words, _)| words.len()).max().unwrap_or(0);
    for (words, paths) in groups {
        entry(&mut text, &words, width, &wrapped(&paths), paint);
    }
    let (real, idle): (Vec<_>, Vec<_>) = reach.dangers.iter().partition(|danger| danger.effective);
    text.push_str(&format!("\n{}\n", paint.bold("Dangerous system calls that can be made")));
    if real.is_empty() {
        text.push_str("  none of those that stockade knows of\n");
    }
    let width = real.iter().map(|danger| danger.call.len()).max().unwrap_or(0);
    for danger in &real {
        let how = match &danger.verdict {
            Verdict::Depends(_) => " (by its arguments)",
            Verdict::Supervised => " (if a supervisor lets it)",
            _ => "",
        };
        text.push_str(&format!("  {}  {}{how}\n", paint.with("31", &format!("{:width$}", danger.call)), danger.reason));
    }
    if !idle.is_empty() {
        let names: Vec<String> = idle.iter().map(|danger| danger.call.to_owned()).collect();
        text.push_str(&format!("  {}\n", paint.dim("allowed, but without the capability that they need:")));
        for line in wrapped(&names) {
            text.push_str(&format!("    {}\n", paint.dim(&line)));
        }
    }
    text
}

/// A title, and its lines beside it.
fn entry(text: &mut String, title: &str, width: usize, lines: &[String], paint: Paint) {
    for (at, line) in lines.iter().enumerate() {
        let title = if at == 0 { title } else { "" };
        text.push_str(&format!("  {}  {}\n", paint.bold(&format!("{title:width$}")), clean(line)));
    }
}

/// What else there is to say: a title and its lines.
pub(super) fn facts(reach: &Reach, docker: usize) -> Vec<(&'static str, Vec<String>)> {
    let mut all = Vec::new();
    let native = reach.calls.first();
    let depends: Vec<&super::reach::Answered> = native
        .map(|calls| calls.answers.iter().filter(|one| matches!(one.verdict, Verdict::Depends(_))).collect())
        .unwrap_or_default();
    let mut calls = if reach.filtered {
        vec![format!("{} of {} can be made; Docker's default profile allows {docker}", reach.allowed(), reach.known())]
    } else {
        vec![format!(
            "all {} can be made, as there is no filter; Docker's default profile allows {docker}",
            reach.known()
        )]
    };
    let others: Vec<String> =
        reach.calls.iter().skip(1).map(|calls| format!("{} {}", calls.arch, calls.allowed())).collect();
    if !others.is_empty() {
        calls.push(format!("of other architectures: {}", others.join(", ")));
    }
    all.push(("system calls", calls));
    if !depends.is_empty() {
        let names: Vec<String> = depends.iter().map(|one| one.name.to_owned()).collect();
        all.push(("by arguments", wrapped(&names)));
    }
    let sockets: Vec<String> = reach
        .sockets
        .iter()
        .filter(|(_, verdict)| verdict.can_run())
        .map(|(name, verdict)| {
            let part = if matches!(verdict, Verdict::Depends(_)) { " (in part)" } else { "" };
            format!("{name}{part}")
        })
        .collect();
    all.push(("sockets", wrapped(&sockets)));
    all.push(("network", vec![network(reach)]));
    let every = reach.bounding == crate::draft::capabilities::CapSet::all();
    let capabilities = if every { vec!["all can be had".into()] } else { wrapped(&reach.bounding.names()) };
    all.push(("capabilities", capabilities));
    if !reach.ambient.is_empty() {
        all.push(("given from the start", wrapped(&reach.ambient.names())));
    }
    let kinds = |kinds: &[crate::draft::namespaces::Namespace]| {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    all.push(("namespaces", vec![format!("its own: {}; can make: {}", kinds(&reach.own), kinds(&reach.makes))]));
    all.push(("landlock", landlock(reach)));
    all
}

/// The paths that can be used alike: how, and which.
pub(super) fn paths(reach: &Reach) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for place in reach.places.told() {
        let (words, path) = (place.access.words(), shown(&place.path));
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, paths)) => paths.push(path),
            None => groups.push((words, vec![path])),
        }
    }
    groups
}

fn landlock(reach: &Reach) -> Vec<String> {
    let names: Vec<String> = reach.landlock.iter().map(|name| (*name).to_owned()).collect();
    if names.is_empty() { vec!["not used".into()] } else { wrapped(&names) }
}

fn network(reach: &Reach) -> String {
    let ports = |ports: &Option<Vec<u16>>| match ports {
        None => "any port".to_owned(),
        Some(ports) if ports.is_empty() => "no port".to_owned(),
        Some(ports) => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            format!("port {}", ports.join(", "))
        }
    };
    let whose = if reach.offline { "its own, with nothing in it" } else { "the host's" };
    if reach.connect.is_none() && reach.bind.is_none() {
        return whose.to_owned();
    }
    format!("{whose}; TCP connects to {} and binds {}", ports(&reach.connect), ports(&reach.bind))
}

/// Words as lines; `none` for no words.
pub(super) fn wrapped(words: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < WIDTH - 20 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    if lines.is_empty() { vec!["none".into()] } else { lines }
}
