//! Access by Landlock: the table `[Landlock]`.

use crate::draft::Asked;
use crate::draft::access::{
    Bit, ENTRIES, EXECUTE, IOCTL_DEV, MAKE_BLOCK, MAKE_CHAR, NEWEST_ABI, PathRule, READ_DIR, READ_FILE, REFER,
    RESOLVE_UNIX, RIGHTS, SCOPES, TRUNCATE, WRITE_FILE, rights_of,
};
use crate::fault::Fault;
use crate::text::{Kind, Value};

use super::form::{self, Form, Item, PathItem};
use super::{Demands, Directive, Policy};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Landlock {
    /// Read, ReadExecute, ReadWrite, ReadWriteExecute, in this order; `Some` once written.
    pub beneath: [Option<Vec<PathItem>>; 4],
    /// Rules: paths and the rights below them; `Some` once written.
    pub rules: Option<Vec<(Vec<PathItem>, u64)>>,
    /// Restrict.
    pub restrict: Option<Restriction>,
    /// ABI.
    pub abi: Option<u32>,
    /// ConnectTCP; `Some` once written, and then every other port is refused.
    pub connect: Option<Vec<u16>>,
    /// BindTCP.
    pub bind: Option<Vec<u16>>,
    /// Scope.
    pub scopes: u64,
    /// Log.
    pub log: bool,
}

impl Landlock {
    /// The file system rights that are refused wherever no rule gives them.
    fn handled(&self) -> Option<u64> {
        let paths = self.rules.is_some() || self.beneath.iter().any(Option::is_some);
        let all = rights_of(self.abi.unwrap_or(DEFAULT_ABI));
        match self.restrict {
            Some(Restriction { from_all, keep, add }) => Some(if from_all { all & keep | add } else { add }),
            None => (paths || self.abi.is_some()).then_some(all),
        }
    }
}

/// What Restrict's lines add up to, whatever the ABI will turn out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// Whether the first line was inverted, so that all rights of the ABI are the start.
    from_all: bool,
    /// Of which these stay.
    keep: u64,
    /// And these are added.
    add: u64,
}

/// The ABI whose rights are handled when nobody says which: the newest that brought a right on
/// files (Linux 6.10). It stays what it is when later ones come, because a policy must not change
/// its meaning with stockade's version or the kernel's.
pub const DEFAULT_ABI: u32 = 5;

const READ: u64 = READ_FILE | READ_DIR;

/// Everything that changes something but making device nodes, which nobody does without saying so.
const WRITE: u64 = WRITE_FILE | (ENTRIES & !(MAKE_CHAR | MAKE_BLOCK)) | REFER | TRUNCATE | IOCTL_DEV | RESOLVE_UNIX;

