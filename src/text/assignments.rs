//! Files of `NAME=VALUE` lines, as systemd reads EnvironmentFile= (src/basic/env-file.c), byte by byte.

/// Where the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    BeforeKey,
    Key,
    BeforeValue,
    Value,
    ValueEscape,
    Single,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

/// All assignments, in order. Names are not checked. A quotation that the end of the file leaves
/// open is taken as it is, as systemd does.
pub fn parse(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut reader =
        Reader { state: State::BeforeKey, key: Vec::new(), value: Vec::new(), blank: None, found: Vec::new() };
    for byte in text {
        reader.take(*byte);
    }
    reader.end();
    reader.found
}

struct Reader {
    state: State,
    key: Vec<u8>,
    value: Vec<u8>,
    /// Where the blanks at the end of the unquoted value begin.
    blank: Option<usize>,
    found: Vec<(Vec<u8>, Vec<u8>)>,
}

fn is_newline(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

impl Reader {
    fn take(&mut self, byte: u8) {
        match self.state {
            State::BeforeKey if byte == b'#' || byte == b';' => self.state = State::Comment,
            State::BeforeKey if !is_blank(byte) => {
                self.state = State::Key;
                self.key.push(byte);
            }
            State::Key if is_newline(byte) => {
                self.key.clear();
                self.state = State::BeforeKey;
            }
            State::Key if byte == b'=' => {
                self.state = State::BeforeValue;
                self.blank = None;
            }
            State::Key => self.key.push(byte),
            State::BeforeValue if is_newline(byte) => self.assign(),
            State::BeforeValue => match byte {
                b'\'' => self.state = State::Single,
                b'"' => self.state = State::Double,
                b'\\' => self.state = State::ValueEscape,
                _ if is_blank(byte) => {}
                _ => {
                    self.state = State::Value;
                    self.value.push(byte);
                }
            },
            State::Value if is_newline(byte) => {
                self.value.truncate(self.blank.unwrap_or(usize::MAX));
                self.assign();
            }
            State::Value if byte == b'\\' => {
                self.state = State::ValueEscape;
                self.blank = None;
            }
            State::Value => {
                self.blank = if is_blank(byte) { self.blank.or(Some(self.value.len())) } else { None };
                self.value.push(byte);
            }
            State::ValueEscape => {
                self.state = State::Value;
                // A line that goes on has nothing in its place.
                if !is_newline(byte) {
                    self.value.push(byte);
                }
            }
            State::Single if byte == b'\'' => self.state = State::BeforeValue,
            State::Double if byte == b'"' => self.state = State::BeforeValue,
            State::Double if byte == b'\\' => self.state = State::DoubleEscape,
            State::Single | State::Double => self.value.push(byte),
            State::DoubleEscape => {
                self.state = State::Double;
                match byte {
                    b'"' | b'\\' | b'`' | b'$' => self.value.push(byte),
                    b'\n' => {}
                    _ => self.value.extend([b'\\', byte]),
                }
            }
            State::Comment if byte == b'\\' => self.state = State::CommentEscape,
            State::Comment | State::CommentEscape if is_newline(byte) => self.state = State::BeforeKey,
            State::BeforeKey | State::Comment => {}
            State::CommentEscape => self.state = State::Comment,
        }
    }

    fn assign(&mut self) {
        self.state = State::BeforeKey;
        let end = self.key.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |at| at + 1);
        self.key.truncate(end);
        self.found.push((std::mem::take(&mut self.key), std::mem::take(&mut self.value)));
    }

    fn end(&mut self) {
        match self.state {
            State::BeforeKey | State::Key | State::Comment | State::CommentEscape => {}
            State::Value => {
                self.value.truncate(self.blank.unwrap_or(usize::MAX));
                self.assign();
            }
            _ => self.assign(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, want: &[(&str, &str)]) {
        let found: Vec<(String, String)> = parse(text.as_bytes())
            .into_iter()
            .map(|(key, value)| (String::from_utf8(key).expect("text"), String::from_utf8(value).expect("text")))
            .collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, want, "{text:?}");
    }

    #[test]
    fn values_are_read_as_systemd_reads_them() {
        // From systemd's own tests of env-file and from its manual's words.
        reads(
            "a=a\nb=b\nc\nd=\"d\ne\nf\"\ng=g\\ \nh=\u{e9}\ni=i\\",
            &[("a", "a"), ("b", "b"), ("d", "d\ne\nf"), ("g", "g "), ("h", "\u{e9}"), ("i", "i")],
        );
        reads("a=a\\\n b", &[("a", "a b")]);
        reads(
            "#SPAMD_ARGS=\"-d --socketpath=/var/lib/bulwark/spamd \\\n#--nouser-config \\\nnormal=line \\\n;normal=ignored \\\nnormal_ignored \\\nnormal ignored \\\n",
            &[("normal", "line ;normal=ignored normal_ignored normal ignored ")],
        );
        reads(
            "# Generated\n\nHWMON_MODULES=\"coretemp f71882fg\"\n\n# For\n\nMODULE_0=coretemp\nMODULE_1=f71882fg",
            &[("HWMON_MODULES", "coretemp f71882fg"), ("MODULE_0", "coretemp"), ("MODULE_1", "f71882fg")],
        );
        reads(
            "a='hello \"world\"'\nb=\"hello \\\"world\\\"\"\nc=\"two \\\nlines\"\nd='two\nlines'",
            &[("a", "hello \"world\""), ("b", "hello \"world\""), ("c", "two lines"), ("d", "two\nlines")],
        );
    }

    #[test]
    fn blanks_and_quotes() {
        reads(
            " A = b c  \nB=\"x\" y 'z'\nC=\nD=''\nE=\"\\n\\$\"",
            &[("A", "b c"), ("B", "xy 'z'"), ("C", ""), ("D", ""), ("E", "\\n$")],
        );
        reads("# a comment \\\nA=1\n;B=2\r\nC=3\r\n", &[("A", "1"), ("C", "3")]);
        reads("A='open", &[("A", "open")]);
        reads("export A=1", &[("export A", "1")]);
        reads("A", &[]);
    }
}
