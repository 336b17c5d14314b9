//! The three phases of a policy in a fleet: what its profile does in each, and that it comes back as the same filter.

use stockade::draft::action::Action;
use stockade::draft::arch::Arch;
use stockade::draft::calls;
use stockade::draft::profile::DOCKER;
use stockade::plan::filter::flat::flatten;
use stockade::plan::filter::stage::Stage;
use stockade::report::oci as written;
use stockade::text::profiles::SHIPPED;

use crate::{exporteds, filter, good, policys, program, says};

/// A small server's calls.
const SERVER: &str = "SystemCallArchitectures = [\"native\", \"x86\", \"x32\"]\nSystemCallErrorNumber = \"EPERM\"\n\
    SystemCallFilter = [\"madvise epoll_ctl getsockname setsockopt vfork mmap read write close arch_prctl\"]\n";

fn profile(policy: &str, stage: Stage) -> serde_json::Value {
    let flat = flatten(&exporteds(policy), Arch::native()).expect("a flat filter");
    written::profile(&stage.of(flat, Arch::native())).expect("a profile")
}

#[test]
fn nothing_is_refused_before_the_last() {
    for (name, text) in SHIPPED.iter().copied().chain([("server", SERVER)]) {
        let whole = policys(text);
        if whole.layers.is_empty() {
            continue;
        }
        let protects = program(&whole);
        for stage in [Stage::Learn, Stage::Monitor, Stage::Protect] {
            let json = profile(text, stage).to_string();
            let back = filter(&good(&json), DOCKER);
            let again = flatten(&back, Arch::native()).expect("a flat filter");
            assert_eq!(written::profile(&again).expect("a profile").to_string(), json, "{name} {stage:?}");
            let back = program(&back);
            for number in 0..calls::newest(Arch::native()) {
                let protect = says(&protects, Arch::native(), number, [0; 6]);
                let wanted = match (stage, protect) {
                    (Stage::Protect, action) => action,
                    (Stage::Monitor, Action::Allow) => Action::Allow,
                    _ => Action::Log,
                };
                assert_eq!(says(&back, Arch::native(), number, [0; 6]), wanted, "{name} {stage:?} {number}");
            }
        }
    }
}

/// As the phases are described elsewhere: LOG for all; LOG but for the list; ERRNO but for the list.
#[test]
fn a_small_servers_profiles_are_a_default_and_a_list() {
    if Arch::native() != Arch::X86_64 {
        crate::kit::say("a_small_servers_profiles_are_a_default_and_a_list is about x86-64's profiles only");
        return;
    }
    let architectures = serde_json::json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    for (stage, default, list) in [
        (Stage::Learn, "SCMP_ACT_LOG", false),
        (Stage::Monitor, "SCMP_ACT_LOG", true),
        (Stage::Protect, "SCMP_ACT_ERRNO", true),
    ] {
        let json = profile(SERVER, stage);
        assert_eq!(json["defaultAction"], default, "{json}");
        assert_eq!(json["architectures"], architectures, "{json}");
        let rules = json["syscalls"].as_array().expect("rules");
        let allowed: Vec<_> = rules.iter().filter(|rule| rule["action"] == "SCMP_ACT_ALLOW").collect();
        assert_eq!(allowed.len(), usize::from(list), "{json}");
        if let [rule] = allowed[..] {
            let names: Vec<&str> =
                rule["names"].as_array().expect("names").iter().filter_map(serde_json::Value::as_str).collect();
            for name in ["arch_prctl", "close", "epoll_ctl", "madvise", "mmap", "read", "vfork", "write"] {
                assert!(names.contains(&name), "{name} is not in {json}");
            }
            assert!(!names.contains(&"ptrace") && rule.get("args").is_none(), "{json}");
        }
    }
}
