//! A writer of manual pages (man(7)): the few requests that two pages need.

/// A page that grows.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// Starts a page: its name in capitals, its section and one line of what it is about.
    pub fn new(name: &str, section: u8, about: &str) -> Self {
        let mut page = Self::default();
        page.text.push_str(".\\\" Made by `stockade generate` from the program's own tables: do not edit.\n");
        let version = env!("CARGO_PKG_VERSION");
        page.request(&format!(
            "TH {} {section} \"\" \"stockade {version}\" \"stockade\"",
            name.to_ascii_uppercase().replace('-', "\\-")
        ));
        // Off: hyphenation and the stretching of lines, both bad for names of directives.
        page.request("nh");
        page.request("ad l");
        page.section("NAME");
        page.text.push_str(&format!("{} \\- {}\n", escape(name), escape(about)));
        page
    }

    /// The finished page.
    pub fn finish(self) -> String {
        self.text
    }

    fn request(&mut self, request: &str) {
        self.text.push('.');
        self.text.push_str(request);
        self.text.push('\n');
    }

    /// A section.
    pub fn section(&mut self, title: &str) {
        self.request(&format!("SH \"{}\"", escape(title).replace('"', "\\(dq")));
    }

    /// A section of a section.
    pub fn subsection(&mut self, title: &str) {
        self.request(&format!("SS \"{}\"", escape(title).replace('"', "\\(dq")));
    }

    /// Paragraphs, separated by empty lines. See [`prose`] for the marks.
    pub fn paragraphs(&mut self, text: &str) {
        for paragraph in paragraphs(text) {
            self.request("PP");
            self.line(&prose(&paragraph));
        }
    }

    /// A term and what it means: the first paragraph beside it, the others below, all indented.
    pub fn entry(&mut self, term: &str, text: &str) {
        self.request("TP");
        self.line(&prose(term));
        for (number, paragraph) in paragraphs(text).into_iter().enumerate() {
            if number > 0 {
                self.request("IP");
            }
            self.line(&prose(&paragraph));
        }
    }

    /// One more indented paragraph below an entry.
    pub fn more(&mut self, text: &str) {
        for paragraph in paragraphs(text) {
            self.request("IP");
            self.line(&prose(&paragraph));
        }
    }

    /// Lines exactly as they are. `inside` an entry they keep its indentation.
    pub fn example(&mut self, text: &str, inside: bool) {
        self.request(if inside { "IP" } else { "PP" });
        if !inside {
            self.request("RS 4");
        }
        self.request("EX");
        for line in text.trim_end().lines() {
            self.line(&escape(line));
        }
        self.request("EE");
        if !inside {
            self.request("RE");
        }
    }

    fn line(&mut self, line: &str) {
        if line.starts_with(['.', '\'']) {
            self.text.push_str("\\&");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Text between empty lines, each as one line.
fn paragraphs(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for line in text.lines().map(str::trim) {
        match found.last_mut() {
            _ if line.is_empty() => found.push(String::new()),
            Some(last) if last.is_empty() => last.push_str(line),
            Some(last) => {
                last.push(' ');
                last.push_str(line);
            }
            None => {}
        }
    }
    found.retain(|paragraph| !paragraph.is_empty());
    found
}

/// Escapes what roff reads as its own: backslashes, and hyphens (a bare one becomes a dash that
/// cannot be searched for or pasted).
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '`' => escaped.push_str("\\(ga"),
            '^' => escaped.push_str("\\(ha"),
            '~' => escaped.push_str("\\(ti"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Escapes prose and sets `*words*` and `` `words` `` bold and `_names_` italic. See [`marked`].
pub fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    marked(text, |mark, part| match mark {
        None => out.push_str(&escape(part)),
        Some('_') => out.push_str(&format!("\\fI{}\\fR", escape(part))),
        Some(_) => out.push_str(&format!("\\fB{}\\fR", escape(part))),
    });
    out
}

/// Goes through prose part by part: plain text, and what stands between two `*`, `` ` `` or `_`. A mark without a
/// partner in its paragraph, or with a blank behind it, is text.
pub fn marked(text: &str, mut take: impl FnMut(Option<char>, &str)) {
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`', '_']) {
        let (before, marked) = rest.split_at(at);
        take(None, before);
        let mark = &marked[..1];
        let inside = &marked[1..];
        let opens = before.chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        let end = inside.find(mark).filter(|end| *end > 0 && opens && !inside.starts_with(char::is_whitespace));
        let closes = |end: usize| mark != "_" || inside[end + 1..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        if let Some(end) = end.filter(|end| closes(*end)) {
            take(mark.chars().next(), &inside[..end]);
            rest = &inside[end + 1..];
        } else {
            take(None, mark);
            rest = inside;
        }
    }
    take(None, rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_roff_reads_as_its_own_is_escaped() {
        assert_eq!(escape(r"a\b -x 'q' ~`"), r"a\eb \-x \(aqq\(aq \(ti\(ga");
        let mut page = Page::new("a-b", 5, "x");
        page.paragraphs(".dots and\n'quotes");
        page.example(".EE\n", false);
        let text = page.finish();
        assert!(text.contains("\n\\&.dots and \\(aqquotes\n"), "{text}");
        assert!(text.contains("\n\\&.EE\n.EE\n"), "{text}");
    }

    #[test]
    fn marks_set_fonts_and_lone_ones_stay() {
        assert_eq!(prose("the word *yes* or `no`"), r"the word \fByes\fR or \fBno\fR");
        assert_eq!(prose("CAP_SYS_ADMIN and _NAME_"), r"CAP_SYS_ADMIN and \fINAME\fR");
        assert_eq!(prose("a * b, LISTEN_*"), "a * b, LISTEN_*");
    }

    #[test]
    fn empty_lines_separate_paragraphs() {
        assert_eq!(paragraphs("a\n b\n\n\nc"), ["a b", "c"]);
    }
}