/// What the four keys allow below their paths.
const KEYS: [u64; 4] = [READ, READ | EXECUTE, READ | WRITE, READ | WRITE | EXECUTE];

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    key::<0>(
        "Landlock.Read",
        "allow reading below these paths",
        "Paths below which files can be read and directories listed (read-file, read-dir). As soon as any key with \
         paths is written, Landlock refuses every access by path that no key allows, also to the target's own \
         program, which needs *Landlock.ReadExecute*, and so does its loader. Lists add up; an empty list takes back \
         what this key allowed and refuses all the same. `-` in front of a path lets it be missing. Landlock names \
         files by what they are when stockade starts: a rule for a path that is replaced later does not follow. \
         stat(2), chmod(2), chown(2) and the like are not covered by Landlock at all, and descriptors that are \
         open already keep their rights.",
        "[Landlock]\nRead = [\"/etc\", \"-/srv/data\"]",
    ),
    key::<1>(
        "Landlock.ReadExecute",
        "allow reading and executing below these paths",
        "As *Landlock.Read*, and files can be executed (execute). What can be read can be loaded by an interpreter or \
         by the dynamic loader even where execute is refused.",
        "[Landlock]\nReadExecute = [\"/usr\"]",
    ),
    key::<2>(
        "Landlock.ReadWrite",
        "allow reading and every change below these paths",
        "As *Landlock.Read*, and everything below can be written, truncated, made, removed, renamed and linked, also \
         between two such paths; devices can be controlled by ioctl(2) (write-file, truncate, remove-dir, \
         remove-file, make-dir, make-reg, make-sock, make-fifo, make-sym, refer, ioctl-dev, and resolve-unix where \
         *Landlock.ABI* reaches 9). Making device nodes is left to *Landlock.Rules*.",
        "[Landlock]\nReadWrite = [\"/tmp\"]",
    ),
    key::<3>(
        "Landlock.ReadWriteExecute",
        "allow everything below these paths",
        "As *Landlock.ReadWrite*, and files can be executed: the target can then run what it has written.",
        "[Landlock]\nReadWriteExecute = [\"/srv/build\"]",
    ),
    Directive {
        name: "Landlock.Rules",
        form: Form::Table(&[
            ("Paths", "paths, written as in Landlock.Read"),
            ("Rights", "the kernel's names of the rights below them"),
        ]),
        summary: "allow single rights below paths",
        manual: "Tables with *Paths* and *Rights*, where the four keys are too coarse. The rights are the kernel's \
                 (landlock(7)): execute, write-file, read-file, read-dir, remove-dir, remove-file, make-char, \
                 make-dir, make-reg, make-sock, make-fifo, make-block, make-sym, refer (ABI 2), truncate (ABI 3), \
                 ioctl-dev (ABI 5), resolve-unix (ABI 9).",
        example: "[Landlock]\nRules = [{ Paths = [\"/var/log\"], Rights = [\"write-file\", \"make-reg\"] }]",
        unlike: NEW,
        exposure: &[],
        read: rules,
        demand: |policy, demands| {
            for (paths, rights) in policy.landlock.rules.iter().flatten() {
                beneath(demands, paths, *rights);
            }
            handle(policy, demands, policy.landlock.rules.is_some());
        },
    },
    Directive {
        name: "Landlock.Restrict",
        form: Form::Words("RIGHT"),
        summary: "the rights that are refused where no rule allows them",
        manual: "Names as in *Landlock.Rules*. Only these rights are refused outside the paths that allow them; all \
                 others stay as they are. With `~` in front, all rights of *Landlock.ABI* but those named. Without it \
                 all rights of *Landlock.ABI* are refused as soon as a key with paths is written. Lists add up and an \
                 empty one resets. Moving files between directories (refer) is refused in any case.",
        example: "[Landlock]\nRestrict = [\"execute\"]",
        unlike: NEW,
        exposure: &[],
        read: restrict,
        demand: |policy, demands| handle(policy, demands, policy.landlock.restrict.is_some()),
    },
    Directive {
        name: "Landlock.ABI",
        form: Form::Text("NUMBER"),
        summary: "the version of Landlock whose rights are refused by default",
        manual: "1 (Linux 5.13), 2 (5.19), 3 (6.2), 4 (6.7), 5 (6.10), 6 (6.12), 7 (6.15), 8 (7.0), 9 (7.1) or 10 \
                 (7.2). Where the kernel's is lower, the rights that it lacks are named and nothing is executed, \
                 unless *Prefer* has `Landlock` in it. A lower number asks for less: 1 leaves truncate(2) and ioctls \
                 on devices alone, which no directive then refuses. 5 when it is not written; 9 also refuses to \
                 connect to unix sockets by their path.",
        example: "[Landlock]\nABI = 3",
        unlike: NEW,
        exposure: &[],
        read: |policy, value| {
            policy.landlock.abi = abi(&form::text(value)?)?;
            Ok(())
        },
        demand: |policy, demands| handle(policy, demands, policy.landlock.abi.is_some()),
    },
    Directive {
        name: "Landlock.ConnectTCP",
        form: Form::Texts("PORT"),
        summary: "the TCP ports that can be connected to",
        manual: "Port numbers; connecting to any other port answers EACCES (Landlock ABI 4, Linux 6.7). An empty list \
                 allows none. Lists add up. This is no firewall: Landlock does not see Multipath TCP (IPPROTO_MPTCP), \
                 data sent with TCP Fast Open (MSG_FASTOPEN), UDP, unix sockets, nor any other protocol, and it does \
                 not look at addresses. To have no network use PrivateNetwork=, or refuse the families and protocols \
                 by RestrictAddressFamilies= and [Seccomp].",
        example: "[Landlock]\nConnectTCP = [443]",
        unlike: NEW,
        exposure: &[],
        read: |policy, value| ports(value, &mut policy.landlock.connect),
        demand: |policy, demands| {
            demands.draft.access.connect_tcp = policy.landlock.connect.clone().map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "Landlock.BindTCP",
        form: Form::Texts("PORT"),
        summary: "the TCP ports that can be bound",
        manual: "Port numbers, written as in *Landlock.ConnectTCP*; binding any other answers EACCES. Port 0 stands \
                 for the ports that the kernel picks. A socket that calls listen(2) without bind(2) gets such a port \
                 unasked, and Multipath TCP, UDP and unix sockets are not covered either.",
        example: "[Landlock]\nBindTCP = [8080]",
        unlike: NEW,
        exposure: &[],
        read: |policy, value| ports(value, &mut policy.landlock.bind),
        demand: |policy, demands| {
            demands.draft.access.bind_tcp = policy.landlock.bind.clone().map(|what| demands.asked(what));
        },
    },
    Directive {
        name: "Landlock.Scope",
        form: Form::List("SCOPE"),
        summary: "keep the target from reaching processes outside the sandbox",
        manual: "*abstract-unix-socket*: no connection to abstract unix sockets that were made outside. *signal*: no \
                 signal to processes outside. Both need Landlock ABI 6 (Linux 6.12). Sockets with a path are not \
                 covered. Lists add up and an empty one resets.",
        example: "[Landlock]\nScope = [\"abstract-unix-socket\", \"signal\"]",
        unlike: NEW,
        exposure: &[],
        read: |policy, value| {
            let Some(words) = form::all_words(value)? else {
                policy.landlock.scopes = 0;
                return Ok(());
            };
            for word in &words {
                policy.landlock.scopes |= bit(word, &SCOPES, "scope")?;
            }
            Ok(())
        },
        demand: |policy, demands| {
            if policy.landlock.scopes != 0 {
                let what = policy.landlock.scopes;
                demands.draft.access.scopes = Some(demands.asked(what));
            }
        },
    },
    Directive {
        name: "Landlock.Log",
        form: Form::Boolean,
        summary: "have the kernel record what Landlock refuses",
        manual: "Refusals become audit records (types 1423 and 1424), for the target and all that it executes, from Landlock \
                 ABI 7 on (Linux 6.15) and while the kernel audits calls (auditctl -e 1, or audit=1 at boot). *stockade \
                 monitor* reads them. Older kernels record nothing of it, and the policy holds all the same.",
        example: "[Landlock]\nRead = [\"/etc\"]\nLog = true",
        unlike: NEW,
        exposure: &[],
        read: |policy, value| {
            policy.landlock.log = form::boolean(value)?;
            Ok(())
        },
        demand: |policy, demands| demands.draft.access.log = policy.landlock.log,
    },
];

