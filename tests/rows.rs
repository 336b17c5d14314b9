//! The laws of the rows: every directive is documented, exemplified and readable.

mod meaning;

use std::collections::HashSet;
use std::sync::Arc;

use meaning::meaning;
use stockade::draft::Draft;
use stockade::fault::Source;
use stockade::policy::form::Form;
use stockade::policy::{Directive, FAMILIES, Policy, all, exposures};
use stockade::report::show;
use stockade::text::profiles::{Library, SHIPPED};
use stockade::text::{Document, toml};

/// Directives whose example cannot demand anything on its own, each with why.
const NO_DEMAND: &[(&str, &str)] = &[
    ("Extends", "the policies it names are in the document before rows are read"),
    ("Descriptors.Pass", "descriptors are closed by every plan; this is read by the planner"),
    ("SystemCallErrorNumber", "a number for SystemCallFilter"),
    ("Seccomp.Mode", "filter is what every policy has that asks for one"),
];

fn read(text: &str) -> (Document, Policy) {
    let source = Arc::new(Source { name: "example".into(), text: text.into() });
    let document = toml::parse(&source).unwrap_or_else(|faults| panic!("{text}: {}", faults[0].render(false)));
    let policy = Policy::read(&document).unwrap_or_else(|faults| panic!("{text}: {}", faults[0].render(false)));
    (document, policy)
}

#[test]
fn names_are_unique_and_well_formed() {
    let mut seen = HashSet::new();
    for row in all() {
        assert!(seen.insert(row.name), "{} is there twice", row.name);
        for part in row.name.split('.') {
            assert!(part.starts_with(|c: char| c.is_ascii_uppercase()), "{}", row.name);
            assert!(part.chars().all(|c| c.is_ascii_alphanumeric()), "{}", row.name);
        }
        assert!(row.name.matches('.').count() <= 1, "{}: one table deep", row.name);
    }
}

#[test]
fn tables_are_not_directives() {
    for row in all() {
        if let Some((table, _)) = row.name.split_once('.') {
            assert!(all().all(|other| other.name != table), "{table} is both a table and a directive");
        }
    }
}

#[test]
fn summaries_are_one_line_without_a_full_stop() {
    for row in all() {
        let Directive { name, summary, .. } = row;
        assert!(!summary.is_empty() && summary.len() <= 80, "{name}: {summary}");
        assert!(!summary.contains('\n') && !summary.ends_with('.'), "{name}: {summary}");
        let first = summary.split_whitespace().next().unwrap_or_default();
        // Lower case, but for names that have capitals everywhere: TCP, CAP_*, Landlock's.
        let is_name = first.chars().filter(char::is_ascii_uppercase).count() > 1 || first.starts_with("Landlock");
        assert!(is_name || !first.starts_with(char::is_uppercase), "{name}: {summary}");
    }
}

#[test]
fn manuals_are_sentences_and_explain_every_word() {
    for row in all() {
        let manual = row.manual.trim_end();
        assert!(manual.len() > 40, "{}: the manual is too short to explain anything", row.name);
        assert!(manual.ends_with(['.', ')', ':']), "{}: the manual does not end a sentence", row.name);
        let words: Vec<&str> = match row.form {
            Form::BooleanOr(words) | Form::Word(words) => words.to_vec(),
            Form::Table(keys) => {
                for (key, meaning) in keys {
                    assert!(!meaning.is_empty(), "{}: {key}", row.name);
                }
                Vec::new()
            }
            _ => Vec::new(),
        };
        for word in words.into_iter().filter(|word| !["yes", "no"].contains(word)) {
            assert!(manual.contains(&format!("*{word}*")), "{}: the manual does not explain *{word}*", row.name);
        }
        // Between backticks a star is a star.
        let stars: usize = manual.split('`').step_by(2).map(|text| text.matches('*').count()).sum();
        assert_eq!(stars % 2, 0, "{}: a `*` without a partner", row.name);
    }
}

#[test]
fn examples_set_their_directive_and_demand_something() {
    for row in all() {
        let (document, policy) = read(row.example);
        assert!(document.entries.iter().any(|entry| entry.name == row.name), "{}: not in its example", row.name);
        let demands = format!("{:?}", policy.draft()) != format!("{:?}", Draft::default());
        let excused = NO_DEMAND.iter().any(|(name, _)| *name == row.name);
        assert!(demands || excused, "{}: the example demands nothing", row.name);
    }
}

#[test]
fn nothing_written_demands_nothing() {
    assert_eq!(format!("{:?}", Policy::default().draft()), format!("{:?}", Draft::default()));
}

#[test]
fn showing_an_example_keeps_its_meaning() {
    for row in all() {
        let (document, policy) = read(row.example);
        let shown = show::toml(&document);
        let (_, again) = read(&shown);
        assert_eq!(meaning(&again), meaning(&policy), "{}: shown as\n{shown}", row.name);
    }
}

#[test]
fn showing_a_shipped_profile_keeps_its_meaning() {
    let library = Library::of_the_binary();
    for (name, _) in SHIPPED {
        let document = library.load(*name, None).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
        let policy = Policy::read(&document).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)));
        let (_, again) = read(&show::toml(&document));
        assert_eq!(meaning(&again), meaning(&policy), "{name}");
    }
}

