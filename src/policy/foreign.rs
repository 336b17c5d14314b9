//! systemd's words that a launcher cannot carry out: known, refused, each with what to use instead.

use super::{Exposure, Policy};

/// Words, those with a `*` behind them for all that begin so; and the advice.
const ADVICE: &[(&[&str], &str)] = &[
    (
        &["IPAddressAllow", "IPAddressDeny", "IPIngressFilterPath", "IPEgressFilterPath"],
        "it takes BPF programs on a control group, which a manager loads: use PrivateNetwork=yes, \
         RestrictAddressFamilies=, [Landlock] ConnectTCP and BindTCP, or keep it in the unit",
    ),
    (
        &["SocketBindAllow", "SocketBindDeny"],
        "it takes BPF programs on a control group, which a manager loads: use [Landlock] BindTCP, or keep it in the unit",
    ),
    (
        &["RestrictNetworkInterfaces", "BindNetworkInterface", "NFTSet"],
        "it takes BPF programs or firewall rules that a manager makes: use PrivateNetwork=yes or NetworkNamespacePath=, \
         or keep it in the unit",
    ),
    (
        &["DeviceAllow", "DevicePolicy"],
        "it takes BPF programs on a control group, which a manager loads: use PrivateDevices=yes, and BindPaths= for \
         single devices, or keep it in the unit",
    ),
    (
        &["RestrictFileSystems", "RestrictFileSystemAccess"],
        "it takes BPF programs in the kernel's security hooks, which a manager loads: use [Landlock] rules, \
         InaccessiblePaths= or TemporaryFileSystem=",
    ),
    (&["BPFProgram", "BPFDelegate*"], "a manager has to load it: use PrivateBPF=yes for an empty BPF file system"),
    (
        &["RootImage*", "RootHash*", "RootVerity*", "RootMStack", "MountImages", "ExtensionImages"],
        "images are set up by a manager: mount the image and use RootDirectory=, BindReadOnlyPaths= or \
         ExtensionDirectories=",
    ),
    (
        &["RootImagePolicy", "MountImagePolicy", "ExtensionImagePolicy"],
        "there are no images here to have a policy about",
    ),
    (&["UserNamespacePath"], "enter the namespace before stockade: nsenter --user=PATH stockade ..."),
    (&["LogNamespace"], "the journal's namespaces are made by a manager: use systemd-run -p LogNamespace="),
    (&["PAMName"], "sessions are opened by a manager: use systemd-run -p PAMName= or su(1) in front of stockade"),
    (&["SmackProcessLabel"], "use AppArmorProfile= or SELinuxContext=, or keep it in the unit"),
    (
        &["LoadCredentialEncrypted", "SetCredentialEncrypted", "ImportCredential"],
        "a manager has the keys: keep it in the unit and read it by LoadCredential=NAME, or use LoadCredential=NAME:PATH",
    ),
    (&["ExtraFileDescriptors"], "use [Descriptors] Pass"),
    (
        &[
            "Delegate",
            "DelegateSubgroup",
            "DisableControllers",
            "CoredumpReceive",
            "CPUSetPartition",
            "Slice",
            "ManagedOOM*",
            "CPUAccounting",
            "MemoryAccounting",
            "TasksAccounting",
            "IOAccounting",
            "IPAccounting",
        ],
        "a manager places processes in control groups: keep it in the unit, or use systemd-run -p",
    ),
    (
        &["MemoryMin", "MemoryLow", "MemoryLimit", "MemoryZSwap*", "DefaultMemory*", "StartupMemory*"],
        "use MemoryMax=, MemoryHigh= or MemorySwapMax=, or keep it in the unit",
    ),
    (&["StartupCPU*", "CPUShares"], "use CPUWeight= or CPUQuota=, or keep it in the unit"),
    (&["AllowedCPUs", "StartupAllowedCPUs"], "use CPUAffinity=, or keep it in the unit"),
    (
        &["AllowedMemoryNodes", "StartupAllowedMemoryNodes"],
        "use NUMAPolicy=bind with NUMAMask=, or keep it in the unit",
    ),
    (
        &[
            "IOWeight",
            "IODeviceWeight",
            "IODeviceLatencyTargetSec",
            "IORead*",
            "IOWrite*",
            "StartupIO*",
            "BlockIO*",
            "StartupBlockIO*",
        ],
        "use IOSchedulingClass= and IOSchedulingPriority=, or keep it in the unit",
    ),
    (
        &["MemoryPressure*", "CPUPressure*", "IOPressure*"],
        "a manager makes the file that tells of it: keep it in the unit, whose variables for it ($MEMORY_PRESSURE_WATCH) \
         stockade passes on",
    ),
    (
        &["Capabilities", "NetClass", "SysVStartPriority", "BusPolicy", "DefaultStartupMemoryLow"],
        "systemd does not read it any more: leave it out",
    ),
    (
        &["StandardInput*", "StandardOutput", "StandardError"],
        "redirect in the shell: stockade runs with the descriptors that it is given",
    ),
    (
        &[
            "TTYPath",
            "TTYReset",
            "TTYVHangup",
            "TTYVTDisallocate",
            "TTYRows",
            "TTYColumns",
            "UtmpIdentifier",
            "UtmpMode",
        ],
        "terminals are set up by a manager: use script(1), or keep it in the unit",
    ),
    (
        &[
            "SyslogIdentifier",
            "SyslogFacility",
            "SyslogLevel*",
            "LogLevelMax",
            "LogExtraFields",
            "LogRateLimit*",
            "LogFilterPatterns",
        ],
        "use systemd-cat(1) in front of stockade",
    ),
    (
        &[
            "RuntimeDirectoryPreserve",
            "StateDirectoryQuota",
            "CacheDirectoryQuota",
            "LogsDirectoryQuota",
            "StateDirectoryAccounting",
            "CacheDirectoryAccounting",
            "LogsDirectoryAccounting",
            "TimeoutCleanSec",
        ],
        "nobody stays behind to remove or count anything: keep it in the unit",
    ),
    (&["ExecStart"], "write Exec = [\"/path/of/program\", \"argument\"], or the command behind `--`"),
    (
        &["ExecCondition", "ExecReload", "ExecReloadPost", "ExecStop", "ExecStopPost", "ExecStartPre", "ExecStartPost"],
        "only one command is run: use a shell script, or keep it in the unit",
    ),
    (
        &[
            "Type",
            "ExitType",
            "RemainAfterExit",
            "GuessMainPID",
            "PIDFile",
            "BusName",
            "NotifyAccess",
            "WatchdogSec",
            "Restart*",
            "StartLimit*",
            "TimeoutAbortSec",
            "TimeoutSec",
            "TimeoutStart*",
            "TimeoutStopFailureMode",
            "SuccessExitStatus",
            "RootDirectoryStartOnly",
            "PermissionsStartOnly",
            "RuntimeRandomizedExtraSec",
            "NonBlocking",
            "Sockets",
            "FileDescriptorStore*",
            "USBFunction*",
            "OOMPolicy",
            "OOMRules",
            "LUOSession",
            "SuccessAction*",
            "FailureAction*",
            "RebootArgument",
            "ReloadSignal",
            "RefreshOnReload",
            "DebugInvocation",
        ],
        "this is about how a manager supervises: keep it in the unit",
    ),
    (
        &[
            "KillMode",
            "KillSignal",
            "RestartKillSignal",
            "SendSIGHUP",
            "SendSIGKILL",
            "FinalKillSignal",
            "WatchdogSignal",
        ],
        "this is about how a manager stops a service: keep it in the unit",
    ),
    (
        &[
            "Description",
            "Documentation",
            "Wants",
            "Requires",
            "RequiresOverridable",
            "Requisite",
            "RequisiteOverridable",
            "BindsTo",
            "BindTo",
            "PartOf",
            "Upholds",
            "Conflicts",
            "Before",
            "After",
            "OnFailure*",
            "OnSuccess*",
            "PropagatesReloadTo",
            "PropagateReloadTo",
            "PropagateReloadFrom",
            "ReloadPropagatedFrom",
            "PropagatesStopTo",
            "StopPropagatedFrom",
            "JoinsNamespaceOf",
            "RequiresMountsFor",
            "WantsMountsFor",
            "StopWhenUnneeded",
            "SurviveFinalKillSignal",
            "RefuseManual*",
            "AllowIsolate",
            "DefaultDependencies",
            "CollectMode",
            "IgnoreOnIsolate",
            "IgnoreOnSnapshot",
            "JobTimeout*",
            "JobRunning*",
            "Condition*",
            "Assert*",
            "SourcePath",
            "Alias",
            "WantedBy",
            "RequiredBy",
            "UpheldBy",
            "Also",
            "DefaultInstance",
        ],
        "this is about a unit and not about its process: leave it out of a policy",
    ),
];

