//! A filter's program in the forms that other tools read.

use serde_json::{Value, json};

use crate::draft::syscalls::Flags;
use crate::plan::machine::Instruction;

/// The program as the kernel takes it: an array of `struct sock_filter` (`linux/filter.h`), eight bytes each, in this
/// machine's byte order. `bwrap --seccomp FD` and `minijail --seccomp-bpf-binary` read it.
pub fn raw(code: &[Instruction]) -> Vec<u8> {
    let bytes = |step: &Instruction| {
        let ([a, b], [c, d, e, f]) = (step.code.to_ne_bytes(), step.k.to_ne_bytes());
        [a, b, step.jt, step.jf, c, d, e, f]
    };
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
