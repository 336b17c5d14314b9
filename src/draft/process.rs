//! Attributes of the process itself.

/// One change to the environment, in the order of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// Sets a variable.
    Set(String, String),
    /// Lets a variable of the caller's through, and only those named so. A trailing `*` stands for
    /// any rest; an empty name lets nothing through.
    Pass(String),
    /// Sets the variables of a file of the caller's; `true`: unless it is missing.
    File(String, bool),
    /// Removes a variable, or an exact `NAME=VALUE`, last of all.
    Unset(String),
}

/// Where the target starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkingDirectory {
    /// The home directory of the target's user.
    Home,
    /// A path in the target's world.
    Path(String),
}
