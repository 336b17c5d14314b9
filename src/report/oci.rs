//! A filter in the formats of container engines and Kubernetes.

use serde_json::{Map, Value, json};

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::profile::architecture_name;
use crate::fault::Fault;
use crate::plan::filter::flat::{Flat, Region};
use crate::text::attach::{KUBELET, LOCAL};
use crate::text::kubernetes::{CONTAINER_ANNOTATION, OPERATOR, POD_ANNOTATION};

use super::pretty;

/// The JSON of the OCI runtime specification.
///
/// # Errors
/// What the format has no word for.
pub fn profile(flat: &Flat) -> Result<Value, Fault> {
    let mut map = Map::new();
    action(&mut map, flat.default, "defaultAction", "defaultErrnoRet")?;
    let architectures: Vec<&str> = flat.architectures.iter().map(|arch| architecture_name(*arch)).collect();
    map.insert("architectures".into(), json!(architectures));
    let flags = [
        (flat.flags.log, "SECCOMP_FILTER_FLAG_LOG"),
        (flat.flags.spec_allow, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"),
        (flat.flags.wait_killable, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
    ];
    let flags: Vec<&str> = flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
    if !flags.is_empty() {
        map.insert("flags".into(), json!(flags));
    }
    let mut rules = Vec::new();
    for rule in &flat.rules {
        let mut map = Map::new();
        map.insert("names".into(), json!(rule.calls));
        action(&mut map, rule.action, "action", "errnoRet")?;
        let args = args(&rule.region);
        if !args.is_empty() {
            map.insert("args".into(), json!(args));
        }
        rules.push(Value::Object(map));
    }
    map.insert("syscalls".into(), rules.into());
    Ok(map.into())
}

fn action(map: &mut Map<String, Value>, action: Action, key: &str, number: &str) -> Result<(), Fault> {
    let (name, data) = match action {
        Action::Allow => ("SCMP_ACT_ALLOW", None),
        Action::Log => ("SCMP_ACT_LOG", None),
        Action::Notify(_) => ("SCMP_ACT_NOTIFY", None),
        Action::KillProcess => ("SCMP_ACT_KILL_PROCESS", None),
        Action::KillThread => ("SCMP_ACT_KILL_THREAD", None),
        Action::Errno(data) => ("SCMP_ACT_ERRNO", Some(data)),
        Action::Trace(data) => ("SCMP_ACT_TRACE", Some(data)),
        Action::Trap(0) => ("SCMP_ACT_TRAP", None),
        Action::Trap(_) => {
            return Err(Fault::new(format!("a profile cannot say `{action}`: its SCMP_ACT_TRAP has no number"))
                .help("write the action as `trap`"));
        }
    };
    map.insert(key.into(), name.into());
    if let Some(data) = data {
        map.insert(number.into(), data.into());
    }
    Ok(())
}

fn args(region: &Region) -> Vec<Value> {
    let compared = region.iter().enumerate().filter(|(_, cube)| cube.mask != 0);
    let arg = |(index, cube): (usize, &crate::plan::filter::flat::Cube)| match cube.mask {
        u64::MAX => json!({ "index": index, "value": cube.value, "op": "SCMP_CMP_EQ" }),
        mask => json!({ "index": index, "value": mask, "valueTwo": cube.value, "op": "SCMP_CMP_MASKED_EQ" }),
    };
    compared.map(arg).collect()
}

/// What engines that read the format do otherwise, one line each.
pub fn differences(flat: &Flat) -> Vec<String> {
    let mut notes = flat.notes.clone();
    let actions = || std::iter::once(flat.default).chain(flat.rules.iter().map(|rule| rule.action));
    if actions().any(|action| action == Action::Errno(4095)) {
        notes.push("libseccomp does not take the error 4095, and so no engine that uses it does".into());
    }
    if actions().any(|action| matches!(action, Action::Notify(_))) {
        notes.push("SCMP_ACT_NOTIFY needs a `listenerPath` in the profile: an agent that answers".into());
    }
    notes
}

/// A file for nodes, what to write in a pod, and what was written there before Kubernetes 1.25: a YAML text of three
/// documents.
///
/// # Errors
/// As [`profile`].
pub fn kubernetes(flat: &Flat, name: &str) -> Result<String, Fault> {
    let path = format!("profiles/{name}.json");
    let json = pretty(&profile(flat)?);
    Ok(format!(
        "# On every node: {KUBELET}/{path}\n{json}---\n\
         # In the pod's spec, or in that of one of its containers:\n\
         securityContext:\n  seccompProfile:\n    type: Localhost\n    localhostProfile: {path}\n---\n\
         # Before Kubernetes 1.25, for the pod; for a container: {CONTAINER_ANNOTATION}NAME\n\
         metadata:\n  annotations:\n    {POD_ANNOTATION}: {LOCAL}{path}\n"
    ))
}

/// A SeccompProfile object of the security-profiles-operator, and what it says otherwise than the policy.
///
/// # Errors
/// As [`profile`], and values that its numbers cannot hold.
pub fn operator(flat: &Flat, name: &str) -> Result<(Value, Vec<String>), Fault> {
    // A comparison of all bits is written without its mask.
    let masked = |mask: u64| if mask == u64::MAX { 0 } else { mask };
    let beyond = |region: &Region| region.iter().any(|cube| i64::try_from(masked(cube.mask).max(cube.value)).is_err());
    if let Some(rule) = flat.rules.iter().find(|rule| beyond(&rule.region)) {
        let calls = rule.calls.join(", ");
        return Err(Fault::new(format!(
            "the rule on {calls} compares all 64 bits, and a SeccompProfile's numbers have 63"
        ))
        .help("compare with a mask of fewer bits, or export to OCI or Kubernetes"));
    }
    let mut notes = Vec::new();
    let mut flat = flat.clone();
    if flat.architectures.contains(&Arch::Loongarch64) {
        notes.push("a SeccompProfile has no word for loongarch64, which is left out".into());
        flat.architectures.retain(|arch| *arch != Arch::Loongarch64);
    }
    let mut spec = profile(&flat)?;
    if let Some(number) = spec.as_object_mut().and_then(|spec| spec.remove("defaultErrnoRet"))
        && flat.default != Action::Errno(1)
    {
        notes.push(format!(
            "a SeccompProfile has no defaultErrnoRet: calls that it does not name answer EPERM instead of error {number}"
        ));
    }
    let object = json!({
        "apiVersion": format!("{OPERATOR}/v1beta1"),
        "kind": "SeccompProfile",
        "metadata": { "name": name },
        "spec": spec,
    });
    Ok((object, notes))
}
