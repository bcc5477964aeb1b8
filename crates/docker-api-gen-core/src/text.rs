//! Cutting foreign text down to what an error message can hold.

use std::borrow::Cow;

/// At most `limit` characters of `text` on one line, with `…` where something was left out.
///
/// Line breaks and other control characters become spaces: a message is one line, and a daemon must not be
/// able to send escape sequences to somebody's terminal.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    let mut count = 0;
    let mut gap = false;
    for c in text.trim().chars() {
        if c.is_whitespace() || c.is_control() {
            gap = true;
            continue;
        }
        if count + usize::from(gap) >= limit {
            out.push('…');
            break;
        }
        if gap {
            out.push(' ');
            count += 1;
            gap = false;
        }
        out.push(c);
        count += 1;
    }
    out
}

/// [`shorten`] for bytes that may or may not be text.
pub(crate) fn shorten_bytes(bytes: &[u8], limit: usize) -> String {
    // A character is at most four bytes; what lies beyond cannot be shown anyway.
    let head = &bytes[..bytes.len().min(limit.saturating_mul(4).saturating_add(4))];
    let text: Cow<'_, str> = String::from_utf8_lossy(head);
    let mut short = shorten(&text, limit);
    if head.len() < bytes.len() && !short.ends_with('…') {
        short.push('…');
    }
    short
}

/// Where `what` is in `text`. Texts here are short, and the standard library's search is a lot of code.
pub(crate) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let Some(first) = what.first() else {
        return Some(0);
    };
    memchr::memchr_iter(*first, text).find(|at| text[*at..].starts_with(what))
}

/// Where `what` is in `text` for the last time.
pub(crate) fn find_last(text: &str, what: &str) -> Option<usize> {
    let mut windows = text.as_bytes().windows(what.len());
    windows.rposition(|window| window == what.as_bytes())
}

/// Whether `what` is in `text`.
pub(crate) fn contains(text: &str, what: &str) -> bool {
    find(text.as_bytes(), what.as_bytes()).is_some()
}

/// What comes after the first `mark` in `text`.
pub(crate) fn after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    text.get(find(text.as_bytes(), mark.as_bytes())? + mark.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_fits_and_marks_what_does_not() {
        assert_eq!(shorten("  one\n two\t", 20), "one two");
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdef", 3), "abc…");
        assert_eq!(shorten("é è ê", 3), "é è…");
        assert_eq!(shorten("a\u{1b}[31mb", 20), "a [31mb");
    }

    #[test]
    fn finds_what_is_there() {
        assert_eq!(find(b"abcabc", b"bc"), Some(1));
        assert_eq!(find(b"ab", b"abc"), None);
        assert!(contains("abc", "c") && !contains("abc", "ac"));
        assert_eq!(find_last("abcabc", "bc"), Some(4));
        assert_eq!(find_last("abc", "x"), None);
        assert_eq!(after("a: b: c", ": "), Some("b: c"));
        assert_eq!(after("a", ":"), None);
    }

    #[test]
    fn takes_any_bytes() {
        assert_eq!(shorten_bytes(b"\xff\xfe", 5), "\u{fffd}\u{fffd}");
        assert_eq!(shorten_bytes(&[b'x'; 5000], 4), "xxxx…");
        assert_eq!(shorten_bytes(&[b' '; 5000], 4), "…");
    }
}
