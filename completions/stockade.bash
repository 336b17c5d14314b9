_stockade_words() {
    case "$1" in
        ExecSpecifiers|ExecVariables|Init.AsPid1|Pty|SetLoginEnvironment|IgnoreSIGPIPE|MemoryKSM|RemoveIPC|DynamicUser|NoNewPrivileges|RootEphemeral|MountAPIVFS|BindLogSockets|PrivateBPF|PrivateDevices|ProtectKernelTunables|ProtectKernelModules|ProtectKernelLogs|ProtectClock|PrivateMounts|PrivateNetwork|PrivateIPC|PrivatePIDs|MemoryDenyWriteExecute|LockPersonality|RestrictRealtime|RestrictSUIDSGID|Seccomp.ExecOnce|Landlock.Log|CPUSchedulingResetOnFork)
            echo "yes no"
            ;;
        MemoryTHP)
            echo "inherit disable madvise system"
            ;;
        KeyringMode)
            echo "inherit private shared"
            ;;
        ProtectSystem)
            echo "yes no full strict"
            ;;
        ProtectHome)
            echo "yes no read-only tmpfs"
            ;;
        PrivateTmp)
            echo "yes no disconnected"
            ;;
        MountFlags)
            echo "shared slave private"
            ;;
        ProtectProc)
            echo "default noaccess invisible ptraceable"
            ;;
        ProcSubset)
            echo "all pid"
            ;;
        ProtectControlGroups)
            echo "yes no private strict"
            ;;
        ProtectHostname)
            echo "yes no private"
            ;;
        PrivateUsers)
            echo "yes no self identity full"
            ;;
        Seccomp.Mode)
            echo "filter strict strict-compat none"
            ;;
        CPUSchedulingPolicy)
            echo "other batch idle fifo rr ext"
            ;;
        NUMAPolicy)
            echo "default preferred bind interleave local"
            ;;
        IOSchedulingClass)
            echo "none realtime best-effort idle"
            ;;
    esac
}

