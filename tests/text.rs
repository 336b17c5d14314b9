//! Words to Document: order, places, messages, and texts that mean harm.

#![allow(clippy::needless_raw_string_hashes, reason = "snapbox writes the snapshots so")]
#![allow(clippy::format_collect, reason = "short texts, and it reads well")]

use std::sync::Arc;

use proptest::prelude::*;
use snapbox::{IntoData as _, assert_data_eq, str};
use stockade::fault::{Exit, FLAG, Fault, Source};
use stockade::text::{Document, Entry, Kind, Value, flags, toml};

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source { name: "web.toml".into(), text: text.into() })
}

fn parse(text: &str) -> Document {
    toml::parse(&source(text)).unwrap_or_else(|faults| panic!("{}", rendered(&faults)))
}

fn faults(text: &str) -> Vec<Fault> {
    toml::parse(&source(text)).expect_err("a fault")
}

fn rendered(faults: &[Fault]) -> String {
    faults.iter().map(|fault| fault.render(false)).collect()
}

/// What the place of a value or name holds.
fn at(origin: &stockade::fault::Origin) -> &str {
    &origin.source.text[origin.span.clone()]
}

/// One line for every value, to see order and places at once.
fn outline(entries: &[Entry]) -> String {
    entries.iter().map(|entry| format!("{} @ {} = {}\n", entry.name, at(&entry.at), shown(&entry.value))).collect()
}

fn shown(value: &Value) -> String {
    match &value.kind {
        Kind::Table(entries) => format!("{{{}}}", outline(entries).trim_end().replace('\n', ", ")),
        Kind::List(values) => format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(" ")),
        _ => at(&value.at).to_owned(),
    }
}

const MIXED: &str = "#!/usr/bin/stockade
User = 'redis'
Landlock.ConnectTCP = [443]
CapabilityBoundingSet = []
Alone = { }

