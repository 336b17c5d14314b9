//! Who the target runs as.

/// A user or group as it was written: looked up on the host by `plan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A number, 0 to 4294967294 without 65535 (systemd's parse_uid).
    Number(u32),
    /// A name.
    Word(String),
}

/// What PrivateUsers= asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserNamespace {
    /// Root and the target's own user and group are mapped to themselves, everybody else to nobody.
    Own,
    /// 0 to 65535 are mapped to themselves.
    Identity,
    /// Everything is mapped to itself.
    Full,
}