/// The words that there is advice for; those with a `*` behind them stand for all that begin so.
pub fn words() -> impl Iterator<Item = &'static str> {
    ADVICE.iter().flat_map(|(words, _)| words.iter().copied())
}

/// What to use instead of one of systemd's words that stockade does not have; nothing for words that
/// systemd does not have either.
pub fn advice(name: &str) -> Option<&'static str> {
    let fits = |word: &&str| match word.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *word,
    };
    // The longest word decides: `RootImagePolicy` is none of `RootImage*`.
    let longest = |words: &[&str]| words.iter().filter(|word| fits(word)).map(|word| word.len()).max();
    let best = ADVICE.iter().filter_map(|(words, advice)| Some((longest(words)?, *advice)));
    best.max_by_key(|(length, _)| *length).map(|(_, advice)| advice)
}

/// The lines of systemd's exposure table that no directive of stockade's is behind.
pub const EXPOSURE: &[Exposure] = &[
    Exposure { id: "Delegate", weight: 100, range: 1, badness: |_| Some(0) },
    Exposure { id: "NotifyAccess", weight: 1000, range: 1, badness: |_| Some(0) },
    Exposure { id: "IPAddressDeny", weight: 1000, range: 10, badness: |_| Some(10) },
    Exposure { id: "DeviceAllow", weight: 1000, range: 10, badness: |policy| Some(devices(policy)) },
];

