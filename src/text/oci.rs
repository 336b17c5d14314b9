//! Seccomp profiles in JSON: the OCI runtime specification's `linux.seccomp` (config-linux.md, "Seccomp"), what Docker's
//! profiles add to it (archMap, includes, excludes, name, comment: moby's `profiles/seccomp`), and what those of podman add
//! (errno and defaultErrno by name). Words only; what they mean, `policy::profile` says.

use std::ops::Range;
use std::sync::Arc;

use super::json;
use super::node::{Field, Node, Reader, Tree, Word};
use crate::fault::nearest;
use crate::fault::{Fault, Origin, Source};

/// A profile as it was written.
#[derive(Debug)]
pub struct Profile<'a> {
    /// The text.
    pub source: &'a Arc<Source>,
    /// The answer to calls that no rule is about.
    pub default: Answer<'a>,
    /// `architectures`: `SCMP_ARCH_*`.
    pub architectures: Vec<Word<'a>>,
    /// `archMap`: an architecture, and those that come with it.
    pub map: Vec<(Word<'a>, Vec<Word<'a>>)>,
    /// `flags`: `SECCOMP_FILTER_FLAG_*`.
    pub flags: Vec<Word<'a>>,
    /// `listenerPath`.
    pub listener: Option<Word<'a>>,
    /// `listenerMetadata`.
    pub metadata: Option<Word<'a>>,
    /// `syscalls`.
    pub rules: Vec<Rule<'a>>,
    /// What is odd.
    pub warnings: Vec<Fault>,
}

/// One element of `syscalls`.
#[derive(Debug)]
pub struct Rule<'a> {
    /// `names`, or `name`.
    pub names: Vec<Word<'a>>,
    /// `action` with its errno.
    pub answer: Answer<'a>,
    /// `args`.
    pub args: Vec<Arg>,
    /// `includes`: the rule holds only where all of these do.
    pub includes: Needs<'a>,
    /// `excludes`: the rule does not hold where any of these does.
    pub excludes: Needs<'a>,
    /// `comment`.
    pub comment: Option<Word<'a>>,
    /// Where the rule is.
    pub span: Range<usize>,
}

/// An action in a policy's words, `errno:ENOSYS` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The words.
    pub word: String,
    /// The number that stands beside an error's name, where both do.
    pub beside: Option<u64>,
    /// What was written: `SCMP_ACT_ERRNO`.
    pub written: Word<'a>,
}

/// A comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// `index`, 0 to 5.
    pub index: u8,
    /// `op` as a policy writes it: `==`, `<`, …
    pub sign: &'static str,
    /// The bits that count, with `SCMP_CMP_MASKED_EQ`.
    pub mask: Option<u64>,
    /// The other side.
    pub value: u64,
    /// Where it is.
    pub span: Range<usize>,
}

/// What a rule depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs<'a> {
    /// `caps`: `CAP_*`.
    pub caps: Vec<Word<'a>>,
    /// `arches`, in Go's words: `amd64`.
    pub arches: Vec<Word<'a>>,
    /// `minKernel`: this version, major and minor, or a newer one.
    pub kernel: Option<(u32, u32)>,
}

/// The actions, as a policy writes them, and how large a number they can take with them.
const ACTIONS: [(&str, &str, Option<u64>); 9] = [
    ("SCMP_ACT_ALLOW", "allow", None),
    ("SCMP_ACT_ERRNO", "errno", Some(4095)),
    ("SCMP_ACT_LOG", "log", None),
    ("SCMP_ACT_KILL", "kill-thread", None),
    ("SCMP_ACT_KILL_PROCESS", "kill-process", None),
    ("SCMP_ACT_KILL_THREAD", "kill-thread", None),
    ("SCMP_ACT_NOTIFY", "notify", None),
    ("SCMP_ACT_TRACE", "trace", Some(65535)),
    ("SCMP_ACT_TRAP", "trap", None),
];

/// The operators, and as a policy writes them.
const OPERATORS: [(&str, &str); 7] = [
    ("SCMP_CMP_NE", "!="),
    ("SCMP_CMP_LT", "<"),
    ("SCMP_CMP_LE", "<="),
    ("SCMP_CMP_EQ", "=="),
    ("SCMP_CMP_GE", ">="),
    ("SCMP_CMP_GT", ">"),
    ("SCMP_CMP_MASKED_EQ", "&"),
];

