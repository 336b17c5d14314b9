//! stub, replaced by the seccomp branch
use super::By;
use std::borrow::Cow;
/// Arch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x
    X86_64,
}
/// Action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Action {
    KillProcess,
    KillThread,
    Trap(u16),
    Errno(u16),
    Notify,
    Trace(u16),
    Log,
    Allow,
}
/// Operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}
/// Width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Width {
    Word32,
    Word64,
}
/// Compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Compare {
    pub arg: u8,
    pub mask: Option<u64>,
    pub operator: Operator,
    pub value: u64,
    pub width: Width,
}
/// Call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Call {
    Name(Cow<'static, str>),
    Number(u32),
}
/// Rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Rule {
    pub calls: Vec<Call>,
    pub when: Vec<Compare>,
    pub action: Action,
    pub by: By,
}
/// Layer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Layer {
    pub by: By,
    pub rules: Vec<Rule>,
    pub otherwise: Action,
    pub unknown: Option<Action>,
}
