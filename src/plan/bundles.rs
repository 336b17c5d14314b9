//! The two calls of 32-bit x86 that stand for many: socketcall(2) and ipc(2) carry another call's number, and its arguments
//! where no filter can look. What a layer says of that other call it says of them too, as libseccomp does; else refusing
//! connect would refuse nothing to a 32-bit program.

use std::sync::Arc;

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::Call;
use crate::draft::compare::{Compare, Operator, Width};
use crate::draft::syscalls::{Filter, Layer, Rule};

/// Numbers, and the calls that they stand for.
type Carried = &'static [(u16, &'static str)];

/// socketcall's numbers (`linux/net.h`). send and recv have been forms of sendto and recvfrom since.
const SOCKETCALL: Carried = &[
    (1, "socket"),
    (2, "bind"),
    (3, "connect"),
    (4, "listen"),
    (5, "accept"),
    (6, "getsockname"),
    (7, "getpeername"),
    (8, "socketpair"),
    (9, "send"),
    (9, "sendto"),
    (10, "recv"),
    (10, "recvfrom"),
    (11, "sendto"),
    (12, "recvfrom"),
    (13, "shutdown"),
    (14, "setsockopt"),
    (15, "getsockopt"),
    (16, "sendmsg"),
    (17, "recvmsg"),
    (18, "accept4"),
    (19, "recvmmsg"),
    (20, "sendmmsg"),
];

/// ipc's numbers (`linux/ipc.h`). The upper half of the word is a version.
const IPC: Carried = &[
    (1, "semop"),
    (2, "semget"),
    (3, "semctl"),
    (4, "semtimedop"),
    (11, "msgsnd"),
    (12, "msgrcv"),
    (13, "msgget"),
    (14, "msgctl"),
    (21, "shmat"),
    (22, "shmdt"),
    (23, "shmget"),
    (24, "shmctl"),
];

/// A call, which bits of its first argument say what it stands for, and what they say.
const BUNDLES: [(&str, Option<u64>, Carried); 2] = [("socketcall", None, SOCKETCALL), ("ipc", Some(0xffff), IPC)];

/// Adds to each layer what its rules say of the two, where 32-bit x86 can make calls; only what they refuse with
/// `refusals`.
pub(super) fn add(filter: &mut Filter, refusals: bool) {
    if filter.architectures.contains(&Arch::X86) {
        filter.layers.iter_mut().for_each(|layer| unfold(Arc::make_mut(layer), refusals));
    }
}

fn unfold(layer: &mut Layer, refusals: bool) {
    for (name, mask, carried) in BUNDLES {
        let bundle = Call::parse(name);
        // What says something of the bundle itself decides from there on.
        let own = layer.rules.iter().position(|rule| rule.when.is_empty() && rule.calls.contains(&bundle));
        let before = own.unwrap_or(layer.rules.len());
        let rules = std::mem::take(&mut layer.rules);
        for (at, rule) in rules.into_iter().enumerate() {
            let mut more = Vec::new();
            // A rule that compares arguments refuses the whole call here, since nobody sees them; it allows none.
            if at < before && (refuses(rule.action) || rule.when.is_empty() && !refusals) {
                for (number, _) in carried.iter().filter(|(_, call)| rule.calls.contains(&Call::parse(call))) {
                    let mut one = Rule { calls: vec![bundle.clone()], ..rule.clone() };
                    one.when = vec![stands_for(mask, *number)];
                    more.push(one);
                }
            }
            layer.rules.push(rule);
            layer.rules.append(&mut more);
        }
    }
}

fn refuses(action: Action) -> bool {
    matches!(action, Action::Errno(_) | Action::Trap(_) | Action::KillThread | Action::KillProcess)
}

fn stands_for(mask: Option<u64>, number: u16) -> Compare {
    Compare { arg: 0, mask, operator: Operator::Equal, value: number.into(), width: Width::Word32 }
}
