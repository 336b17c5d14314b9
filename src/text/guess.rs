//! What a text is that was given as a policy and is none: the file of another tool, or a program.

use std::path::Path;

use crate::fault::{Fault, Source};

/// One fault that says what the text is and what takes it, in place of all that is wrong with it as a policy.
pub(super) fn guess(source: &Source) -> Option<Fault> {
    let file = crate::fault::clean(&source.name);
    let text = source.text.trim_start_matches('\u{feff}');
    let has = |wanted: &dyn Fn(&str) -> bool| text.lines().any(|line| wanted(line.trim()));
    let is = |what: &str| Some(Fault::new(format!("`{file}` is {what}, and not a policy")));
    if let Some(program) = text.strip_prefix("#!").and_then(|line| line.lines().next()).map(str::trim)
        && !program.contains("stockade")
    {
        return is(&format!("a script for `{}`", crate::fault::clean(program))).map(|fault| runs(fault, &file));
    }
    if has(&|line| line == "kind: SeccompProfile") {
        return is("a SeccompProfile of the security-profiles-operator")
            .map(|fault| fault.help(format!("to make it one: stockade import spo {file} -o NAME.toml")));
    }
    if has(&|line| line.starts_with("apiVersion:")) || has(&|line| line.starts_with("\"apiVersion\"")) {
        return is("a manifest of Kubernetes'").map(|fault| {
            fault
                .help(format!("to use the seccomp profile that it names: stockade run --pod {file} -- COMMAND"))
                .help(format!("to make it a policy: stockade import kubernetes {file} -o NAME.toml"))
        });
    }
    if text.trim_start().starts_with('{') {
        return is("JSON").map(|fault| {
            fault
                .help(format!("a container engine's seccomp profile is used by: -p SeccompProfile={file}"))
                .help(format!("to make it a policy: stockade import oci {file} -o NAME.toml"))
        });
    }
    if has(&|line| matches!(line, "[Unit]" | "[Service]" | "[Install]" | "[Socket]")) {
        return is("a unit of systemd's").map(|fault| {
            fault
                .help(format!("to use its sandbox: stockade run --unit {file} -- COMMAND"))
                .help(format!("to make it a policy: stockade import unit {file} -o NAME.toml"))
        });
    }
    let part = |line: &str| Path::new(line).extension().is_some_and(|end| end == "inc" || end == "local");
    if has(&|line| line.starts_with("include ") && part(line)) {
        return is("a profile of firejail's").map(|fault| {
            fault.help("to make a policy from what a program does: stockade learn -o NAME.toml -- COMMAND")
        });
    }
    None
}

/// What is said of bytes that are no text; nothing where that cannot be told.
pub(super) fn binary(bytes: &[u8], file: &str) -> Option<Fault> {
    match bytes {
        [0x7f, b'E', b'L', b'F', ..] => {
            Some(runs(Fault::new(format!("`{file}` is a program, and not a policy")), file))
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            Some(Fault::new(format!("the policy `{file}` is UTF-16 text")).help("save it as UTF-8"))
        }
        _ => None,
    }
}

fn runs(fault: Fault, file: &str) -> Fault {
    fault.help(format!("to run it: stockade run -P strict -- {file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        let fault = guess(&Source { name: "./x".into(), text: text.into() })?;
        Some(format!("{}; {}", fault.message, fault.help.join("; ")))
    }

    #[test]
    fn files_of_other_tools_are_told_apart() {
        for (text, parts) in [
            ("{\n \"defaultAction\": \"SCMP_ACT_ERRNO\"}", &["is JSON", "import oci ./x", "-p SeccompProfile=./x"][..]),
            (
                "\n[Unit]\nDescription=a b\n[Service]\nUser=x\n",
                &["a unit of systemd's", "run --unit ./x", "import unit ./x"],
            ),
            ("apiVersion: v1\nkind: Pod\n", &["Kubernetes'", "run --pod ./x"]),
            ("{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Pod\"}", &["Kubernetes'", "import kubernetes ./x"]),
            ("apiVersion: x/v1\nkind: SeccompProfile\n", &["import spo ./x"]),
            ("#!/bin/sh -e\necho\n", &["a script for `/bin/sh -e`", "stockade run -P strict -- ./x"]),
            ("include globals.local\ncaps.drop all\n", &["firejail's", "stockade learn"]),
        ] {
            let said = said(text).unwrap_or_default();
            assert!(parts.iter().all(|part| said.contains(part)), "{text}: {said}");
        }
    }

    #[test]
    fn a_policy_with_a_slip_is_a_policy() {
        for text in ["#!/usr/bin/stockade\nUser = x\n", "PrivateTmp = yes\n", "[Landlock]\nRead = /usr\n", ""] {
            assert_eq!(said(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_are_told_apart() {
        let said = |bytes: &[u8]| binary(bytes, "x").map(|fault| fault.message);
        assert!(said(b"\x7fELF\x02").is_some_and(|said| said.contains("a program")));
        assert!(said(b"\xff\xfeU\0").is_some_and(|said| said.contains("UTF-16")));
        assert_eq!(said(b"a\xff"), None);
    }
}
