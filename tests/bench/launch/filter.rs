//! A filter for the C baseline, which takes only ready-made ones: of the same size and shape as the one
//! that stockade compiles for `container-default`, a search tree of ranges over the call numbers.
//!
//! Its verdict is always to allow: what is compared is the cost of installing a filter and of passing it.

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const ABOVE: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const ALLOW: u32 = 0x7fff_0000; // SECCOMP_RET_ALLOW
const KILL: u32 = 0x8000_0000; // SECCOMP_RET_KILL_PROCESS
const ARCHITECTURE: u32 = if cfg!(target_arch = "aarch64") { 0xc000_00b7 } else { 0xc000_003e }; // AUDIT_ARCH_*

type Instruction = (u16, u8, u8, u32);

/// The tree that decides between these ranges, which begin at the numbers given.
fn tree(starts: &[u32], out: &mut Vec<Instruction>) {
    let middle = starts.len() / 2;
    if middle == 0 {
        out.push((RETURN, 0, 0, ALLOW));
        return;
    }
    let at = out.len();
    out.push((ABOVE, 0, 0, starts[middle]));
    tree(&starts[..middle], out);
    let below = u8::try_from(out.len() - at - 1).expect("half of 60 ranges is a short jump");
    out[at].1 = below;
    tree(&starts[middle..], out);
}

/// The program, as the array of `struct sock_filter` that seccomp(2) takes.
pub(crate) fn program() -> Vec<u8> {
    let starts: Vec<u32> = (0..60).map(|range| range * 8).collect();
    let mut program = vec![(LOAD, 0, 0, 4), (EQUAL, 1, 0, ARCHITECTURE), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)];
    tree(&starts, &mut program);
    let bytes =
        |(code, yes, no, value): Instruction| [&code.to_ne_bytes()[..], &[yes, no], &value.to_ne_bytes()].concat();
    program.into_iter().flat_map(bytes).collect()
}