const NEW: Option<&str> = Some("systemd has no words for Landlock.");

const fn key<const KEY: usize>(
    name: &'static str,
    summary: &'static str,
    manual: &'static str,
    example: &'static str,
) -> Directive {
    Directive {
        name,
        form: Form::Paths,
        summary,
        manual,
        example,
        unlike: NEW,
        exposure: &[],
        read: |policy, value| {
            let paths = policy.landlock.beneath[KEY].get_or_insert_with(Vec::new);
            match form::paths(value)? {
                None => paths.clear(),
                Some(items) => paths.extend(path_items(&items)?),
            }
            Ok(())
        },
        demand: |policy, demands| {
            if let Some(paths) = &policy.landlock.beneath[KEY] {
                beneath(demands, paths, KEYS[KEY]);
            }
            handle(policy, demands, policy.landlock.beneath[KEY].is_some());
        },
    }
}

fn path_items(items: &[Item]) -> Result<Vec<PathItem>, Fault> {
    items
        .iter()
        .map(|item| match form::path(item)? {
            PathItem { rooted: true, .. } => {
                Err(item.fault("`+` means nothing here").help("Landlock's paths are those that the target sees"))
            }
            path => Ok(path),
        })
        .collect()
}

fn beneath(demands: &mut Demands, paths: &[PathItem], rights: u64) {
    for item in paths {
        let by = demands.at(&item.at);
        let what = PathRule { path: item.path.clone(), rights, optional: item.optional };
        demands.draft.access.paths.push(Asked { what, by });
    }
}

/// Everything that is handled is asked for by the first row that was written.
fn handle(policy: &Policy, demands: &mut Demands, written: bool) {
    if written && demands.draft.access.handled.is_none() {
        demands.draft.access.handled = policy.landlock.handled().map(|what| demands.asked(what));
    }
}

fn rules(policy: &mut Policy, value: &Value) -> Result<(), Fault> {
    let tables = match &value.kind {
        Kind::Table(_) => std::slice::from_ref(value),
        Kind::List(values) => values,
        _ => return Err(not_a_rule(value)),
    };
    let rules = policy.landlock.rules.get_or_insert_with(Vec::new);
    if tables.is_empty() {
        rules.clear();
    }
    for table in tables {
        rules.push(rule(table)?);
    }
    Ok(())
}

