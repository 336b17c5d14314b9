//! Golden plans: for each shipped profile, and for each policy in tests/plan, what would be done on a fixed machine as
//! root and as an ordinary user. `STOCKADE_UPDATE=1 cargo test --test plans` writes them anew; read the difference.

use std::fs;
use std::path::{Path, PathBuf};

use stockade::draft::capabilities::CapSet;
use stockade::fault::Fault;
use stockade::host::Host;
use stockade::plan::Plan;
use stockade::plan::op::Op;
use stockade::policy::Policy;
use stockade::report::explain;
use stockade::text::profiles::{Library, SHIPPED};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan")
}

/// A machine that never changes: Linux 6.12, everything there.
fn machine(uid: u32) -> Host {
    let home = if uid == 0 { "/root" } else { "/home/ann" };
    Host {
        release: (6, 12),
        pid: 4711,
        uid,
        gid: uid,
        effective: if uid == 0 { CapSet::all() } else { CapSet::EMPTY },
        landlock: 6,
        environment: vec![("PATH".into(), "/usr/bin:/bin".into()), ("HOME".into(), home.into())],
        directory: "/srv/work".into(),
        home: home.into(),
        points: ["/", "/proc", "/sys", "/sys/fs/cgroup", "/dev"].map(PathBuf::from).to_vec(),
        secrets: Some("/run/credentials".into()),
        cookie: [1, 2, 3],
        ..Host::default()
    }
}

fn plan(library: &Library, policy: &str, uid: u32) -> Result<Plan, Vec<Fault>> {
    let document = library.load(policy, None)?;
    let draft = Policy::read(&document)?.draft();
    Plan::new(&draft, &machine(uid), vec!["/usr/bin/true".into()])
}

fn told(plan: Result<Plan, Vec<Fault>>) -> String {
    match plan {
        Ok(plan) => explain::text(&plan),
        Err(faults) => faults.iter().map(|fault| fault.render(false)).collect(),
    }
}

/// The policies: the shipped profiles, and the files beside the golden plans.
fn policies() -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        SHIPPED.iter().map(|(name, _)| ((*name).to_owned(), (*name).to_owned())).collect();
    for entry in fs::read_dir(folder()).expect("tests/plan") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "toml") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            all.push((name, path.to_string_lossy().into_owned()));
        }
    }
    all
}

#[test]
fn plans_are_as_they_were() {
    let update = std::env::var_os("STOCKADE_UPDATE").is_some();
    // Whose file it is that git made is not what is tested here.
    let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata(folder()).expect("tests/plan"));
    let library = Library { directories: Vec::new(), uid };
    let mut stale = Vec::new();
    for (name, policy) in policies() {
        for (who, uid) in [("root", 0), ("user", 1000)] {
            let place = folder().join(format!("{name}.{who}"));
            let text = told(plan(&library, &policy, uid)).replace(&format!("{}/", folder().display()), "");
            if update {
                fs::write(&place, &text).expect("a golden plan");
            } else if fs::read_to_string(&place).unwrap_or_default() != text {
                stale.push(format!("{}:\n{text}", place.display()));
            }
        }
    }
    assert!(
        stale.is_empty(),
        "these plans changed; if they should, run STOCKADE_UPDATE=1 cargo test --test plans\n{}",
        stale.join("\n")
    );
}

#[test]
fn what_the_kernel_is_too_old_for_is_refused_or_told() {
    let place = std::env::temp_dir().join(format!("stockade-plans-{}.toml", std::process::id()));
    let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata(folder()).expect("tests/plan"));
    let library = Library { directories: Vec::new(), uid };
    let of = |text: &str| {
        fs::write(&place, text).expect("a policy");
        plan(&library, &place.to_string_lossy(), 1000)
    };
    let faults = of("MemoryTHP = \"madvise\"\n").expect_err("Linux 6.12 does not have it");
    assert_eq!(faults[0].exit, stockade::fault::Exit::MemoryThp);
    assert!(faults[0].render(false).contains("MemoryTHP=disable"), "{}", faults[0].render(false));
    let weaker = of("MemoryTHP = \"madvise\"\nPrefer = [\"MemoryTHP\"]\n").expect("a plan");
    assert!(
        weaker.shortfalls[0].remedy.contains("6.18") && !explain::text(&weaker).contains("use transparent huge pages")
    );
    for (mode, step) in [("disable", "use no transparent"), ("system", "as the system does")] {
        assert!(explain::text(&of(&format!("MemoryTHP = \"{mode}\"\n")).expect("a plan")).contains(step), "{mode}");
    }
    assert!(!explain::text(&of("MemoryTHP = \"inherit\"\n").expect("a plan")).contains("huge"));
    fs::remove_file(place).expect("the policy can be removed");
}

#[test]
fn every_plan_is_in_the_order_of_the_kernel() {
    let library = Library::of_the_binary();
    for (name, _) in SHIPPED {
        for uid in [0, 1000] {
            let plan = plan(&library, name, uid).expect("a plan");
            let phases: Vec<_> = plan.steps.iter().map(|step| step.phase).collect();
            assert!(phases.is_sorted(), "{name}: {phases:?}");
            assert!(plan.steps.iter().all(|step| !step.by.is_empty()), "{name}: a step that nobody asked for");
            assert_eq!(plan.steps.last().map(|step| &step.op), Some(&Op::Exec), "{name}");
            let at = |wanted: fn(&Op) -> bool| plan.steps.iter().position(|step| wanted(&step.op));
            if let (Some(filter), Some(privileges)) =
                (at(|op| matches!(op, Op::Filter(_))), at(|op| matches!(op, Op::NoNewPrivileges)))
            {
                assert!(privileges < filter, "{name}: no_new_privs comes before the filter");
                assert_eq!(filter, plan.steps.len() - 2, "{name}: the filter comes last but the target");
            }
        }
    }
}

#[test]
fn the_same_words_on_the_same_machine_make_the_same_plan() {
    let library = Library::of_the_binary();
    for (name, _) in SHIPPED {
        assert_eq!(told(plan(&library, name, 1000)), told(plan(&library, name, 1000)), "{name}");
    }
}
