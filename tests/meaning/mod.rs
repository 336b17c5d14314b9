//! What a policy comes to, to compare two writings of one.

use stockade::policy::Policy;

/// What holds, without the places where it was written.
pub(crate) fn meaning(policy: &Policy) -> String {
    let mut policy = policy.clone();
    policy.written.clear();
    strip(&format!("{policy:?}"))
}

/// A debug text without its origins, which differ between two writings of the same.
pub(crate) fn strip(debug: &str) -> String {
    let mut out = String::new();
    let mut rest = debug;
    while let Some(at) = rest.find("Origin {") {
        out.push_str(&rest[..at]);
        // An origin ends with its span, `span: 0..1 }`; its text is escaped and cannot hold a bare quote.
        let mut depth = 0;
        let mut quoted = false;
        let mut escaped = false;
        let end = rest[at..]
            .char_indices()
            .find(|(_, c)| {
                match (quoted, escaped, c) {
                    (true, true, _) => escaped = false,
                    (true, false, '\\') => escaped = true,
                    (_, _, '"') => quoted = !quoted,
                    (false, _, '{') => depth += 1,
                    (false, _, '}') => depth -= 1,
                    _ => {}
                }
                *c == '}' && !quoted && depth == 0
            })
            .map_or(rest.len(), |(end, _)| at + end + 1);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Two meanings are the same, or the first place where they are not is told.
#[allow(dead_code)]
pub(crate) fn same(left: &str, right: &str, context: &str) {
    let at = left.bytes().zip(right.bytes()).position(|(a, b)| a != b);
    if let Some(at) = at.or((left.len() != right.len()).then(|| left.len().min(right.len()))) {
        let near = |text: &str| -> String {
            String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(80)..text.len().min(at + 80)]).into_owned()
        };
        panic!("{context}\nleft:  {}\nright: {}", near(left), near(right));
    }
}

#[test]
fn origins_are_stripped_from_debug_texts() {
    assert_eq!(strip(r#"a: Origin { source: Source { name: "x\"}", text: "{" }, span: 0..1 }, b"#), "a: , b");
}
