//! What a filter means, read straight from its layers: slow, and short enough to be seen right. The tests hold the
//! compiled program against it, and `explain` answers questions about single calls with it.

use crate::draft::action::Action;
use crate::draft::arch::Arch;
use crate::draft::calls::{self, X32_BIT};
use crate::draft::groups;
use crate::draft::syscalls::{Filter, Layer, Rule};

use super::machine::Data;

/// The filter's answer to one call.
pub fn meaning(filter: &Filter, native: Arch, data: &Data) -> Action {
    let Some((arch, number)) = place(filter, native, data) else { return filter.foreign };
    let execve = arch == native && calls::name(arch, number).as_deref() == Some("execve");
    if execve && filter.cookie.is_some_and(|cookie| data.args[3..] == cookie) {
        return Action::Allow;
    }
    filter.layers.iter().fold(Action::Allow, |so_far, layer| {
        let rule = layer.rules.iter().find(|rule| matches(rule, arch, native, number, data));
        so_far.and(rule.map_or_else(|| undecided(layer, arch, number), |rule| rule.action))
    })
}

/// Which of the filter's architectures a call belongs to, and its number there.
pub fn place(filter: &Filter, native: Arch, data: &Data) -> Option<(Arch, u32)> {
    let listed = |arch: Arch| arch == native || (filter.architectures.contains(&arch) && arch.runs_on(native));
    let x86_64 = data.arch == Arch::X86_64.audit();
    // Number -1 is what a tracer leaves behind to skip a call; the kernel never runs it.
    if x86_64 && data.nr >= X32_BIT && (data.nr != u32::MAX || listed(Arch::X32)) {
        return listed(Arch::X32).then(|| (Arch::X32, data.nr - X32_BIT));
    }
    let mut all = std::iter::once(native).chain(filter.architectures.iter().copied());
    let arch = all.find(|arch| *arch != Arch::X32 && listed(*arch) && arch.audit() == data.arch)?;
    Some((arch, data.nr))
}

/// Whether a rule decides a call.
pub fn matches(rule: &Rule, arch: Arch, native: Arch, number: u32, data: &Data) -> bool {
    let id = calls::identify(arch, number);
    rule.is_on(arch)
        && rule.calls.iter().any(|call| call.number(arch, native) == Some(number))
        && rule.when.iter().all(|compare| compare.exact(id, arch).is_ok_and(|exact| exact.holds(&data.args)))
}

/// A layer's answer to a call that none of its rules decides.
fn undecided(layer: &Layer, arch: Arch, number: u32) -> Action {
    if is_unknown(arch, number) { layer.unknown.unwrap_or(layer.otherwise) } else { layer.otherwise }
}

/// Whether a number is newer than the table, nameless, or not in systemd's `@known`.
pub fn is_unknown(arch: Arch, number: u32) -> bool {
    calls::identify(arch, number).is_none_or(|id| !groups::known(id))
}
