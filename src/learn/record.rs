//! An observation as JSON: the file beside a learnt policy, which the next run adds to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::draft::arch::Arch;
use crate::draft::calls;
use crate::fault::{Exit, Fault};

use super::observed::{Act, Observed, Part, Reach, Use, Uses};

/// What the file says that it is.
const FORMAT: &str = "stockade-observed-1";

const USES: [(Use, &str); 8] = [
    (Use::Read, "read"),
    (Use::List, "list"),
    (Use::Look, "look"),
    (Use::Write, "write"),
    (Use::Create, "create"),
    (Use::Remove, "remove"),
    (Use::Execute, "execute"),
    (Use::Connect, "connect"),
];

const REACHES: [(Reach, &str); 4] = [
    (Reach::ConnectTcp, "connect-tcp"),
    (Reach::BindTcp, "bind-tcp"),
    (Reach::SendUdp, "send-udp"),
    (Reach::BindUdp, "bind-udp"),
];

const ACTS: [(Act, &str); 7] = [
    (Act::WriteExecute, "write-execute"),
    (Act::Namespace, "namespace"),
    (Act::Realtime, "realtime"),
    (Act::Personality, "personality"),
    (Act::SetId, "set-id"),
    (Act::Signal, "signal"),
    (Act::Go, "go"),
];

const PARTS: [(Part, &str); 7] = [
    (Part::Paths, "paths"),
    (Part::Sockets, "sockets"),
    (Part::Acts, "acts"),
    (Part::Capabilities, "capabilities"),
    (Part::Limits, "limits"),
    (Part::Memory, "memory"),
    (Part::Start, "start"),
];

/// A kind's word.
pub fn word(kind: Use) -> &'static str {
    name(&USES, kind)
}

