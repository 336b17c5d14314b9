//! Completions for bash, zsh and fish: clap's, with the names of directives and profiles put in.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command};
use clap_complete::Shell;

use crate::policy::all;
use crate::policy::form::Form;

/// The script for a shell. `root` is the whole command line; arguments with the ids `policy` and
/// `property` are completed with `profiles` (name and summary) and with the directives.
pub fn script(shell: Shell, root: Command, profiles: &[(String, String)]) -> String {
    let verbs: Vec<String> = root.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let mut root = root;
    for verb in &verbs {
        root = root.mut_subcommand(verb, |verb| verb.mut_args(|arg| known(arg, profiles)));
    }
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut root, "stockade", &mut bytes);
    let script = String::from_utf8_lossy(&bytes).into_owned();
    match shell {
        Shell::Bash => bash(&script),
        Shell::Zsh => zsh(&script, profiles),
        Shell::Fish => fish(&script, &root),
        _ => script,
    }
}

/// The argument with the values that can be known beforehand. The result completes; it must not parse.
fn known(arg: Arg, profiles: &[(String, String)]) -> Arg {
    let values: Vec<PossibleValue> = match arg.get_id().as_str() {
        "property" => all().map(|row| PossibleValue::new(format!("{}=", row.name)).help(row.summary)).collect(),
        "policy" | "POLICY" => profiles.iter().map(|(name, about)| PossibleValue::new(name).help(about)).collect(),
        _ => return arg,
    };
    if values.is_empty() { arg } else { arg.value_parser(PossibleValuesParser::new(values)) }
}

