//! A shipped profile's text without its comments, made when stockade is built.

/// How many bytes [`bare`] leaves.
pub(super) const fn length(text: &str) -> usize {
    let (text, mut at, mut length) = (text.as_bytes(), 0, 0);
    while at < text.len() {
        length += !in_comment(text, at) as usize;
        at += 1;
    }
    length
}

/// The text without the lines that are comments; their ends stay, so that every other line keeps its number.
pub(super) const fn bare<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let (text, mut at, mut bare, mut end) = (text.as_bytes(), 0, [0; LENGTH], 0);
    while at < text.len() {
        if !in_comment(text, at) {
            bare[end] = text[at];
            end += 1;
        }
        at += 1;
    }
    bare
}

/// Whether the byte is part of a line that is a comment.
const fn in_comment(text: &[u8], at: usize) -> bool {
    let mut start = at;
    while start > 0 && text[start - 1] != b'\n' {
        start -= 1;
    }
    while text[start] == b' ' {
        start += 1;
    }
    text[start] == b'#' && text[at] != b'\n'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers() {
        const TEXT: &str = "# one\nA = '#'\n\n#\n  B = 2\n  # end\n";
        const BARE: [u8; length(TEXT)] = bare(TEXT);
        assert_eq!(str::from_utf8(&BARE), Ok("\nA = '#'\n\n\n  B = 2\n\n"));
        assert_eq!(length(""), 0);
    }
}
