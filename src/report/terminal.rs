//! The manual's texts as `--help` shows them: without the marks for fonts, in lines that a terminal does not break.

use clap::Command;

use super::roff;

/// How long a line gets, in characters.
const WIDTH: usize = 96;

/// How far clap indents what an option is.
const INDENT: usize = 10;

/// A verb's command line with its texts for a terminal, and with its first example in the short help.
pub fn command(command: Command) -> Command {
    let command = match command.get_long_about().map(ToString::to_string) {
        Some(text) => command.long_about(wrap(&plain(&text), WIDTH)),
        None => command,
    };
    let name = format!("stockade {}", command.get_name());
    let long = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let example = long.lines().map(str::trim).find(|line| line.starts_with(&name));
    let more = format!("`{name} --help` says more.");
    let mut after = command.get_after_help().map(|text| format!("{text}\n")).unwrap_or_default();
    after.push_str(&example.map_or(more.clone(), |example| format!("For example: {example}\n{more}")));
    command.after_help(after).mut_args(|arg| {
        let arg = match arg.get_help().map(ToString::to_string) {
            Some(text) => arg.help(plain(&text)),
            None => arg,
        };
        match arg.get_long_help().map(ToString::to_string) {
            Some(text) => arg.long_help(wrap(&plain(&text), WIDTH - INDENT)),
            None => arg,
        }
    })
}

/// Text without the marks of fonts; `` ` `` stays.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    roff::marked(text, |mark, part| match mark {
        Some('`') => out.push_str(&format!("`{part}`")),
        _ => out.push_str(part),
    });
    out
}

/// Breaks lines at blanks.
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut column = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > width {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_quotes_stay() {
        assert_eq!(plain("*oci* is `JSON` of _NAME_, LISTEN_* too"), "oci is `JSON` of NAME, LISTEN_* too");
    }

    #[test]
    fn lines_are_broken_at_blanks_and_paragraphs_stay() {
        assert_eq!(wrap("ab cd ef\n\ngh", 5), "ab cd\nef\n\ngh");
        assert_eq!(wrap("abcdefg hi", 3), "abcdefg\nhi");
    }
}
