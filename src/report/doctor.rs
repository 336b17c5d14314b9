//! `stockade doctor`: what can be enforced here, and what to do about the rest. Consequences come
//! before causes, and commands stand on a line of their own.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::fault::{Fault, clean};
use crate::host::survey::{Can, Check, Survey};
use crate::plan::Shortfall;

/// A policy, and what planning it on this host said.
#[derive(Clone, Copy, Debug)]
pub struct Examined<'a> {
    /// What the user calls it.
    pub name: &'a str,
    /// What would be weaker, as `Prefer` allows.
    pub shortfalls: &'a [Shortfall],
    /// What keeps it from running.
    pub faults: &'a [Fault],
    /// What is done in another way than one would think, such as without a user namespace.
    pub notes: &'a [String],
}

impl Examined<'_> {
    /// Whether the policy can be enforced: `Partly` means weaker, as it prefers; `No` that it will not run.
    pub fn verdict(&self) -> Can {
        match (self.faults, self.shortfalls) {
            ([], []) => Can::Yes,
            ([], _) => Can::Partly,
            _ => Can::No,
        }
    }
}

/// What decides on the exit status: the policy where there is one, the machine elsewhere.
pub fn worst(survey: &Survey, policy: Option<&Examined<'_>>) -> Can {
    policy.map_or_else(|| survey.worst(), Examined::verdict)
}

/// ANSI styles, or none.
struct Paint {
    colour: bool,
}

impl Paint {
    /// The verdict as a column of six characters: a word, or a coloured sign.
    fn verdict(&self, can: Can) -> String {
        if !self.colour {
            return format!("{:<6}", can.word());
        }
        match can {
            Can::Yes => "\u{1b}[32m✓\u{1b}[0m     ".to_owned(),
            Can::Partly => "\u{1b}[33m~\u{1b}[0m     ".to_owned(),
            Can::No => "\u{1b}[31m✗\u{1b}[0m     ".to_owned(),
        }
    }

    /// A heading.
    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// For people: the machine, or with a policy only what that meets here.
pub fn text(survey: &Survey, policy: Option<&Examined<'_>>, colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    let how = if survey.privileged { "makes namespaces by right" } else { "needs user namespaces to make others" };
    let title = format!("Linux {} ({}), user {}, who {how}", survey.kernel, survey.machine, survey.uid);
    put(&mut out, format_args!("{}\n\n", paint.bold(&clean(&title))));
    if let Some(policy) = policy {
        examined(&mut out, policy, &paint);
        return out;
    }
    let width = survey.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    for check in survey.checks.iter().filter(|check| check.matters) {
        row(&mut out, check, earlier(survey, check), width, &paint);
    }
    let mut facts = survey.checks.iter().filter(|check| !check.matters).peekable();
    if facts.peek().is_some() {
        put(&mut out, format_args!("\n{}\n", paint.bold("good to know")));
    }
    for check in facts {
        row(&mut out, check, earlier(survey, check), width, &paint);
    }
    put(&mut out, format_args!("\n{}\n", paint.bold(&summary(survey))));
    out
}

/// Adds to the text; a String takes everything.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).ok();
}

/// One check: its line, and what a gap costs, why, and what to do.
fn row(out: &mut String, check: &Check, same: Option<&Check>, width: usize, paint: &Paint) {
    let line = format!("  {}  {:<width$}  {}", paint.verdict(check.can), check.name, clean(&check.detail));
    out.push_str(line.trim_end());
    out.push('\n');
    match same {
        Some(same) => gap(out, [("", &check.cost), ("for the same reason as ", same.name), ("", "")]),
        None => gap(out, [("", &check.cost), ("because ", &check.reason), ("try: ", &check.remedy)]),
    }
}

/// The check further up that has the same cause; one switch often closes many doors.
fn earlier<'a>(survey: &'a Survey, check: &Check) -> Option<&'a Check> {
    let before = survey.checks.iter().take_while(|other| other.name != check.name);
    before
        .into_iter()
        .find(|other| !check.reason.is_empty() && other.reason == check.reason && other.remedy == check.remedy)
}

/// The lines below a gap.
fn gap(out: &mut String, lines: [(&str, &str); 3]) {
    for (lead, text) in lines {
        if !text.is_empty() {
            put(out, format_args!("          {lead}{}\n", clean(text)));
        }
    }
}

/// The whole in one line.
fn summary(survey: &Survey) -> String {
    let count = |can| survey.checks.iter().filter(|check| check.matters && check.can == can).count();
    match (count(Can::No), count(Can::Partly)) {
        (0, 0) => "everything that directives need works here".to_owned(),
        (0, partly) => format!("every directive can be enforced here, {partly} with a gap"),
        (no, 0) => format!("{no} of the things that directives need do not work here"),
        (no, partly) => format!("{no} of the things that directives need do not work here, {partly} work with a gap"),
    }
}