_stockade() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="stockade"
                ;;
            stockade,analyze)
                cmd="stockade__subcmd__analyze"
                ;;
            stockade,check)
                cmd="stockade__subcmd__check"
                ;;
            stockade,diff)
                cmd="stockade__subcmd__diff"
                ;;
            stockade,doctor)
                cmd="stockade__subcmd__doctor"
                ;;
            stockade,explain)
                cmd="stockade__subcmd__explain"
                ;;
            stockade,export)
                cmd="stockade__subcmd__export"
                ;;
            stockade,filter)
                cmd="stockade__subcmd__filter"
                ;;
            stockade,help)
                cmd="stockade__subcmd__help"
                ;;
            stockade,import)
                cmd="stockade__subcmd__import"
                ;;
            stockade,learn)
                cmd="stockade__subcmd__learn"
                ;;
            stockade,merge)
                cmd="stockade__subcmd__merge"
                ;;
            stockade,monitor)
                cmd="stockade__subcmd__monitor"
                ;;
            stockade,run)
                cmd="stockade__subcmd__run"
                ;;
            stockade,show)
                cmd="stockade__subcmd__show"
                ;;
            stockade,why)
                cmd="stockade__subcmd__why"
                ;;
            stockade__subcmd__help,analyze)
                cmd="stockade__subcmd__help__subcmd__analyze"
                ;;
            stockade__subcmd__help,check)
                cmd="stockade__subcmd__help__subcmd__check"
                ;;
            stockade__subcmd__help,diff)
                cmd="stockade__subcmd__help__subcmd__diff"
                ;;
            stockade__subcmd__help,doctor)
                cmd="stockade__subcmd__help__subcmd__doctor"
                ;;
            stockade__subcmd__help,explain)
                cmd="stockade__subcmd__help__subcmd__explain"
                ;;
            stockade__subcmd__help,export)
                cmd="stockade__subcmd__help__subcmd__export"
                ;;
            stockade__subcmd__help,filter)
                cmd="stockade__subcmd__help__subcmd__filter"
                ;;
            stockade__subcmd__help,help)
                cmd="stockade__subcmd__help__subcmd__help"
                ;;
            stockade__subcmd__help,import)
                cmd="stockade__subcmd__help__subcmd__import"
                ;;
            stockade__subcmd__help,learn)
                cmd="stockade__subcmd__help__subcmd__learn"
                ;;
            stockade__subcmd__help,merge)
                cmd="stockade__subcmd__help__subcmd__merge"
                ;;
            stockade__subcmd__help,monitor)
                cmd="stockade__subcmd__help__subcmd__monitor"
                ;;
            stockade__subcmd__help,run)
                cmd="stockade__subcmd__help__subcmd__run"
                ;;
            stockade__subcmd__help,show)
                cmd="stockade__subcmd__help__subcmd__show"
                ;;
            stockade__subcmd__help,why)
                cmd="stockade__subcmd__help__subcmd__why"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        stockade)
            opts="-h -V --help --version run explain filter why monitor merge analyze check diff show learn doctor import export help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__analyze)
            opts="-P -p -h --policy --property --json --unit --threshold --html --help build container-default network-service none service strict"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                -P)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                --property)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                --unit)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                --threshold)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --html)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__check)
            opts="-h --unit --json --help build container-default network-service none service strict"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --unit)
                    COMPREPLY=("${cur}")
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o nospace
                    fi
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__diff)
            opts="-h --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__doctor)
            opts="-h --json --help build container-default network-service none service strict"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__explain)
            opts="-P -p -h --policy --property --json --unit --weaker --help build container-default network-service none service strict"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                -P)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                --property)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                --unit)
                    COMPREPLY=("${cur}")
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o nospace
                    fi
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__export)
            opts="-P -p -h --policy --property --name --prefix --unit --directory --weaker --phase --help oci kubernetes spo unit build container-default network-service none service strict"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                -P)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                --property)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                --name)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --unit)
                    COMPREPLY=("${cur}")
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o nospace
                    fi
                    return 0
                    ;;
                --directory)
                    COMPREPLY=()
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o plusdirs
                    fi
                    return 0
                    ;;
                --phase)
                    COMPREPLY=($(compgen -W "learn monitor protect" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__filter)
            opts="-P -p -h --policy --property --json --format --try --arch --pid --nth --help build container-default network-service none service strict"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                -P)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                --property)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "rules disasm bpf raw c json" -- "${cur}"))
                    return 0
                    ;;
                --try)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --arch)
                    COMPREPLY=($(compgen -W "native x86-64 x86 x32 arm64 arm riscv64 loongarch64 ppc64-le ppc64 ppc s390x s390 mips mips-le mips64 mips64-le mips64-n32 mips64-le-n32 parisc parisc64" -- "${cur}"))
                    return 0
                    ;;
                --pid)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --nth)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help)
            opts="run explain filter why monitor merge analyze check diff show learn doctor import export help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__analyze)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__check)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__diff)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__doctor)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__explain)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__export)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__filter)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__help)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__import)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__learn)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__merge)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__monitor)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__run)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__show)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__help__subcmd__why)
            opts=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ "${COMP_WORDS[i]}" == "--" ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "${cur}"))
            fi
            return 0
        fi
    done
    local said="${COMP_WORDS[COMP_CWORD]}" words head
    for ((i = COMP_CWORD; i > 1; i--)); do
        [[ "${COMP_WORDS[i]}" == "=" || "${COMP_WORDS[i - 1]}" == "=" ]] || break
        said="${COMP_WORDS[i - 1]}${said}"
    done
    case "${COMP_WORDS[i - 1]} ${said}" in
        *" --property="*=*)
            said="${said#--property=}"
            ;;
        *" -p"?*=*)
            said="${said#-p}"
            ;;
        "-p "*=* | "--property "*=*) ;;
        *)
            said=""
            ;;
    esac
    words="$(_stockade_words "${said%%=*}")"
    if [[ -n "${words}" ]]; then
        head="${COMP_WORDS[COMP_CWORD]%"${said#*=}"}"
        COMPREPLY=($(compgen -P "${head#=}" -W "${words}" -- "${said#*=}"))
        return 0
    fi
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__import)
            opts="-o -h --output --caps --kernel --container --profile --root --help oci kubernetes spo unit"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --output)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                -o)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                --caps)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --kernel)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --container)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --profile)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --root)
                    COMPREPLY=()
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o plusdirs
                    fi
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__learn)
            opts="-P -o -h --policy --output --for --progress --merge --pid --cgroup --by --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                -P)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                --output)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                -o)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                --for)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --merge)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                --pid)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cgroup)
                    COMPREPLY=()
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o plusdirs
                    fi
                    return 0
                    ;;
                --by)
                    COMPREPLY=($(compgen -W "ebpf notify" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__merge)
            opts="-h --write --help build container-default network-service none service strict"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__monitor)
            opts="-P -p -o -h --policy --property --json --output --pid --cgroup --system --records --source --for --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                -P)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                --property)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                --output)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                -o)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                --pid)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --cgroup)
                    COMPREPLY=()
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o plusdirs
                    fi
                    return 0
                    ;;
                --records)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                --source)
                    COMPREPLY=($(compgen -W "audit kmsg journal" -- "${cur}"))
                    return 0
                    ;;
                --for)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__run)
            opts="-P -p -v -h --policy --property --status-fd --explain-denials --verbose --pod --container --seccomp-root --unit --weaker --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                -P)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                --property)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                --status-fd)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --pod)
                    local oldifs
                    if [ -n "${IFS+x}" ]; then
                        oldifs="$IFS"
                    fi
                    IFS=$'\n'
                    COMPREPLY=($(compgen -f "${cur}"))
                    if [ -n "${oldifs+x}" ]; then
                        IFS="$oldifs"
                    fi
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o filenames
                    fi
                    return 0
                    ;;
                --container)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --seccomp-root)
                    COMPREPLY=()
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o plusdirs
                    fi
                    return 0
                    ;;
                --unit)
                    COMPREPLY=("${cur}")
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o nospace
                    fi
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__show)
            opts="-P -p -h --policy --property --unit --weaker --list --help build container-default network-service none service strict"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                -P)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                --property)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                --unit)
                    COMPREPLY=("${cur}")
                    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
                        compopt -o nospace
                    fi
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        stockade__subcmd__why)
            opts="-P -p -h --policy --property --json --path --op --syscall --connect --bind --signal --capability --help build container-default network-service none service strict"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --policy)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                -P)
                    compopt -o filenames; COMPREPLY=($(compgen -W "build container-default network-service none service strict" -- "${cur}") $(compgen -f -- "${cur}"))
                    return 0
                    ;;
                --property)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= ExecSpecifiers= ExecVariables= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= RuntimeMaxSec= TimeoutStopSec= Init.AsPid1= Pty= ExecSearchPath= Environment= EnvironmentFile= SetLoginEnvironment= PassEnvironment= UnsetEnvironment= LoadCredential= SetCredential= RuntimeDirectory= RuntimeDirectoryMode= StateDirectory= StateDirectoryMode= CacheDirectory= CacheDirectoryMode= LogsDirectory= LogsDirectoryMode= ConfigurationDirectory= ConfigurationDirectoryMode= OpenFile= IgnoreSIGPIPE= OOMScoreAdjust= CoredumpFilter= MemoryKSM= MemoryTHP= Personality= KeyringMode= RemoveIPC= User= Group= DynamicUser= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= RootEphemeral= ExtensionDirectories= MountAPIVFS= MountFlags= BindLogSockets= PrivateBPF= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivatePIDs= PrivateUsers= RestrictNamespaces= NetworkNamespacePath= IPCNamespacePath= DelegateNamespaces= AppArmorProfile= SELinuxContext= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.StrictAt= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.ExecOnce= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= SeccompProfile= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= Landlock.Log= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME= MemoryMax= MemoryHigh= MemorySwapMax= TasksMax= CPUQuota= CPUQuotaPeriodSec= CPUWeight= Nice= CPUSchedulingPolicy= CPUSchedulingPriority= CPUSchedulingResetOnFork= CPUAffinity= NUMAPolicy= NUMAMask= IOSchedulingClass= IOSchedulingPriority= TimerSlackNSec=" -- "${cur}"))
                    return 0
                    ;;
                --path)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --op)
                    COMPREPLY=($(compgen -W "read write execute create mkdir remove list connect" -- "${cur}"))
                    return 0
                    ;;
                --syscall)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --connect)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --bind)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --signal)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --capability)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _stockade -o nosort -o bashdefault -o default stockade
else
    complete -F _stockade -o bashdefault -o default stockade
fi
