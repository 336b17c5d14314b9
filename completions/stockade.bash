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

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="stockade"
                ;;
            stockade,check)
                cmd="stockade__subcmd__check"
                ;;
            stockade,doctor)
                cmd="stockade__subcmd__doctor"
                ;;
            stockade,explain)
                cmd="stockade__subcmd__explain"
                ;;
            stockade,help)
                cmd="stockade__subcmd__help"
                ;;
            stockade,run)
                cmd="stockade__subcmd__run"
                ;;
            stockade,show)
                cmd="stockade__subcmd__show"
                ;;
            stockade__subcmd__help,check)
                cmd="stockade__subcmd__help__subcmd__check"
                ;;
            stockade__subcmd__help,doctor)
                cmd="stockade__subcmd__help__subcmd__doctor"
                ;;
            stockade__subcmd__help,explain)
                cmd="stockade__subcmd__help__subcmd__explain"
                ;;
            stockade__subcmd__help,help)
                cmd="stockade__subcmd__help__subcmd__help"
                ;;
            stockade__subcmd__help,run)
                cmd="stockade__subcmd__help__subcmd__run"
                ;;
            stockade__subcmd__help,show)
                cmd="stockade__subcmd__help__subcmd__show"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        stockade)
            opts="-h -V --help --version run explain check show doctor help"
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
        stockade__subcmd__check)
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
            opts="-P -p -h --policy --property --json --help build container-default network-service none service strict"
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
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= Environment= PassEnvironment= UnsetEnvironment= User= Group= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivateUsers= RestrictNamespaces= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= Environment= PassEnvironment= UnsetEnvironment= User= Group= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivateUsers= RestrictNamespaces= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME=" -- "${cur}"))
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
            opts="run explain check show doctor help"
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
        stockade__subcmd__run)
            opts="-P -p -q -v -h --policy --property --quiet --verbose --help"
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
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= Environment= PassEnvironment= UnsetEnvironment= User= Group= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivateUsers= RestrictNamespaces= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= Environment= PassEnvironment= UnsetEnvironment= User= Group= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivateUsers= RestrictNamespaces= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME=" -- "${cur}"))
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
            opts="-P -p -h --policy --property --list --help build container-default network-service none service strict"
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
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= Environment= PassEnvironment= UnsetEnvironment= User= Group= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivateUsers= RestrictNamespaces= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME=" -- "${cur}"))
                    return 0
                    ;;
                -p)
                    compopt -o nospace; COMPREPLY=($(compgen -W "Exec= Extends= Prefer= UMask= WorkingDirectory= Descriptors.Pass= Environment= PassEnvironment= UnsetEnvironment= User= Group= SupplementaryGroups= NoNewPrivileges= CapabilityBoundingSet= AmbientCapabilities= SecureBits= ProtectSystem= ProtectHome= PrivateTmp= RootDirectory= TemporaryFileSystem= ReadWritePaths= ReadOnlyPaths= InaccessiblePaths= ExecPaths= NoExecPaths= BindPaths= BindReadOnlyPaths= PrivateDevices= ProtectProc= ProcSubset= ProtectKernelTunables= ProtectKernelModules= ProtectKernelLogs= ProtectControlGroups= ProtectClock= ProtectHostname= PrivateMounts= PrivateNetwork= PrivateIPC= PrivateUsers= RestrictNamespaces= SystemCallFilter= SystemCallErrorNumber= SystemCallArchitectures= SystemCallLog= RestrictAddressFamilies= MemoryDenyWriteExecute= LockPersonality= RestrictRealtime= RestrictSUIDSGID= Seccomp.Mode= Seccomp.Default= Seccomp.Rule= Seccomp.Flags= Seccomp.Decide= Seccomp.Listener= Seccomp.ListenerMetadata= Landlock.Read= Landlock.ReadExecute= Landlock.ReadWrite= Landlock.ReadWriteExecute= Landlock.Rules= Landlock.Restrict= Landlock.ABI= Landlock.ConnectTCP= Landlock.BindTCP= Landlock.Scope= LimitCPU= LimitFSIZE= LimitDATA= LimitSTACK= LimitCORE= LimitRSS= LimitNOFILE= LimitAS= LimitNPROC= LimitMEMLOCK= LimitLOCKS= LimitSIGPENDING= LimitMSGQUEUE= LimitNICE= LimitRTPRIO= LimitRTTIME=" -- "${cur}"))
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