/// What the policy would meet.
fn examined(out: &mut String, policy: &Examined<'_>, paint: &Paint) {
    let name = clean(policy.name);
    let verdict = match policy.verdict() {
        Can::Yes => format!("{name} can be enforced here, every directive of it"),
        Can::Partly => format!("{name} runs here, but weaker, as its Prefer allows"),
        Can::No => format!("{name} does not run here: stockade would refuse it"),
    };
    put(out, format_args!("{}\n", paint.bold(&verdict)));
    for fault in policy.faults {
        let place = fault.origin.as_ref().map(|origin| format!("{origin}: ")).unwrap_or_default();
        put(out, format_args!("  {}  {place}{}\n", paint.verdict(Can::No), clean(&fault.message)));
        if !fault.label.is_empty() {
            put(out, format_args!("          {}\n", clean(&fault.label)));
        }
        for help in &fault.help {
            put(out, format_args!("          try: {}\n", clean(help)));
        }
    }
    for short in policy.shortfalls {
        put(out, format_args!("  {}  {}\n", paint.verdict(Can::Partly), clean(&short.by.to_string())));
        gap(out, [("", &short.missing), ("because ", &short.reason), ("try: ", &short.remedy)]);
    }
    for note in policy.notes {
        put(out, format_args!("  note    {}\n", clean(note)));
    }
}

/// For programs: the same, with nothing left out.
pub fn json(survey: &Survey, policy: Option<&Examined<'_>>) -> Value {
    let checks: Vec<Value> = survey
        .checks
        .iter()
        .map(|check| {
            json!({
                "name": check.name,
                "verdict": check.can.word(),
                "matters": check.matters,
                "detail": check.detail,
                "cost": check.cost,
                "reason": check.reason,
                "remedy": check.remedy,
            })
        })
        .collect();
    let mut whole = json!({
        "kernel": survey.kernel,
        "machine": survey.machine,
        "uid": survey.uid,
        "privileged": survey.privileged,
        "verdict": worst(survey, policy).word(),
        "checks": checks,
    });
    if let (Some(policy), Some(whole)) = (policy, whole.as_object_mut()) {
        whole.insert("policy".to_owned(), policy_json(policy));
    }
    whole
}