const KEYS: [&str; 12] = [
    "defaultAction",
    "defaultErrnoRet",
    "defaultErrno",
    "architectures",
    "archMap",
    "flags",
    "listenerPath",
    "listenerMetadata",
    "syscalls",
    "comment",
    "comments",
    "$schema",
];

const RULE_KEYS: [&str; 10] =
    ["names", "name", "action", "errnoRet", "errno", "args", "includes", "excludes", "comment", "comments"];

/// What EPERM is: the number that engines take where none is written (runc, `libcontainer/seccomp`).
const EPERM: u64 = 1;

/// Reads a profile.
///
/// # Errors
/// Where the text is not JSON, and everything in it that is not a profile.
pub fn parse(source: &Arc<Source>) -> Result<Profile<'_>, Vec<Fault>> {
    let yaml = |line: &str| line.starts_with("apiVersion:") || line.starts_with("kind:");
    if !json::looks_like(&source.text) && source.text.lines().any(yaml) {
        let fault = Fault::new(format!("{} is YAML, and a seccomp profile is JSON", source.name));
        return Err(vec![fault.help("Kubernetes objects are read by: stockade import kubernetes FILE (or spo)")]);
    }
    let node = json::parse(source).map_err(|fault| vec![fault])?;
    if node.get("defaultAction").is_some() {
        return read(source, &node);
    }
    // A whole OCI configuration, as `runc spec` writes it, or as it is shown by crictl and ctr.
    let ways: [&[&str]; 3] =
        [&["linux", "seccomp"], &["info", "runtimeSpec", "linux", "seccomp"], &["Spec", "linux", "seccomp"]];
    match ways.iter().find_map(|way| node.way(way)) {
        Some(inner) if inner.get("defaultAction").is_some() => read(source, inner),
        _ => {
            Err(other(source, &node).map_or_else(|| read(source, &node).err().unwrap_or_default(), |fault| vec![fault]))
        }
    }
}

/// What a text is that is taken for a profile and is none.
fn other(source: &Arc<Source>, node: &Node<'_>) -> Option<Fault> {
    let Tree::Table(fields) = &node.tree else { return None };
    let has = |name: &str| node.get(name).is_some();
    let per_thread = |field: &Field<'_>| field.value.get("default_action").is_some();
    let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
    let (message, help) = if fields.iter().any(per_thread) || has("default_action") {
        (
            "this is a filter for seccompiler, Firecracker's own format, and no profile of a container engine"
                .to_owned(),
            "its numbers are of one machine and its words are others: write its calls into [[Seccomp.Rule]] by name",
        )
    } else if !kind.is_empty() {
        (format!("this is a Kubernetes object, a {kind}"), "read it with: stockade import kubernetes FILE (or spo)")
    } else if has("ociVersionMin") {
        (
            "this is what a runtime says of its features, and no profile".to_owned(),
            "a profile has `defaultAction` and `syscalls`",
        )
    } else if has("$schema") || has("definitions") {
        ("this is a JSON schema, and no profile".to_owned(), "a profile has `defaultAction` and `syscalls`")
    } else if has("ociVersion") {
        (
            "this configuration has no `linux.seccomp`: its container is not filtered".to_owned(),
            "`SeccompProfile = \"RuntimeDefault\"` is what engines do by default",
        )
    } else {
        return None;
    };
    Some(Fault::at(&Origin::new(source, node.span.start..node.span.start + 1), message).help(help))
}