fn name<T: Copy + PartialEq>(table: &[(T, &'static str)], wanted: T) -> &'static str {
    table.iter().find(|(known, _)| *known == wanted).map_or("", |(_, name)| name)
}

fn meaning<T: Copy>(table: &[(T, &'static str)], word: &str) -> Option<T> {
    table.iter().find(|(_, name)| *name == word).map(|(known, _)| *known)
}

/// Writes it. Paths must be text.
pub fn write(seen: &Observed) -> Value {
    let mut by_arch: BTreeMap<Arch, Map<String, Value>> = BTreeMap::new();
    for ((arch, number), times) in &seen.calls {
        let name = calls::name(*arch, *number).map_or_else(|| number.to_string(), std::borrow::Cow::into_owned);
        by_arch.entry(*arch).or_default().insert(name, json!(times));
    }
    let calls: Map<String, Value> =
        by_arch.into_iter().map(|(arch, calls)| (arch.word().to_owned(), calls.into())).collect();
    let paths: Map<String, Value> = seen.paths.iter().map(|(path, uses)| path_json(path, uses)).collect();
    let reach = |reach: &Reach| name(&REACHES, *reach);
    let addresses = seen.addresses.iter().map(|((what, at), times)| json!([reach(what), at.to_string(), times]));
    let sockets = seen.sockets.iter().map(|((family, kind, protocol), times)| json!([family, kind, protocol, times]));
    let acts: Map<String, Value> =
        seen.acts.iter().map(|(act, times)| (name(&ACTS, *act).to_owned(), json!(times))).collect();
    let numbers = |number: String, value: &u64| (number, json!(value));
    let limits = |all: &BTreeMap<u32, u64>| -> Map<String, Value> {
        all.iter().map(|(limit, value)| numbers(limit.to_string(), value)).collect()
    };
    json!({
        "format": FORMAT,
        "runs": seen.runs,
        "lost": seen.lost,
        "unread": seen.unread,
        "unknown": seen.unknown.iter().map(|part| name(&PARTS, *part)).collect::<Vec<_>>(),
        "calls": calls,
        "acts": acts,
        "sockets": sockets.collect::<Vec<_>>(),
        "addresses": addresses.collect::<Vec<_>>(),
        "abstract": seen.abstracts.iter().map(|(name, times)| (name.clone(), json!(times))).collect::<Map<_, _>>(),
        "capabilities": seen.capabilities.iter().map(|(cap, times)| numbers(cap.to_string(), times)).collect::<Map<_, _>>(),
        "limits": limits(&seen.limits),
        "limits-near": limits(&seen.near),
        "limits-asked": limits(&seen.asked),
        "paths": paths,
    })
}

fn path_json(path: &std::path::Path, uses: &Uses) -> (String, Value) {
    let mut map: Map<String, Value> =
        uses.times.iter().map(|(kind, times)| (word(*kind).to_owned(), json!(times))).collect();
    map.insert("by".into(), json!(uses.by));
    if uses.below {
        map.insert("below".into(), true.into());
    }
    (path.to_string_lossy().into_owned(), map.into())
}

/// Reads what [`write()`] wrote. `name` is the file's, for the message.
///
/// # Errors
/// The text is no such JSON.
pub fn read(text: &str, name: &str) -> Result<Observed, Fault> {
    let wrong = |what: &str| {
        Fault::new(format!("{name} is no observation of stockade's: {what}"))
            .help("it is written by `stockade learn`; move it away to begin anew")
            .exit(Exit::Config)
    };
    let value: Value = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
    if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(wrong(&format!("`format` is not {FORMAT}")));
    }
    parse(&value).ok_or_else(|| wrong("a part of it is missing or of the wrong kind"))
}

fn parse(value: &Value) -> Option<Observed> {
    let map = |key: &str| value.get(key)?.as_object();
    let list = |key: &str| value.get(key)?.as_array();
    let mut seen = Observed { runs: value.get("runs")?.as_u64()?, ..Observed::default() };
    // Nothing was lost before it was counted.
    seen.lost = value.get("lost").map_or(Some(0), Value::as_u64)?;
    seen.unread = value.get("unread").map_or(Some(0), Value::as_u64)?;
    for part in list("unknown")? {
        seen.unknown.insert(meaning(&PARTS, part.as_str()?)?);
    }
    for (arch, known) in map("calls")? {
        let arch = Arch::parse(arch)?;
        for (name, times) in known.as_object()? {
            let number = name.parse().ok().or_else(|| calls::number(arch, name))?;
            seen.calls.insert((arch, number), times.as_u64()?);
        }
    }
    for (act, times) in map("acts")? {
        seen.acts.insert(meaning(&ACTS, act)?, times.as_u64()?);
    }
    let int = |value: &Value| value.as_i64().and_then(|number| i32::try_from(number).ok());
    for socket in list("sockets")? {
        let [family, kind, protocol, times] = socket.as_array()?.as_slice() else { return None };
        seen.sockets.insert((int(family)?, int(kind)?, int(protocol)?), times.as_u64()?);
    }
    for address in list("addresses")? {
        let [reach, at, times] = address.as_array()?.as_slice() else { return None };
        seen.addresses.insert((meaning(&REACHES, reach.as_str()?)?, at.as_str()?.parse().ok()?), times.as_u64()?);
    }
    // Version 0.1's first files have none.
    for (name, times) in map("abstract").into_iter().flatten() {
        seen.abstracts.insert(name.clone(), times.as_u64()?);
    }
    for (cap, times) in map("capabilities")? {
        seen.capabilities.insert(cap.parse().ok()?, times.as_u64()?);
    }
    // Version 0.1's first files have none of the other two.
    for (key, known) in
        [("limits", &mut seen.limits), ("limits-near", &mut seen.near), ("limits-asked", &mut seen.asked)]
    {
        for (limit, value) in map(key).into_iter().flatten() {
            known.insert(limit.parse().ok()?, value.as_u64()?);
        }
    }
    for (path, uses) in map("paths")? {
        seen.paths.insert(PathBuf::from(path), uses_of(uses)?);
    }
    Some(seen)
}

fn uses_of(value: &Value) -> Option<Uses> {
    let mut uses = Uses::default();
    for (key, value) in value.as_object()? {
        if key == "below" {
            uses.below = value.as_bool()?;
        } else if key == "by" {
            let names = value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
            uses.by = names.collect::<Option<BTreeSet<String>>>()?;
        } else {
            uses.times.insert(meaning(&USES, key)?, value.as_u64()?);
        }
    }
    Some(uses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::write::Base;
    use proptest::prelude::*;

    fn observed() -> impl Strategy<Value = Observed> {
        let path = proptest::sample::select(vec!["/usr", "./a", "%h/.ssh/id", "/srv/d/x", "/tmp", "/etc/a \"b\"\n"]);
        let uses = (path, 0..USES.len(), "[a-z]{1,3}", any::<bool>());
        let sockets = proptest::collection::vec((1..17_i32, 1..4_i32), 0..3);
        let calls = proptest::collection::vec((0..500_u32, 1..5_u64), 0..9);
        let sets = (0..ACTS.len(), 0..PARTS.len(), 0..40_u8, 0..u16::MAX, any::<bool>());
        (proptest::collection::vec(uses, 0..6), sockets, calls, sets).prop_map(|(uses, sockets, calls, sets)| {
            let mut seen = Observed { runs: 1, ..Observed::default() };
            for (path, kind, by, below) in uses {
                seen.used(path.into(), USES[kind].0, &by);
                seen.paths.get_mut(std::path::Path::new(path)).expect("it was used").below |= below;
                if below {
                    seen.abstracts.insert(by, 1);
                }
            }
            seen.sockets.extend(sockets.into_iter().map(|(family, kind)| ((family, kind, 0), 1)));
            seen.calls.extend(calls.into_iter().map(|(number, times)| ((Arch::X86_64, number), times)));
            let (act, part, number, tcp, more) = sets;
            if more {
                seen.acts.insert(ACTS[act].0, 2);
                seen.unknown.insert(PARTS[part].0);
                seen.capabilities.insert(number, 1);
                let (limit, value) = (u32::from(number % 16), u64::from(tcp) << part);
                seen.limits.insert(limit, value);
                [&mut seen.near, &mut seen.asked][act % 2].insert(limit, value);
                seen.unread = u64::from(number);
                seen.addresses.insert((Reach::ConnectTcp, ([10, 0, 0, 1], tcp).into()), 1);
            }
            seen
        })
    }

    fn sum(one: &Observed, other: &Observed) -> Observed {
        let mut sum = one.clone();
        sum.merge(other.clone());
        sum
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seen in observed()) {
            let text = write(&seen).to_string();
            prop_assert_eq!(read(&text, "x").expect("it is ours"), seen);
        }

        /// In any order, and in any groups; nothing changes nothing.
        #[test]
        fn observations_add_up((a, b, c) in (observed(), observed(), observed())) {
            prop_assert_eq!(sum(&a, &b), sum(&b, &a));
            prop_assert_eq!(sum(&sum(&a, &b), &c), sum(&a, &sum(&b, &c)));
            // And so do the files and the policies that are written of them.
            let read = |seen: &Observed| read(&write(seen).to_string(), "x").expect("it is ours");
            let (one, other) = (sum(&read(&sum(&c, &b)), &a), sum(&read(&a), &read(&sum(&b, &c))));
            prop_assert_eq!(write(&one), write(&other));
            let policy = |seen: &Observed| crate::learn::write::policy(seen, &Base::default()).text;
            prop_assert_eq!(policy(&one), policy(&other));
            prop_assert_eq!(sum(&a, &Observed::default()), a);
        }

        /// Whatever was seen, whatever files are called: the policy can be read, and a sum's has all calls of its parts.
        #[test]
        fn policies_can_be_read((a, b) in (observed(), observed())) {
            use crate::learn::write::{allowed, policy};
            let text = policy(&sum(&a, &b), &Base::default()).text;
            let source = std::sync::Arc::new(crate::fault::Source { name: "learnt".into(), text: text.clone() });
            let document = crate::text::toml::parse(&source);
            let document = document.unwrap_or_else(|faults| panic!("{}\n{text}", faults[0].render(false)));
            let policy = crate::policy::Policy::read(&document);
            prop_assert!(policy.is_ok(), "{}\n{text}", policy.err().map(|faults| faults[0].render(false)).unwrap_or_default());
            prop_assert!(allowed(&a).is_subset(&allowed(&sum(&a, &b))));
        }
    }
}