/// The policy's part.
fn policy_json(policy: &Examined<'_>) -> Value {
    let faults = policy.faults.iter().map(|fault| {
        json!({
            "message": fault.message,
            "label": fault.label,
            "origin": fault.origin.as_ref().map(ToString::to_string),
            "help": fault.help,
            "exit": fault.exit as u8,
        })
    });
    let shortfalls = policy.shortfalls.iter().map(|short| {
        json!({
            "directive": short.by.directive,
            "origin": short.by.origin.as_ref().map(ToString::to_string),
            "missing": short.missing,
            "reason": short.reason,
            "remedy": short.remedy,
        })
    });
    json!({
        "name": policy.name,
        "verdict": policy.verdict().word(),
        "faults": faults.collect::<Vec<_>>(),
        "shortfalls": shortfalls.collect::<Vec<_>>(),
        "notes": policy.notes,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::draft::By;
    use crate::fault::{Exit, Origin, Source};

    fn check(name: &'static str, can: Can, words: [&str; 4]) -> Check {
        let [detail, cost, reason, remedy] = words.map(str::to_owned);
        Check { name, can, matters: true, detail, cost, reason, remedy }
    }

    fn survey() -> Survey {
        let off = [
            "user namespaces are switched off (user.max_user_namespaces is 0)",
            "sudo sysctl user.max_user_namespaces=15000",
        ];
        let mut yama = check("tracing", Can::Partly, ["", "others can be traced", "no yama", "use a kernel with it"]);
        yama.matters = false;
        let checks = vec![
            check("user namespaces", Can::No, ["", "nothing can be hidden", off[0], off[1]]),
            check("network namespaces", Can::No, ["", "PrivateNetwork cannot be enforced", off[0], off[1]]),
            check(
                "Landlock",
                Can::Partly,
                ["ABI 3", "no ports", "this kernel's Landlock is ABI 3", "use a newer kernel"],
            ),
            check("seccomp filters", Can::Yes, ["", "", "", ""]),
            yama,
        ];
        Survey { kernel: "6.1.0".into(), machine: "x86_64".into(), uid: 1000, privileged: false, checks }
    }

    fn origin() -> Origin {
        let source = Source { name: "web.toml".into(), text: "User = \"x\"\nPrivateNetwork = true\n".into() };
        Origin::new(&Arc::new(source), 11..25)
    }

    fn shortfall() -> Shortfall {
        Shortfall {
            by: By { directive: "PrivateNetwork", origin: Some(origin()) },
            missing: "no network of its own".into(),
            reason: "user namespaces are \u{1b}[31moff".into(),
            remedy: "sudo sysctl user.max_user_namespaces=15000".into(),
            exit: Exit::Network,
        }
    }

    #[test]
    fn the_machine() {
        let golden = "\
Linux 6.1.0 (x86_64), user 1000, who needs user namespaces to make others

  no      user namespaces
          nothing can be hidden
          because user namespaces are switched off (user.max_user_namespaces is 0)
          try: sudo sysctl user.max_user_namespaces=15000
  no      network namespaces
          PrivateNetwork cannot be enforced
          for the same reason as user namespaces
  partly  Landlock            ABI 3
          no ports
          because this kernel's Landlock is ABI 3
          try: use a newer kernel
  yes     seccomp filters

good to know
  partly  tracing
          others can be traced
          because no yama
          try: use a kernel with it

2 of the things that directives need do not work here, 1 work with a gap
";
        snapbox::assert_data_eq!(text(&survey(), None, false), golden.to_owned());
    }

    #[test]
    fn a_policy() {
        let faults =
            [Fault::at(&origin(), "no network of its own: switched off").help("sudo sysctl x=1").label("asked for")];
        let shortfalls = [shortfall()];
        let policy =
            Examined { name: "web.toml", shortfalls: &shortfalls, faults: &faults, notes: &["a \u{7}note".into()] };
        let golden = "\
Linux 6.1.0 (x86_64), user 1000, who needs user namespaces to make others

web.toml does not run here: stockade would refuse it
  no      web.toml:2: no network of its own: switched off
          asked for
          try: sudo sysctl x=1
  partly  PrivateNetwork at web.toml:2
          no network of its own
          because user namespaces are ?[31moff
          try: sudo sysctl user.max_user_namespaces=15000
  note    a ?note
";
        snapbox::assert_data_eq!(text(&survey(), Some(&policy), false), golden.to_owned());
    }

    #[test]
    fn colour_adds_signs_and_keeps_the_words() {
        let coloured = text(&survey(), None, true);
        assert!(coloured.contains("\u{1b}[31m✗\u{1b}[0m       user namespaces\n"), "{coloured}");
        assert!(coloured.contains("\u{1b}[32m✓\u{1b}[0m       seccomp filters\n"), "{coloured}");
        assert!(coloured.contains("try: sudo sysctl"));
    }

    #[test]
    fn the_policy_decides_where_there_is_one() {
        let survey = survey();
        assert_eq!(worst(&survey, None), Can::No);
        let mut policy = Examined { name: "a", shortfalls: &[], faults: &[], notes: &[] };
        assert_eq!(worst(&survey, Some(&policy)), Can::Yes);
        assert!(text(&survey, Some(&policy), false).ends_with("\na can be enforced here, every directive of it\n"));
        let shortfalls = [shortfall()];
        policy.shortfalls = &shortfalls;
        assert_eq!(worst(&survey, Some(&policy)), Can::Partly);
        let faults = [Fault::new("no")];
        policy.faults = &faults;
        assert_eq!(worst(&survey, Some(&policy)), Can::No);
    }

    #[test]
    fn facts_do_not_decide() {
        let mut survey = survey();
        survey.checks.retain(|check| check.can == Can::Yes || !check.matters);
        assert_eq!(worst(&survey, None), Can::Yes);
        assert!(text(&survey, None, false).contains("everything that directives need works here"));
    }

    #[test]
    fn json_has_it_all() {
        let shortfalls = [shortfall()];
        let policy = Examined { name: "web.toml", shortfalls: &shortfalls, faults: &[], notes: &["a note".into()] };
        let whole = json(&survey(), Some(&policy));
        assert_eq!(whole["verdict"], "partly");
        assert_eq!(whole["checks"][0]["verdict"], "no");
        assert_eq!(whole["checks"][0]["remedy"], "sudo sysctl user.max_user_namespaces=15000");
        assert_eq!(whole["checks"][4]["matters"], false);
        assert_eq!(whole["policy"]["shortfalls"][0]["origin"], "web.toml:2");
        assert_eq!((&whole["policy"]["faults"], &whole["policy"]["notes"]), (&json!([]), &json!(["a note"])));
        assert_eq!(json(&survey(), None)["policy"], Value::Null);
        assert_eq!(json(&survey(), None)["verdict"], "no");
    }
}