fn rule(table: &Value) -> Result<(Vec<PathItem>, u64), Fault> {
    let Kind::Table(entries) = &table.kind else { return Err(not_a_rule(table)) };
    let (mut paths, mut rights) = (Vec::new(), 0);
    for entry in entries {
        match entry.name.as_str() {
            "Paths" => paths.extend(path_items(&form::paths(&entry.value)?.unwrap_or_default())?),
            "Rights" => {
                for word in form::all_words(&entry.value)?.unwrap_or_default() {
                    rights |= bit(&word, &RIGHTS, "right")?;
                }
            }
            other => {
                let fault = Fault::at(&entry.at, format!("`{other}` is not a key of a Landlock rule"));
                return Err(fault.help("the keys are Paths and Rights"));
            }
        }
    }
    if paths.is_empty() || rights == 0 {
        return Err(table.fault("this rule allows nothing").help("it needs Paths and Rights, neither of them empty"));
    }
    Ok((paths, rights))
}

fn not_a_rule(value: &Value) -> Fault {
    value
        .fault(format!("a list of tables was expected here, not {}", value.kind_name()))
        .help("write [{ Paths = [\"/srv\"], Rights = [\"read-file\"] }]")
}

fn restrict(policy: &mut Policy, value: &Value) -> Result<(), Fault> {
    let lines = form::lines(value)?;
    if lines.is_empty() {
        policy.landlock.restrict = None;
    }
    for line in &lines {
        let text = line.text.trim_start();
        let (inverted, rest) = text.strip_prefix('~').map_or((false, text), |rest| (true, rest));
        let mut bits = 0;
        for word in form::words(&Item { text: rest.to_owned(), at: line.at.clone() })? {
            bits |= bit(&word, &RIGHTS, "right")?;
        }
        let new = Restriction { from_all: inverted, keep: u64::MAX, add: 0 };
        let restriction = policy.landlock.restrict.get_or_insert(new);
        if inverted {
            restriction.keep &= !bits;
            restriction.add &= !bits;
        } else {
            restriction.add |= bits;
        }
    }
    Ok(())
}

fn abi(item: &Item) -> Result<Option<u32>, Fault> {
    if item.text.trim().is_empty() {
        return Ok(None);
    }
    match item.text.trim().parse::<u32>() {
        Ok(number) if (1..=NEWEST_ABI).contains(&number) => Ok(Some(number)),
        _ => Err(item
            .fault(format!("`{}` is not a version of Landlock that stockade knows", item.text))
            .help(format!("write a number from 1 to {NEWEST_ABI}"))),
    }
}

fn ports(value: &Value, into: &mut Option<Vec<u16>>) -> Result<(), Fault> {
    let words = match &value.kind {
        Kind::List(_) => form::lines(value)?,
        _ => form::all_words(value)?.unwrap_or_default(),
    };
    let ports = into.get_or_insert_with(Vec::new);
    if words.is_empty() {
        ports.clear();
    }
    for word in words {
        match word.text.parse::<u16>() {
            Ok(port) if word.text.bytes().all(|byte| byte.is_ascii_digit()) => ports.push(port),
            _ => return Err(word.fault(format!("`{}` is not a port", word.text)).help("write numbers, 0 to 65535")),
        }
    }
    ports.sort_unstable();
    ports.dedup();
    Ok(())
}

