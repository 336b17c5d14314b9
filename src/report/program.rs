//! A filter's program in the forms that other tools read.

use serde_json::{Value, json};

use crate::draft::syscalls::{Filter, Flags};
use crate::fault::clean;
use crate::host::installed::Installed;
use crate::plan::filter::machine::Instruction;
use crate::plan::filter::tree::Program;

/// The program as the kernel takes it: an array of `struct sock_filter` (`linux/filter.h`), eight bytes each, in this
/// machine's byte order. `bwrap --seccomp FD` and `minijail --seccomp-bpf-binary` read it.
pub fn raw(code: &[Instruction]) -> Vec<u8> {
    let bytes =
        |step: &Instruction| [&step.code.to_ne_bytes()[..], &[step.jt, step.jf], &step.k.to_ne_bytes()].concat();
    code.iter().flat_map(bytes).collect()
}

/// Decimal numbers, the count first, as `tcpdump -ddd` prints and `bpf_dbg` reads them.
pub fn bpf(code: &[Instruction]) -> String {
    let lines = code.iter().map(|step| format!("{} {} {} {}\n", step.code, step.jt, step.jf, step.k));
    format!("{}\n{}", code.len(), lines.collect::<String>())
}

/// An array for a C program.
pub fn c(code: &[Instruction]) -> String {
    let lines =
        code.iter().map(|step| format!("    {{ {:#04x}, {}, {}, {:#010x} }},\n", step.code, step.jt, step.jf, step.k));
    format!("static const struct sock_filter filter[{}] = {{\n{}}};\n", code.len(), lines.collect::<String>())
}

/// The instructions for scripts: code, jt, jf, k.
pub fn json(code: &[Instruction]) -> Value {
    code.iter().map(|step| json!([step.code, step.jt, step.jf, step.k])).collect()
}

fn size(program: &Program) -> String {
    format!("{} instructions, {} at most for one call", program.code.len(), program.depth())
}

/// What holds for the whole of a policy's filter.
pub fn head(filter: &Filter, program: &Program) -> String {
    let mut text = format!("one program of {}\nother architectures: {}\n", size(program), filter.foreign);
    let flags = flags(program.flags);
    if !flags.is_empty() {
        text.push_str(&format!("loaded with: {}\n", flags.join(", ")));
    }
    text
}

/// What holds for the whole of a process's filters; `logs` says of each whether its refusals are logged.
pub fn process(process: &Installed, programs: &[Program], logs: &[Option<bool>]) -> String {
    let mut text = format!("{}\n", state(process));
    for (at, (program, logs)) in programs.iter().zip(logs).enumerate() {
        let logged = if *logs == Some(true) { ", logged" } else { "" };
        text.push_str(&format!("filter {}: {}{logged}\n", at + 1, size(program)));
    }
    text
}

/// One line about what /proc says of a process.
pub fn state(process: &Installed) -> String {
    let name = clean(&process.name).replace('\n', "?");
    let mode = match process.mode {
        0 => "no filter (Seccomp: 0)".to_owned(),
        1 => "strict mode: read, write, _exit and sigreturn only (Seccomp: 1)".to_owned(),
        _ => match process.count {
            Some(1) => "one filter (Seccomp: 2, Seccomp_filters: 1)".to_owned(),
            Some(count) => format!("{count} filters (Seccomp: 2, Seccomp_filters: {count})"),
            None => "filters (Seccomp: 2)".to_owned(),
        },
    };
    format!("process {} ({name}): {mode}", process.pid)
}

/// The flags' words in a policy.
pub fn flags(flags: Flags) -> Vec<&'static str> {
    let all = [(flags.log, "log"), (flags.spec_allow, "spec-allow"), (flags.wait_killable, "wait-killable-recv")];
    all.into_iter().filter(|flag| flag.0).map(|flag| flag.1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_those_of_other_tools() {
        let code =
            [Instruction { code: 0x15, jt: 1, jf: 2, k: 0x0102_0304 }, Instruction { code: 6, jt: 0, jf: 0, k: 0 }];
        let bytes = raw(&code);
        assert_eq!(bytes.len(), 16);
        if cfg!(target_endian = "little") {
            assert_eq!(bytes[..8], [0x15, 0, 1, 2, 4, 3, 2, 1]);
        }
        assert_eq!(bpf(&code), "2\n21 1 2 16909060\n6 0 0 0\n");
        assert!(c(&code).contains("{ 0x15, 1, 2, 0x01020304 },\n"));
        assert_eq!(json(&code)[0][3], 0x0102_0304);
    }
}