#[test]
fn families_have_names_and_no_row_is_in_two() {
    let rows: usize = FAMILIES.iter().map(|(_, rows)| rows.len()).sum();
    assert_eq!(rows, all().count());
    assert!(FAMILIES.iter().all(|(name, _)| !name.is_empty() && !name.ends_with('.')));
}

/// systemd's exposure table (src/analyze/analyze-security.c, the same in 252, 257 and 262): name in its JSON, weight, range.
const WEIGHTS: &[(&str, u32, u32)] = &[
    ("UserOrDynamicUser", 2000, 10),
    ("SupplementaryGroups", 200, 1),
    ("RemoveIPC", 100, 1),
    ("PrivateDevices", 1000, 1),
    ("PrivateMounts", 1000, 1),
    ("PrivateNetwork", 2500, 1),
    ("PrivateTmp", 1000, 1),
    ("PrivateUsers", 1000, 1),
    ("ProtectControlGroups", 1000, 1),
    ("ProtectKernelModules", 1000, 1),
    ("ProtectKernelTunables", 1000, 1),
    ("ProtectKernelLogs", 1000, 1),
    ("ProtectClock", 1000, 1),
    ("ProtectHostname", 50, 1),
    ("LockPersonality", 100, 1),
    ("MemoryDenyWriteExecute", 100, 1),
    ("NoNewPrivileges", 1000, 1),
    ("RestrictRealtime", 500, 1),
    ("RestrictSUIDSGID", 1000, 1),
    ("Delegate", 100, 1),
    ("ProtectHome", 1000, 10),
    ("ProtectSystem", 1000, 10),
    ("RootDirectoryOrRootImage", 200, 1),
    ("UMask", 100, 10),
    ("KeyringMode", 1000, 1),
    ("ProtectProc", 1000, 3),
    ("ProcSubset", 10, 1),
    ("NotifyAccess", 1000, 1),
    ("AmbientCapabilities", 500, 1),
    ("SystemCallArchitectures", 1000, 10),
    ("IPAddressDeny", 1000, 10),
    ("DeviceAllow", 1000, 10),
];

/// The directives with several lines each: the weights of all their lines, ascending, and their range.
const FAMILY_WEIGHTS: &[(&str, &[u32], u32)] = &[
    (
        "CapabilityBoundingSet",
        &[
            25, 25, 25, 25, 25, 25, 50, 50, 75, 100, 100, 500, 500, 500, 500, 500, 500, 1000, 1000, 1000, 1000, 1000,
            1000, 1500, 1500, 1500,
        ],
        1,
    ),
    ("RestrictNamespaces", &[100, 500, 500, 500, 500, 500, 1500], 1),
    ("RestrictAddressFamilies", &[25, 200, 1000, 1250, 1500], 1),
    ("SystemCallFilter", &[250, 250, 700, 700, 1000, 1000, 1000, 1000, 1000, 1000, 1000], 10),
];

#[test]
fn the_table_above_is_systemds() {
    let single: u32 = WEIGHTS.iter().map(|(_, weight, _)| weight).sum();
    let several: u32 = FAMILY_WEIGHTS.iter().flat_map(|(_, weights, _)| *weights).sum();
    let lines = WEIGHTS.len() + FAMILY_WEIGHTS.iter().map(|(_, weights, _)| weights.len()).sum::<usize>();
    assert_eq!((lines, single + several), (81, 56460));
}

#[test]
fn every_line_of_systemds_table_is_weighed() {
    let mut ours: Vec<(&str, u32)> = exposures().map(|exposure| (exposure.id, exposure.weight)).collect();
    ours.sort_unstable();
    ours.dedup();
    assert_eq!((ours.len(), ours.iter().map(|(_, weight)| weight).sum::<u32>()), (81, 56460));
    let foreign = ["Delegate", "NotifyAccess", "IPAddressDeny", "DeviceAllow"];
    for (id, weight, range) in WEIGHTS.iter().filter(|(id, ..)| foreign.contains(id)) {
        let ours = exposures().find(|exposure| exposure.id == *id).expect("a line");
        assert_eq!((ours.weight, ours.range), (*weight, *range), "{id}");
    }
}

#[test]
fn weights_are_systemds() {
    let mut seen = HashSet::new();
    for row in all() {
        for exposure in row.exposure {
            let id = exposure.id;
            assert!(seen.insert(id), "{id} is weighed twice");
            if let Some((_, weight, range)) = WEIGHTS.iter().find(|(known, ..)| *known == id) {
                assert_eq!((exposure.weight, exposure.range), (*weight, *range), "{id}");
            } else {
                let family = id.split('_').next().unwrap_or_default();
                let (_, _, range) =
                    FAMILY_WEIGHTS.iter().find(|(known, ..)| *known == family).unwrap_or_else(|| panic!("{id}"));
                assert_eq!((family, exposure.range), (row.name, *range), "{id}");
            }
            if let Some(badness) = (exposure.badness)(&Policy::default()) {
                assert!(badness <= exposure.range, "{id}: {badness} of {}", exposure.range);
            }
        }
        if let Some((family, weights, _)) = FAMILY_WEIGHTS.iter().find(|(family, ..)| *family == row.name) {
            let mut ours: Vec<u32> = row.exposure.iter().map(|exposure| exposure.weight).collect();
            ours.sort_unstable();
            assert_eq!(ours, *weights, "{family}");
        }
    }
}
