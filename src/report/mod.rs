//! EXPLAIN: pure views. Documents, policies and plans become text or JSON for people and scripts;
//! rows become manuals and completions. Nothing here touches the kernel or the terminal.
//!
//! In: documents, policies, plans, hosts. Out: text and JSON, which `cli` prints.
//!
//! - verbs' answers: `explain`, `check` with `lint`, `analyze` with `exposure` (systemd's score), `reach` (what it does
//!   not see) and `html`, `diff`, `show`, `doctor`, `why`
//! - a filter: `filter` (its sum), `rules`, `program` (for other tools), `answer` (what becomes of one call)
//! - policies out of and into other formats: `oci` (also Kubernetes), `unit` and `prefix` (drop-ins); `import` and
//!   `service` (as TOML that people can change)
//! - the program's own papers, from its tables: `manual` (stockade.toml(5)), `verbs` (stockade(1)), `roff`,
//!   `terminal` (`--help`), `completion`
//!
//! Another format to export to is a file here, and a row of `cli/export`.

#![forbid(unsafe_code)]
// Writing to a String gives a Result that means nothing, and no view is in a hurry.
#![allow(clippy::format_push_string)]

pub mod analyze;
pub mod answer;
pub mod check;
pub mod completion;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod exposure;
pub mod filter;
pub mod html;
pub mod import;
pub mod lint;
pub mod manual;
pub mod oci;
pub mod prefix;
pub mod program;
pub mod reach;
pub mod roff;
pub mod rules;
pub mod service;
pub mod show;
pub mod terminal;
pub mod unit;
pub mod verbs;
pub mod why;

use serde_json::{Map, Value, json};

use crate::fault::{Fault, Origin};

/// Where something was written, as the JSON of every verb says it: `source`, `line`, `column`.
/// All three are null for what stockade does on its own.
fn place(origin: Option<&Origin>) -> Map<String, Value> {
    let mut map = Map::new();
    let (line, column) = origin.map_or((Value::Null, Value::Null), |origin| {
        let (line, column) = origin.line_column();
        (line.into(), column.into())
    });
    map.insert("source".into(), origin.map_or(Value::Null, |origin| origin.source.name.as_str().into()));
    map.insert("line".into(), line);
    map.insert("column".into(), column);
    map
}

/// A fault as the JSON of every verb says it.
pub fn fault(fault: &Fault) -> Value {
    let mut map = Map::new();
    map.insert("message".into(), fault.message.as_str().into());
    map.append(&mut place(fault.origin.as_ref()));
    map.insert("label".into(), fault.label.as_str().into());
    map.insert("help".into(), json!(fault.help));
    map.insert("exit".into(), (fault.exit as u8).into());
    map.insert("status".into(), fault.exit.name().into());
    map.into()
}

/// The JSON of a verb as it is printed: indented, with a final newline.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
