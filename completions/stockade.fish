# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_stockade_global_optspecs
    string join \n h/help V/version
end

function __fish_stockade_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_stockade_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_stockade_using_subcommand
    set -l cmd (__fish_stockade_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c stockade -n "__fish_stockade_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c stockade -n "__fish_stockade_needs_command" -s V -l version -d 'Print version'
complete -c stockade -n "__fish_stockade_needs_command" -f -a "run" -d 'Execute a command under policies'
complete -c stockade -n "__fish_stockade_needs_command" -f -a "explain" -d 'Print what would be done, and which directive asks for it'
complete -c stockade -n "__fish_stockade_needs_command" -f -a "check" -d 'Tell everything that is wrong with policies'
complete -c stockade -n "__fish_stockade_needs_command" -f -a "show" -d 'Print the policy that holds in the end, or the profiles'
complete -c stockade -n "__fish_stockade_needs_command" -f -a "doctor" -d 'Tell what this machine and this user can and cannot do'
complete -c stockade -n "__fish_stockade_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c stockade -n "__fish_stockade_using_subcommand run" -s P -l policy -d 'Apply a profile, or a policy file (with a `/`)' -r -F -a "build\t'A compiler: writes the start directory, reads toolchains, has no network'
container-default\t'The system calls and capabilities that containers get by default'
network-service\t'A daemon of the system that serves or uses the network'
none\t'Nothing: the command runs as it would without stockade'
service\t'A daemon of the system that talks over unix sockets only'
strict\t'A tool that reads the directory it is started in and writes only to /tmp'"
complete -c stockade -n "__fish_stockade_using_subcommand run" -s p -l property -d 'Set one directive, as for systemd-run' -r -f -a "PrivateMounts=\t'give the target a mount namespace of its own'
PrivateNetwork=\t'give the target an empty network of its own'
PrivateIPC=\t'give the target System V objects and message queues of its own'
PrivateUsers=\t'run the target in a user namespace of its own'
RestrictNamespaces=\t'refuse to make or enter namespaces'
SystemCallFilter=\t'let some system calls pass only'
SystemCallErrorNumber=\t'what a call that SystemCallFilter refuses answers'
SystemCallArchitectures=\t'which machine architectures\' system calls can be made'
SystemCallLog=\t'write some system calls to the kernel\'s log'
RestrictAddressFamilies=\t'make sockets of some address families only'
MemoryDenyWriteExecute=\t'refuse memory that is writable and executable'
LockPersonality=\t'keep the execution domain as it is'
RestrictRealtime=\t'refuse realtime scheduling'
RestrictSUIDSGID=\t'refuse to make files set-user-ID or set-group-ID'
Seccomp.Mode=\t'what the table [Seccomp] is for'
Seccomp.Default=\t'what calls answer that nothing else decides'
Seccomp.Rule=\t'answer some calls, by their arguments if need be'
Seccomp.Flags=\t'how the kernel loads the filter'"
complete -c stockade -n "__fish_stockade_using_subcommand run" -s q -l quiet -d 'Do not tell what Prefer lets be missing'
complete -c stockade -n "__fish_stockade_using_subcommand run" -s v -l verbose -d 'Tell each step before it is done'
complete -c stockade -n "__fish_stockade_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c stockade -n "__fish_stockade_using_subcommand explain" -s P -l policy -d 'Apply a profile, or a policy file (with a `/`)' -r -F -a "build\t'A compiler: writes the start directory, reads toolchains, has no network'
container-default\t'The system calls and capabilities that containers get by default'
network-service\t'A daemon of the system that serves or uses the network'
none\t'Nothing: the command runs as it would without stockade'
service\t'A daemon of the system that talks over unix sockets only'
strict\t'A tool that reads the directory it is started in and writes only to /tmp'"
complete -c stockade -n "__fish_stockade_using_subcommand explain" -s p -l property -d 'Set one directive, as for systemd-run' -r -f -a "PrivateMounts=\t'give the target a mount namespace of its own'
PrivateNetwork=\t'give the target an empty network of its own'
PrivateIPC=\t'give the target System V objects and message queues of its own'
PrivateUsers=\t'run the target in a user namespace of its own'
RestrictNamespaces=\t'refuse to make or enter namespaces'
SystemCallFilter=\t'let some system calls pass only'
SystemCallErrorNumber=\t'what a call that SystemCallFilter refuses answers'
SystemCallArchitectures=\t'which machine architectures\' system calls can be made'
SystemCallLog=\t'write some system calls to the kernel\'s log'
RestrictAddressFamilies=\t'make sockets of some address families only'
MemoryDenyWriteExecute=\t'refuse memory that is writable and executable'
LockPersonality=\t'keep the execution domain as it is'
RestrictRealtime=\t'refuse realtime scheduling'
RestrictSUIDSGID=\t'refuse to make files set-user-ID or set-group-ID'
Seccomp.Mode=\t'what the table [Seccomp] is for'
Seccomp.Default=\t'what calls answer that nothing else decides'
Seccomp.Rule=\t'answer some calls, by their arguments if need be'
Seccomp.Flags=\t'how the kernel loads the filter'"
complete -c stockade -n "__fish_stockade_using_subcommand explain" -l json -d 'Print JSON, for scripts'
complete -c stockade -n "__fish_stockade_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c stockade -n "__fish_stockade_using_subcommand check" -l json -d 'Print JSON, for scripts'
complete -c stockade -n "__fish_stockade_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c stockade -n "__fish_stockade_using_subcommand show" -s P -l policy -d 'Apply a profile, or a policy file (with a `/`)' -r -F -a "build\t'A compiler: writes the start directory, reads toolchains, has no network'
container-default\t'The system calls and capabilities that containers get by default'
network-service\t'A daemon of the system that serves or uses the network'
none\t'Nothing: the command runs as it would without stockade'
service\t'A daemon of the system that talks over unix sockets only'
strict\t'A tool that reads the directory it is started in and writes only to /tmp'"
complete -c stockade -n "__fish_stockade_using_subcommand show" -s p -l property -d 'Set one directive, as for systemd-run' -r -f -a "PrivateMounts=\t'give the target a mount namespace of its own'
PrivateNetwork=\t'give the target an empty network of its own'
PrivateIPC=\t'give the target System V objects and message queues of its own'
PrivateUsers=\t'run the target in a user namespace of its own'
RestrictNamespaces=\t'refuse to make or enter namespaces'
SystemCallFilter=\t'let some system calls pass only'
SystemCallErrorNumber=\t'what a call that SystemCallFilter refuses answers'
SystemCallArchitectures=\t'which machine architectures\' system calls can be made'
SystemCallLog=\t'write some system calls to the kernel\'s log'
RestrictAddressFamilies=\t'make sockets of some address families only'
MemoryDenyWriteExecute=\t'refuse memory that is writable and executable'
LockPersonality=\t'keep the execution domain as it is'
RestrictRealtime=\t'refuse realtime scheduling'
RestrictSUIDSGID=\t'refuse to make files set-user-ID or set-group-ID'
Seccomp.Mode=\t'what the table [Seccomp] is for'
Seccomp.Default=\t'what calls answer that nothing else decides'
Seccomp.Rule=\t'answer some calls, by their arguments if need be'
Seccomp.Flags=\t'how the kernel loads the filter'"
complete -c stockade -n "__fish_stockade_using_subcommand show" -l list -d 'Print the profiles that can be named, each with a line about it'
complete -c stockade -n "__fish_stockade_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c stockade -n "__fish_stockade_using_subcommand doctor" -l json -d 'Print JSON, for scripts'
complete -c stockade -n "__fish_stockade_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c stockade -n "__fish_stockade_using_subcommand help; and not __fish_seen_subcommand_from run explain check show doctor help" -f -a "run" -d 'Execute a command under policies'
complete -c stockade -n "__fish_stockade_using_subcommand help; and not __fish_seen_subcommand_from run explain check show doctor help" -f -a "explain" -d 'Print what would be done, and which directive asks for it'
complete -c stockade -n "__fish_stockade_using_subcommand help; and not __fish_seen_subcommand_from run explain check show doctor help" -f -a "check" -d 'Tell everything that is wrong with policies'
complete -c stockade -n "__fish_stockade_using_subcommand help; and not __fish_seen_subcommand_from run explain check show doctor help" -f -a "show" -d 'Print the policy that holds in the end, or the profiles'
complete -c stockade -n "__fish_stockade_using_subcommand help; and not __fish_seen_subcommand_from run explain check show doctor help" -f -a "doctor" -d 'Tell what this machine and this user can and cannot do'
complete -c stockade -n "__fish_stockade_using_subcommand help; and not __fish_seen_subcommand_from run explain check show doctor help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