/// The directives whose values are known words, by those words.
fn words() -> Vec<(String, Vec<&'static str>)> {
    let mut found: Vec<(String, Vec<&'static str>)> = Vec::new();
    for row in all() {
        let words = match row.form {
            Form::Boolean => "yes no".to_owned(),
            Form::BooleanOr(words) => format!("yes no {}", words.join(" ")),
            Form::Word(words) => words.join(" "),
            _ => continue,
        };
        match found.iter_mut().find(|(known, _)| *known == words) {
            Some((_, names)) => names.push(row.name),
            None => found.push((words, vec![row.name])),
        }
    }
    found
}

/// Says the words of a directive's value, before the function that completes.
fn bash_words() -> String {
    let mut text = String::from("_stockade_words() {\n    case \"$1\" in\n");
    for (words, names) in words() {
        text.push_str(&format!("        {})\n            echo \"{words}\"\n            ;;\n", names.join("|")));
    }
    text.push_str("    esac\n}\n\n");
    text
}

/// `-p Directive=VALUE`, which bash takes apart at the `=` unless COMP_WORDBREAKS has none.
const BASH_VALUE: &str = r#"
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
"#;

/// Behind `--` stands another command, which completes as it does on its own.
const BASH_COMMAND: &str = r#"
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
"#;

/// No blank behind `Directive=`, and files besides profiles.
fn bash(script: &str) -> String {
    let mut out = bash_words();
    let mut option = "";
    for line in script.lines() {
        let word = line.trim();
        if word.ends_with(')') && !word.contains('(') {
            option = word;
        }
        let values = word.starts_with("COMPREPLY=($(compgen -W \"");
        match option {
            "--property)" | "-p)" if values => {
                out.push_str(&line.replace("COMPREPLY=", "compopt -o nospace; COMPREPLY="));
            }
            "--policy)" | "-P)" if values => {
                let files = line.replace("-- \"${cur}\"))", "-- \"${cur}\") $(compgen -f -- \"${cur}\"))");
                out.push_str(&files.replace("COMPREPLY=", "compopt -o filenames; COMPREPLY="));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
        if word == "opts=\"\"" {
            out.push_str(&BASH_COMMAND[1..]);
            out.push_str(&BASH_VALUE[1..]);
        }
    }
    out
}

/// The two kinds of values as functions: written once, no blank behind `Directive=`, files besides profiles.
fn zsh(script: &str, profiles: &[(String, String)]) -> String {
    let mut out = String::with_capacity(script.len());
    let mut lines = script.lines().peekable();
    let mut functions = false;
    while let Some(line) = lines.next() {
        if !functions && line.starts_with("_stockade() {") {
            out.push_str(&zsh_functions(profiles));
            functions = true;
        }
        let property = line.split_once(":DIRECTIVE=VALUE:((").map(|(head, _)| (head, "_stockade_properties"));
        let policy = || {
            let (head, rest) = line.split_once(":((")?;
            let named = head.ends_with(":NAME|FILE") || head.contains(":POLICY -- ");
            named.then(|| (head.trim_end_matches(":NAME|FILE"), rest))
        };
        let known = property.or_else(|| policy().map(|(head, _)| (head, "_stockade_policies")));
        let Some((head, function)) = known else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        // The values go on over lines until the brackets close.
        let mut last = line;
        while !last.contains("))") {
            match lines.next() {
                Some(next) => last = next,
                None => break,
            }
        }
        let rest = last.rsplit_once("))").map_or("", |(_, rest)| rest);
        // An option's line names its value; an argument's has named it already.
        let value = if head.contains(":POLICY -- ") { "" } else { ":value" };
        out.push_str(&format!("{head}{value}:{function}{rest}\n"));
    }
    out
}

fn zsh_functions(profiles: &[(String, String)]) -> String {
    // In _describe's lists a colon ends the word and a quote would end the string.
    let quote = |text: &str| text.replace('\'', "'\\''").replace(':', "\\:");
    let mut text =
        String::from("_stockade_properties() {\n    if [[ \"$PREFIX\" == *=* ]]; then\n        local -a words\n");
    text.push_str("        case \"${PREFIX%%=*}\" in\n");
    for (words, names) in words() {
        text.push_str(&format!("            ({}) words=({words}) ;;\n", names.join("|")));
    }
    text.push_str(
        "        esac\n        compset -P 1 '*='\n        (( $#words )) && _describe -t values value words\n",
    );
    text.push_str("        return\n    fi\n    local -a directives=(\n");
    for row in all() {
        text.push_str(&format!("        '{}=:{}'\n", quote(row.name), quote(row.summary)));
    }
    text.push_str("    )\n    _describe -t directives directive directives -S ''\n}\n\n");
    text.push_str("_stockade_policies() {\n    local -a profiles=(\n");
    for (name, about) in profiles {
        text.push_str(&format!("        '{}:{}'\n", quote(name), quote(about)));
    }
    text.push_str("    )\n    _describe -t profiles profile profiles\n    _files\n}\n\n");
    text
}

/// Says what `-p Directive=` can be with its value.
fn fish_words() -> String {
    let mut text = String::from(
        "function __fish_stockade_words\n    \
         set -l name (commandline -ct | string replace -r -- '^(--property=|-p)' '' | string split -m 1 =)[1]\n    \
         switch $name\n",
    );
    for (words, names) in words() {
        let lines = format!("            printf '%s\\n' $name={{{}}}\n", words.replace(' ', ","));
        text.push_str(&format!("        case {}\n{lines}", names.join(" ")));
    }
    text.push_str("    end\nend\n\n");
    text
}

/// Files besides profiles: fish leaves them out where `-f` stands. And the values of arguments, which clap leaves out.
fn fish(script: &str, root: &Command) -> String {
    let mut out = fish_words();
    for line in script.lines() {
        let policy = line.contains(" -l policy ");
        out.push_str(&if policy { line.replacen(" -r -f -a ", " -r -F -a ", 1) } else { line.to_owned() });
        out.push('\n');
    }
    for verb in root.get_subcommands() {
        let name = verb.get_name();
        let values = |arg: &Arg| -> Vec<String> {
            let values = arg.get_possible_values();
            let line = |value: &PossibleValue| match value.get_help() {
                Some(help) => format!("{}\\t'{}'", value.get_name(), help.to_string().replace('\'', "\\'")),
                None => value.get_name().to_owned(),
            };
            values.iter().map(line).collect()
        };
        if verb.get_arguments().any(|arg| arg.get_id() == "property") {
            out.push_str(&format!(
                "complete -c stockade -n \"__fish_stockade_using_subcommand {name}\" -s p -l property -r -f \
                 -a \"(__fish_stockade_words)\"\n"
            ));
        }
        for values in verb.get_positionals().map(values).filter(|values| !values.is_empty()) {
            let lines = values.join("\n");
            out.push_str(&format!(
                "complete -c stockade -n \"__fish_stockade_using_subcommand {name}\" -a \"{lines}\"\n"
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_completed_in_every_shell() {
        let policy = Arg::new("POLICY").help("A policy");
        let format = Arg::new("FORMAT").help("A format").value_parser(PossibleValuesParser::new(["oci", "unit"]));
        let root = Command::new("stockade").subcommand(Command::new("export").arg(format).arg(policy));
        let profiles = [("strict".to_owned(), "It's strict".to_owned())];
        let zsh = script(Shell::Zsh, root.clone(), &profiles);
        assert!(zsh.contains("::POLICY -- A policy:_stockade_policies'"), "{zsh}");
        let fish = script(Shell::Fish, root, &profiles);
        assert!(fish.contains("__fish_stockade_using_subcommand export\" -a \"oci\nunit\"\n"), "{fish}");
        assert!(fish.contains("-a \"strict\\t'It\\'s strict'\"\n"), "{fish}");
    }
}