fn bit(word: &Item, table: &[Bit], what: &str) -> Result<u64, Fault> {
    if let Some(known) = table.iter().find(|known| known.word == word.text) {
        return Ok(known.bit);
    }
    let fault = word.fault(format!("`{}` is not a {what} of Landlock's", word.text));
    if let Some(near) = form::nearest(&word.text.replace('_', "-"), table.iter().map(|known| known.word)) {
        return Err(fault.help(format!("did you mean `{near}`?")));
    }
    let all: Vec<&str> = table.iter().map(|known| known.word).collect();
    Err(fault.help(format!("write some of: {}", all.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::super::users::{read, read_all};
    use super::*;
    use crate::draft::access::{Access, KERNELS};
    use crate::fault::Origin;
    use crate::text::Entry;

    fn text(text: &str) -> Kind {
        Kind::Text(text.into())
    }

    fn access(entries: &[(&str, Kind)]) -> Access {
        read_all(entries).expect("good").draft().access
    }

    fn handled(entries: &[(&str, Kind)]) -> Option<u64> {
        access(entries).handled.map(|asked| asked.what)
    }

    #[test]
    fn any_key_with_paths_handles_all_rights_of_the_abi() {
        assert_eq!(handled(&[]), None);
        assert_eq!(handled(&[("Landlock.Read", text("/etc"))]), Some(0xffff));
        assert_eq!(handled(&[("Landlock.ReadWrite", Kind::List(Vec::new()))]), Some(0xffff), "empty refuses all");
        assert_eq!(handled(&[("Landlock.Read", text("/etc")), ("Landlock.ABI", text("1"))]), Some(0x1fff));
        assert_eq!(handled(&[("Landlock.Restrict", text("execute")), ("Landlock.Read", text("/"))]), Some(1));
        assert_eq!(handled(&[("Landlock.Restrict", text("~execute"))]), Some(0xfffe));
        assert_eq!(handled(&[("Landlock.Restrict", text("~execute")), ("Landlock.ABI", text("1"))]), Some(0x1ffe));
    }

    #[test]
    fn the_manual_knows_every_right_scope_and_abi() {
        let manual = |name: &str| DIRECTIVES.iter().find(|row| row.name == name).expect("a row").manual;
        for Bit { word, .. } in RIGHTS {
            assert!(manual("Landlock.Rules").contains(word), "{word}");
        }
        for Bit { word, .. } in SCOPES {
            assert!(manual("Landlock.Scope").contains(&format!("*{word}*")), "{word}");
        }
        for (at, (major, minor)) in KERNELS.iter().enumerate() {
            let linux = if at == 0 { "Linux " } else { "" };
            let abi = format!("{} ({linux}{major}.{minor})", at + 1);
            assert!(manual("Landlock.ABI").contains(&abi), "{abi}");
        }
    }

    #[test]
    fn keys_stand_for_rights() {
        let rights = |key: &str| access(&[(key, text("/"))]).paths[0].what.rights;
        assert_eq!(rights("Landlock.Read"), 0xc);
        assert_eq!(rights("Landlock.ReadExecute"), 0xd);
        assert_eq!(rights("Landlock.ReadWrite"), 0x1_ffff & !1 & !(1 << 6) & !(1 << 11));
        assert_eq!(rights("Landlock.ReadWriteExecute"), 0x1_ffff & !(1 << 6) & !(1 << 11));
    }

    #[test]
    fn rules_name_single_rights() {
        let at =
            Origin::new(&std::sync::Arc::new(crate::fault::Source { name: "t".into(), text: String::new() }), 0..0);
        let entry = |name: &str, word: &str| {
            let value = Value { kind: text(word), at: at.clone() };
            Entry { name: name.into(), at: at.clone(), value }
        };
        let table = Kind::Table(vec![entry("Paths", "/a -/b"), entry("Rights", "refer truncate")]);
        let paths = access(&[("Landlock.Rules", table)]).paths;
        assert_eq!(
            paths.iter().map(|asked| (asked.what.rights, asked.what.optional)).collect::<Vec<_>>(),
            [(0x6000, false), (0x6000, true)]
        );
        for bad in [
            Kind::Table(vec![entry("Paths", "/a")]),
            Kind::Table(vec![entry("Paths", "/a"), entry("Rights", "read_file")]),
            Kind::Table(vec![entry("Path", "/a"), entry("Rights", "read-file")]),
            text("/a"),
        ] {
            assert!(read("Landlock.Rules", bad.clone()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_empty_list_of_ports_allows_none() {
        assert_eq!(access(&[]).connect_tcp, None);
        let ports = |kind| access(&[("Landlock.ConnectTCP", kind)]).connect_tcp.map(|asked| asked.what);
        assert_eq!(ports(Kind::List(Vec::new())), Some(Vec::new()));
        assert_eq!(ports(text("443 80 443")), Some(vec![80, 443]));
        for bad in ["65536", "-1", "http", "+80"] {
            assert!(read("Landlock.BindTCP", text(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn wrong_words_are_refused() {
        for (name, bad) in [
            ("Landlock.ABI", "0"),
            ("Landlock.ABI", "11"),
            ("Landlock.Scope", "signals"),
            ("Landlock.Restrict", "read"),
            ("Landlock.Read", "etc"),
            ("Landlock.Read", "+/etc"),
        ] {
            assert!(read(name, text(bad)).is_err(), "{name}={bad}");
        }
    }
}
