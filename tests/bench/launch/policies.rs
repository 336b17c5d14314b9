//! stockade's policies for the levels that are measured.

/// stockade's policies, level by level. What the others of the level do, and no more.
pub(crate) fn policies() -> [(&'static str, String); 3] {
    let drop = "NoNewPrivileges = true\nCapabilityBoundingSet = []\n";
    let calls = "Extends = [\"container-default\"]\n";
    let view = "PrivateIPC = true\nProtectHostname = true\nReadOnlyPaths = [\"/\"]\nPrivateDevices = true\n\
                TemporaryFileSystem = [\"/tmp:mode=1777\"]\n";
    // lim's own five rules.
    let paths = "[Landlock]\nReadExecute = [\"/usr\", \"/opt\"]\nRead = [\"/etc\"]\nReadWrite = [\"/dev\"]\nReadWriteExecute = [\"/tmp\"]\n";
    [
        ("L1", format!("{calls}{drop}{paths}")),
        ("L2", format!("{view}{drop}")),
        ("L3", format!("{calls}{view}PrivateNetwork = true\n{drop}")),
    ]
}