[Seccomp]
Mode = \"filter\"
Default = 'errno:EPERM'
[[Seccomp.Rule]]
Syscalls = [\"socket\", 'bind']
Action = \"notify\"
[Empty]
[[Seccomp.Rule]]
Syscalls = []
Nested = { b = 1, a = [true] }
";

#[test]
fn entries_stand_in_the_order_of_the_text_and_know_their_places() {
    assert_data_eq!(
        outline(&parse(MIXED).entries),
        str![[r#"
User @ User = 'redis'
Landlock.ConnectTCP @ ConnectTCP = [443]
CapabilityBoundingSet @ CapabilityBoundingSet = []
Alone @ Alone = {}
Seccomp.Mode @ Mode = "filter"
Seccomp.Default @ Default = 'errno:EPERM'
Seccomp.Rule @ [[Seccomp.Rule]] = {Syscalls @ Syscalls = ["socket" 'bind'], Action @ Action = "notify"}
Empty @ Empty = {}
Seccomp.Rule @ [[Seccomp.Rule]] = {Syscalls @ Syscalls = [], Nested @ Nested = {b @ b = 1, a @ a = [true]}}

"#]]
    );
}

#[test]
fn values_are_what_was_written() {
    let document = parse("a = 0x1F\nb = -1_000\nc = true\nd = \"x\\ty\"\ne = 1.5\nf = 2024-01-01\n");
    let kinds: Vec<Kind> = document.entries.into_iter().map(|entry| entry.value.kind).collect();
    let expected = [
        Kind::Integer(31),
        Kind::Integer(-1000),
        Kind::Boolean(true),
        Kind::Text("x\ty".into()),
        Kind::Other("a number with a fraction"),
        Kind::Other("a date"),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn an_inline_array_of_tables_reads_as_its_long_form() {
    let short = parse("[Seccomp]\nRule = [{ Syscalls = ['a'] }, { Syscalls = ['b'] }]\n");
    let dotted = parse("Seccomp = { Rule = [{ Syscalls = ['a'] }, { Syscalls = ['b'] }] }\n");
    for document in [short, dotted] {
        let names: Vec<&str> = document.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["Seccomp.Rule", "Seccomp.Rule"]);
        assert!(document.entries.iter().all(|entry| matches!(entry.value.kind, Kind::Table(_))));
    }
}

#[test]
fn every_slip_of_a_file_is_shown_at_once() {
    let text = "User = redis\nPrivateTmp = true\nProtectHome == \"yes\"\nPrivateTmp = false\n[Seccomp\n";
    assert_data_eq!(
        rendered(&faults(text)),
        str![[r#"
error: text must stand in quotes
 --> web.toml:1:8
  |
1 | User = redis
  |        ^^^^^
  |
  = help: write it as "redis"
error: one `=` too many
 --> web.toml:3:14
  |
3 | ProtectHome == "yes"
  |              ^
error: `PrivateTmp` is written twice
 --> web.toml:4:1
  |
4 | PrivateTmp = false
  | ^^^^^^^^^^
  |
  = help: it was written before in line 2
error: the name of a table is not closed: its `]` is missing
 --> web.toml:5:9
  |
5 | [Seccomp
  |         ^

"#]]
    );
}

#[test]
fn a_name_written_twice_says_where_it_was_before() {
    assert_data_eq!(
        rendered(&faults("[Seccomp]\nMode = 'filter'\nMode = 'none'\n")),
        str![[r#"
error: `Mode` is written twice
 --> web.toml:3:1
  |
3 | Mode = 'none'
  | ^^^^
  |
  = help: it was written before in line 2

"#]]
    );
    assert_data_eq!(
        rendered(&faults("[Seccomp]\n[Seccomp]\n")),
        str![[r#"
error: `Seccomp` is written twice
 --> web.toml:2:2
  |
2 | [Seccomp]
  |  ^^^^^^^

"#]]
    );
}

#[test]
fn lists_and_strings_that_do_not_end() {
    assert_data_eq!(
        rendered(&faults("ReadWritePaths = [\"/a\",\nUser = 'x'\n")),
        str![[r#"
error: `=` stands in a list
 --> web.toml:2:6
  |
2 | User = 'x'
  |      ^
  |
  = help: is the `]` of the list before it missing?

"#]]
    );
    assert_data_eq!(
        rendered(&faults("User = \"x\nGroup = 'y'\n")),
        str![[r#"
error: this text is not closed: its `"` is missing
 --> web.toml:1:10
  |
1 | User = "x
  |          ^

"#]]
    );
}

#[test]
fn numbers_beyond_64_bits_are_refused() {
    assert_data_eq!(
        rendered(&faults("LimitNOFILE = 18446744073709551616\n")),
        str![[r#"
error: this number does not fit in 64 bits
 --> web.toml:1:15
  |
1 | LimitNOFILE = 18446744073709551616
  |               ^^^^^^^^^^^^^^^^^^^^
  |
  = help: a larger number can be written as text, in quotes

"#]]
    );
}

#[test]
fn nul_and_other_control_characters_are_refused() {
    assert_data_eq!(
        rendered(&faults("User = \"a\0b\"\n")),
        str![[r#"
error: a control character cannot stand in text as it is
 --> web.toml:1:10
  |
1 | User = "a?b"
  |          ^
  |
  = help: write it as an escape, e.g. \t or \u0007

"#]]
        .raw()
    );
    assert!(toml::parse(&source("\0")).is_err());
}

#[test]
fn flags_are_text_as_it_stands() {
    for (flag, name, value) in [
        ("PrivateTmp=yes", "PrivateTmp", "yes"),
        ("Landlock.ConnectTCP=443", "Landlock.ConnectTCP", "443"),
        ("Environment=A=b c", "Environment", "A=b c"),
        ("ReadWritePaths=", "ReadWritePaths", ""),
        ("Environment={\"a\"", "Environment", "{\"a\""),
    ] {
        let entry = flags::parse(flag).expect(flag).entries.remove(0);
        assert_eq!((entry.name.as_str(), at(&entry.at)), (name, name));
        assert_eq!(
            (entry.value.kind, &entry.value.at.source.text[entry.value.at.span.clone()]),
            (Kind::Text(value.into()), value)
        );
        assert_eq!(entry.at.source.name, FLAG);
    }
}

#[test]
fn flags_of_tables_may_be_toml() {
    let flag = "Seccomp.Rule={ Syscalls = ['bpf'], Action = 'log' }";
    assert_data_eq!(
        outline(&flags::parse(flag).expect(flag).entries),
        str![[r#"
Seccomp.Rule @ Seccomp.Rule = {Syscalls @ Syscalls = ['bpf'], Action @ Action = 'log'}

"#]]
    );
    let flag = "Seccomp.Rule=[{ Action = 'log' }, { Action = 'trap' }]";
    assert_data_eq!(
        outline(&flags::parse(flag).expect(flag).entries),
        str![[r#"
Seccomp.Rule @ Seccomp.Rule = {Action @ Action = 'log'}
Seccomp.Rule @ Seccomp.Rule = {Action @ Action = 'trap'}

"#]]
    );
    let fault = flags::parse("Seccomp.Rule={ Syscalls = ['bpf' }").expect_err("not TOML");
    assert_eq!(fault.exit, Exit::Config);
    assert_data_eq!(
        fault.render(false),
        str![[r#"
error: a comma is missing in this list
 --> -p:1:34
  |
1 | Seccomp.Rule={ Syscalls = ['bpf' }
  |                                  ^

"#]]
    );
}

#[test]
fn bad_flags_say_how_to_write_them() {
    for flag in ["PrivateTmp", "=yes", "", " =x", "Extends=strict"] {
        assert_eq!(flags::parse(flag).expect_err(flag).exit, Exit::Usage, "{flag}");
    }
    assert_data_eq!(
        flags::parse("PrivateTmp").expect_err("no =").render(false),
        str![[r#"
error: `-p` takes DIRECTIVE=VALUE, and there is no `=` here
 --> -p:1:1
  |
1 | PrivateTmp
  | ^^^^^^^^^^
  |
  = help: for a switch, write `-p PrivateTmp=yes`

"#]]
    );
    assert_data_eq!(
        flags::parse("=yes").expect_err("no name").render(false),
        str![[r#"
error: `-p` takes DIRECTIVE=VALUE, and there is no directive before the `=`
 --> -p:1:1
  |
1 | =yes
  | ^^^^
  |
  = help: write for instance `-p PrivateTmp=yes`

"#]]
    );
}

#[test]
fn long_files_are_read() {
    let text: String = (0..10_000).map(|n| format!("Directive{n} = \"value {n}\" # {n}\n")).collect();
    let document = parse(&text);
    assert_eq!(document.entries.len(), 10_000);
    assert_eq!(document.entries[9_999].name, "Directive9999");
    assert_eq!(document.entries[9_999].at.line_column(), (10_000, 1));
}

#[test]
fn deep_and_broken_texts_end_in_a_few_faults() {
    const LONG: usize = 1 << 20;
    let hostile = [
        "[".repeat(LONG),
        "{".repeat(LONG),
        "=".repeat(LONG),
        "\"".repeat(LONG),
        format!("a = {}", "[".repeat(LONG - 4)),
        format!("a = {}{}", "[".repeat(LONG / 2 - 4), "]".repeat(LONG / 2 - 4)),
        format!("a = {}", "{a=".repeat(LONG / 3 - 4)),
        format!("a{} = 1", ".a".repeat(LONG / 2 - 4)),
        format!("[a{}]", ".a".repeat(LONG / 2 - 4)),
        "a.".repeat(LONG / 2),
        "a=1\n".repeat(LONG / 4),
        "\u{1}\n".repeat(LONG / 2),
        format!("[{}]\na = 1\n", "x".repeat(LONG - 20)),
        format!("a = {}", "1".repeat(LONG - 4)),
    ];
    for text in hostile {
        let head: String = text.chars().take(8).collect();
        let faults = toml::parse(&source(&text)).expect_err(&head);
        assert!((1..=8).contains(&faults.len()), "{head}: {} faults", faults.len());
        assert!(faults.iter().all(|fault| !fault.message.is_empty()), "{head}");
    }
}

#[test]
fn nesting_within_the_limit_is_read() {
    let depth = 60;
    let document = parse(&format!("a = {}{}\n", "[".repeat(depth), "]".repeat(depth)));
    assert_eq!(document.entries.len(), 1);
}

/// Texts that look like policies more often than not.
fn policy_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("[Seccomp]\n".to_owned()),
        Just("[[Seccomp.Rule]]\n".to_owned()),
        Just("a.b.c = ".to_owned()),
        Just("User = ".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("{ x = ".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("\n".to_owned()),
        Just(",".to_owned()),
        Just("'é'".to_owned()),
        "[ -~\u{e9}\u{1f600}]{0,12}",
        any::<i64>().prop_map(|number| number.to_string()),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn check(text: &str) {
    match toml::parse(&source(text)) {
        Ok(document) => {
            let starts: Vec<usize> = document.entries.iter().map(|entry| entry.at.span.start).collect();
            assert!(starts.is_sorted(), "order of {text:?}");
            assert!(document.entries.iter().all(|entry| text.get(entry.value.at.span.clone()).is_some()));
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(!rendered(&faults).is_empty());
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn anything_like_a_policy_is_read_or_refused(text in policy_like()) {
        check(&text);
    }

    #[test]
    fn any_flag_is_read_or_refused(flag in any::<String>(), rule in policy_like()) {
        for flag in [flag, format!("Seccomp.Rule={{{rule}"), format!("Seccomp.Rule=[{rule}")] {
            if let Err(fault) = flags::parse(&flag) {
                prop_assert!(!fault.render(false).is_empty());
            }
        }
    }
}