/// Reads a profile from a tree.
///
/// # Errors
/// Everything in it that is not a profile.
pub fn read<'a>(source: &'a Arc<Source>, node: &Node<'a>) -> Result<Profile<'a>, Vec<Fault>> {
    let mut reader = Reader::new(source);
    for field in reader.table(node, "a seccomp profile") {
        known(&mut reader, &field.name, &KEYS);
    }
    let default = answer(&mut reader, node, "defaultAction", "defaultErrnoRet", "defaultErrno");
    let words =
        |reader: &mut Reader<'a>, name: &str| node.get(name).map_or(Vec::new(), |node| reader.words(node, name));
    let word = |reader: &mut Reader<'a>, name: &str| node.get(name).and_then(|node| reader.word(node, name));
    let architectures = words(&mut reader, "architectures");
    let map = arch_map(&mut reader, node);
    if !architectures.is_empty() && !map.is_empty() {
        reader
            .fault(&architectures[0].span, "a profile has `architectures` or `archMap`, not both")
            .help
            .push("Docker refuses it too: take one of them out".into());
    }
    let flags = words(&mut reader, "flags");
    let listener = word(&mut reader, "listenerPath").filter(|path| !path.text.is_empty());
    let metadata = word(&mut reader, "listenerMetadata").filter(|text| !text.text.is_empty());
    if let Some(metadata) = metadata.as_ref().filter(|_| listener.is_none()) {
        reader.fault(&metadata.span, "`listenerMetadata` stands without a `listenerPath`");
    }
    let elements = node.get("syscalls").map_or(&[][..], |node| reader.list(node, "`syscalls`"));
    let rules: Vec<Rule<'a>> = elements.iter().filter_map(|node| rule(&mut reader, node)).collect();
    let Reader { source, faults, warnings } = reader;
    match default {
        Some(default) if faults.is_empty() => {
            Ok(Profile { source, default, architectures, map, flags, listener, metadata, rules, warnings })
        }
        _ => Err(faults),
    }
}

impl Profile<'_> {
    /// Where some of its bytes are.
    pub fn at(&self, span: &Range<usize>) -> Origin {
        Origin::new(self.source, span.clone())
    }
}

fn known(reader: &mut Reader<'_>, name: &Word<'_>, keys: &[&str]) {
    if !keys.iter().any(|key| key.eq_ignore_ascii_case(&name.text)) {
        reader.unknown(name, keys);
    }
}

fn arch_map<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Vec<(Word<'a>, Vec<Word<'a>>)> {
    let elements = node.get("archMap").map_or(&[][..], |node| reader.list(node, "`archMap`"));
    let mut map = Vec::new();
    for element in elements {
        for field in reader.table(element, "an element of `archMap`") {
            known(reader, &field.name, &["architecture", "subArchitectures"]);
        }
        let Some(main) = element.get("architecture") else {
            reader.fault(&element.span, "this element of `archMap` has no `architecture`");
            continue;
        };
        let subs = element.get("subArchitectures").map_or(Vec::new(), |node| reader.words(node, "`subArchitectures`"));
        if let Some(main) = reader.word(main, "`architecture`") {
            map.push((main, subs));
        }
    }
    map
}

/// An action and its number.
fn answer<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    key: &str,
    number_key: &str,
    name_key: &str,
) -> Option<Answer<'a>> {
    let Some(value) = node.get(key) else {
        if matches!(node.tree, Tree::Table(_)) {
            let start = node.span.start;
            reader.fault(&(start..start + 1), format!("`{key}` is missing"));
        }
        return None;
    };
    let written = reader.word(value, &format!("`{key}`"))?;
    let Some((_, word, most)) = ACTIONS.iter().find(|(name, ..)| *name == written.text) else {
        let names = ACTIONS.iter().map(|(name, ..)| *name);
        let near = nearest(&written.text, names.clone());
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", names.collect::<Vec<_>>().join(", ")),
        };
        reader.fault(&written.span, format!("`{}` is not an action", written.text)).help.push(help);
        return None;
    };
    let name = node.get(name_key).and_then(|name| reader.word(name, &format!("`{name_key}`")));
    let name = name.filter(|name| !name.text.is_empty());
    let number = node.get(number_key);
    let Some(most) = most else {
        // The specification demands it: "the runtime MUST print and error and fail".
        for at in name.iter().map(|name| &name.span).chain(number.map(|number| &number.span)) {
            reader
                .fault(at, format!("{} takes no error, and there is one", written.text))
                .help
                .push(format!("take `{number_key}` out, or write SCMP_ACT_ERRNO"));
        }
        return Some(Answer { word: (*word).into(), beside: None, written });
    };
    let number = match number {
        Some(number) => Some(reader.number(number, &format!("`{number_key}`"), *most)?),
        None => None,
    };
    let (word, beside) = match name {
        Some(name) => (format!("{word}:{}", name.text), number),
        None => (format!("{word}:{}", number.unwrap_or(EPERM)), None),
    };
    Some(Answer { word, beside, written })
}