/// PrivateDevices= closes the device policy; ProtectClock= opens it for the hardware clock again.
fn devices(policy: &Policy) -> u32 {
    match (policy.devices.private, policy.kernel.clock) {
        (false, _) => 10,
        (true, true) => 5,
        (true, false) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_by_how_they_begin() {
        assert!(advice("IPAddressDeny").is_some_and(|advice| advice.contains("PrivateNetwork")));
        assert!(advice("RestartSec").is_some_and(|advice| advice.contains("supervises")));
        assert!(advice("ExecStartPre").is_some_and(|advice| advice.contains("only one command")));
        assert!(advice("ExecStopPost").is_some_and(|advice| advice.contains("only one command")));
        // Words that systemd 252 or 262 reads in [Service], and that are easily forgotten.
        for word in ["PermissionsStartOnly", "StandardInputText", "SyslogLevelPrefix", "ExecReloadPost", "OOMRules"] {
            assert!(advice(word).is_some(), "{word}");
        }
        assert!(advice("ExecStart").is_some_and(|advice| advice.contains("Exec =")));
        for unknown in ["", "Afterwards", "Nonsense", "DelegateSubgroups", "DelegateNamespace"] {
            assert_eq!(advice(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn no_word_is_also_a_directive() {
        for (name, advice) in ADVICE.iter().flat_map(|(words, advice)| words.iter().map(move |word| (*word, *advice))) {
            let start = name.trim_end_matches('*');
            let ours = super::super::all().find(|row| row.name == name || start != name && row.name.starts_with(start));
            assert!(ours.is_none(), "{name}");
            assert!(!advice.is_empty() && !advice.contains("  "), "{name}");
        }
    }
}