fn rule<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<Rule<'a>> {
    let before = reader.faults.len();
    for field in reader.table(node, "an element of `syscalls`") {
        known(reader, &field.name, &RULE_KEYS);
    }
    if reader.faults.len() > before {
        return None;
    }
    let mut names = node.get("names").map_or(Vec::new(), |node| reader.words(node, "`names`"));
    let single = node.get("name").and_then(|node| reader.word(node, "`name`")).filter(|name| !name.text.is_empty());
    match single {
        Some(single) if !names.is_empty() => {
            reader.fault(&single.span, "a rule has `name` or `names`, not both");
        }
        Some(single) => names.push(single),
        None if node.get("names").is_none() => {
            reader.fault(&(node.span.start..node.span.start + 1), "this rule has no `names`");
        }
        None if names.is_empty() => {
            reader.warn(&(node.span.start..node.span.start + 1), "this rule names no calls");
        }
        None => {}
    }
    let answer = answer(reader, node, "action", "errnoRet", "errno");
    let args = node.get("args").map_or(&[][..], |node| reader.list(node, "`args`"));
    let args = args.iter().filter_map(|node| arg(reader, node)).collect();
    let includes = needs(reader, node, "includes");
    let excludes = needs(reader, node, "excludes");
    let comment = node.get("comment").or_else(|| node.get("comments"));
    let comment = comment.and_then(Node::word).filter(|comment| !comment.text.trim().is_empty());
    Some(Rule { names, answer: answer?, args, includes, excludes, comment, span: node.span.clone() })
}

fn arg(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Arg> {
    for field in reader.table(node, "an element of `args`") {
        known(reader, &field.name, &["index", "value", "valueTwo", "op", "comment"]);
    }
    let place = node.span.start..node.span.start + 1;
    let find = |reader: &mut Reader<'_>, name: &str| {
        let found = node.get(name);
        if found.is_none() && matches!(node.tree, Tree::Table(_)) {
            reader.fault(&place, format!("this comparison has no `{name}`"));
        }
        found
    };
    let index = find(reader, "index").and_then(|node| reader.number(node, "`index`", 5));
    let value = find(reader, "value").and_then(|node| reader.number(node, "`value`", u64::MAX));
    let two = node.get("valueTwo").map(|node| (node, reader.number(node, "`valueTwo`", u64::MAX)));
    let op = find(reader, "op").and_then(|node| reader.word(node, "`op`"))?;
    let Some((_, sign)) = OPERATORS.iter().find(|(name, _)| *name == op.text) else {
        let names = OPERATORS.map(|(name, _)| name);
        let help = match nearest(&op.text, names.into_iter()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", names.join(", ")),
        };
        reader.fault(&op.span, format!("`{}` is not a comparison", op.text)).help.push(help);
        return None;
    };
    let (index, value) = (u8::try_from(index?).ok()?, value?);
    let second = two.as_ref().and_then(|(_, two)| *two);
    if *sign == "&" {
        return Some(Arg { index, sign: "==", mask: Some(value), value: second.unwrap_or(0), span: node.span.clone() });
    }
    if let Some((node, Some(1..))) = two {
        reader.warn(&node.span, format!("`valueTwo` means nothing with {}", op.text));
    }
    Some(Arg { index, sign, mask: None, value, span: node.span.clone() })
}

fn needs<'a>(reader: &mut Reader<'a>, rule: &Node<'a>, key: &str) -> Needs<'a> {
    let Some(node) = rule.get(key) else { return Needs::default() };
    for field in reader.table(node, &format!("`{key}`")) {
        known(reader, &field.name, &["caps", "arches", "minKernel"]);
    }
    let words =
        |reader: &mut Reader<'a>, name: &str| node.get(name).map_or(Vec::new(), |node| reader.words(node, name));
    let (caps, arches) = (words(reader, "caps"), words(reader, "arches"));
    let kernel = node.get("minKernel").and_then(|node| reader.word(node, "`minKernel`"));
    let kernel = kernel.filter(|word| !word.text.is_empty()).and_then(|word| {
        let version = version(&word.text);
        if version.is_none() {
            let fault = reader.fault(&word.span, format!("`{}` is not a kernel's version", word.text));
            fault.help.push("write it as \"4.8\"".into());
        }
        version
    });
    Needs { caps, arches, kernel }
}

/// Reads `4.8`, and of longer ones the first two numbers.
pub fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-']);
    let major = numbers.next()?.parse().ok()?;
    Some((major, numbers.next()?.parse().ok()?))
}
