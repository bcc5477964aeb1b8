//! Finding places in JSON text without decoding it.
//!
//! For what happens rarely (a failure) or is asked for by name (one member): nothing here is compiled per type.
//! The text can be anything; what is not JSON gives `None` or the last place that made sense.

use std::fmt::Write as _;
use std::ops::Range;

use crate::decode;

/// The text of the member `name` of the object that `text` is.
pub(crate) fn member<'t>(text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    // Names that matter here have nothing that needs an escape.
    members(text, &mut |key, _| key == name.as_bytes())
}

/// The same for a name in whatever case, as the files of `docker` are read.
pub(crate) fn member_in_any_case<'t>(text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    members(text, &mut |key, _| {
        key.eq_ignore_ascii_case(name.as_bytes())
    })
}

/// Shows `visit` the members of an object, names without their quotes, until it has seen enough; gives the value of the
/// last it saw then.
pub(crate) fn members<'t>(
    text: &'t [u8],
    visit: &mut dyn FnMut(&'t [u8], &'t [u8]) -> bool,
) -> Option<&'t [u8]> {
    let mut at = skip_space(text, 0);
    if *text.get(at)? != b'{' {
        return None;
    }
    loop {
        // Past the `{` or the `,`.
        let key = key(text, at + 1)?;
        let start = skip_space(text, key.end + 1);
        let end = value_end(text, start)?;
        if visit(&text[key.start + 1..key.name_end], &text[start..end]) {
            return Some(&text[start..end]);
        }
        at = skip_space(text, end);
        if *text.get(at)? != b',' {
            return None;
        }
    }
}

/// The text of the value at `pointer`, which leads through objects alone: `/Config/Tty`.
pub(crate) fn pointer<'t>(text: &'t [u8], pointer: &str) -> Option<&'t [u8]> {
    pointer.split('/').skip(1).try_fold(text, member)
}

/// The text of the first item of the list that `text` is.
pub(crate) fn first(text: &[u8]) -> Option<&[u8]> {
    let at = skip_space(text, 0);
    if *text.get(at)? != b'[' {
        return None;
    }
    let start = skip_space(text, at + 1);
    Some(&text[start..value_end(text, start)?])
}

/// Shows `visit` the items of a list.
pub(crate) fn items<'t>(text: &'t [u8], visit: &mut dyn FnMut(&'t [u8])) -> Option<()> {
    let mut at = skip_space(text, 0);
    if *text.get(at)? != b'[' {
        return None;
    }
    loop {
        let start = skip_space(text, at + 1);
        let end = value_end(text, start)?;
        visit(&text[start..end]);
        at = skip_space(text, end);
        if *text.get(at)? != b',' {
            return None;
        }
    }
}

/// The string that a value's text stands for.
pub(crate) fn string(value: &[u8]) -> Option<String> {
    decode::value(value)
}

/// The string that a member's name without its quotes stands for.
pub(crate) fn name(name: &[u8]) -> Option<String> {
    string(&[b"\"", name, b"\""].concat())
}

/// A value in a text, and the way to it.
#[derive(Debug, PartialEq)]
pub(crate) struct Place<'t> {
    /// `HostConfig.Ulimits[0].Name`; empty for the whole text.
    pub(crate) path: String,
    /// The last name in the path, as it stands in the text.
    pub(crate) name: &'t [u8],
    /// The text of the value, as far as it goes.
    pub(crate) value: &'t [u8],
}

/// The value that a reader had just read, or was about to read, when it stopped after `offset` bytes.
pub(crate) fn locate(text: &[u8], offset: usize) -> Place<'_> {
    let mut wanted = 0;
    walk(text, |event, _| match event {
        Event::Open(start) if start <= offset => {
            wanted = start;
            true
        }
        // A reader that stops right behind a list or an object found fault with it as a whole.
        Event::Close(range) if range.end == offset => {
            wanted = range.start;
            true
        }
        Event::Open(_) => false,
        Event::Close(range) => range.end <= offset,
    });
    let mut place = Place {
        path: String::new(),
        name: b"",
        value: b"",
    };
    walk(text, |event, steps| {
        if !matches!(event, Event::Open(start) if start == wanted) {
            return true;
        }
        place.path = path(steps);
        place.name = steps.iter().rev().find_map(|step| step.key).unwrap_or(b"");
        place.value = &text[wanted..value_end(text, wanted).unwrap_or(text.len())];
        false
    });
    place
}

enum Event {
    /// A value begins here.
    Open(usize),
    /// A list or an object was here.
    Close(Range<usize>),
}

/// A list or an object that is being walked through.
struct Step<'t> {
    start: usize,
    /// The current member's name without its quotes; none in a list.
    key: Option<&'t [u8]>,
    /// The current item's number.
    index: usize,
}

/// Tells `visit` of every value, in order, with the way to it, until it returns false or the text makes no sense.
fn walk<'t>(text: &'t [u8], mut visit: impl FnMut(Event, &[Step<'t>]) -> bool) -> Option<()> {
    let mut steps: Vec<Step<'t>> = Vec::new();
    let mut at = skip_space(text, 0);
    loop {
        if !visit(Event::Open(at), &steps) {
            return None;
        }
        let is_object = match text.get(at)? {
            b'{' => Some(true),
            b'[' => Some(false),
            _ => None,
        };
        let mut done = false;
        if let Some(is_object) = is_object {
            let first = skip_space(text, at + 1);
            steps.push(Step {
                start: at,
                key: None,
                index: 0,
            });
            if matches!(text.get(first)?, b'}' | b']') {
                at = first;
                done = true;
            } else if is_object {
                at = enter(text, at + 1, &mut steps)?;
            } else {
                at = first;
            }
            if !done {
                continue;
            }
        } else {
            at = skip_space(text, value_end(text, at)?);
        }
        // Behind a value, or at the end of an empty list or object.
        loop {
            match text.get(at)? {
                b'}' | b']' => {
                    let step = steps.pop()?;
                    at += 1;
                    if !visit(Event::Close(step.start..at), &steps) {
                        return None;
                    }
                    at = skip_space(text, at);
                }
                b',' if !done => {
                    let step = steps.last_mut()?;
                    at = if step.key.is_some() {
                        enter(text, at + 1, &mut steps)?
                    } else {
                        step.index += 1;
                        skip_space(text, at + 1)
                    };
                    break;
                }
                _ => return None,
            }
            done = false;
        }
    }
}

/// Reads a member's name at `at` and returns where its value begins.
fn enter<'t>(text: &'t [u8], at: usize, steps: &mut [Step<'t>]) -> Option<usize> {
    let key = key(text, at)?;
    steps.last_mut()?.key = Some(&text[key.start + 1..key.name_end]);
    Some(skip_space(text, key.end + 1))
}

struct Key {
    /// Where the opening quote is.
    start: usize,
    /// Where the closing quote is.
    name_end: usize,
    /// Where the colon is.
    end: usize,
}

fn key(text: &[u8], at: usize) -> Option<Key> {
    let start = skip_space(text, at);
    let name_end = string_end(text, start)? - 1;
    let end = skip_space(text, name_end + 1);
    if *text.get(end)? == b':' {
        Some(Key {
            start,
            name_end,
            end,
        })
    } else {
        None
    }
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Where the value that begins at `at` ends.
fn value_end(text: &[u8], mut at: usize) -> Option<usize> {
    let start = at;
    let mut depth = 0_usize;
    loop {
        match text.get(at) {
            Some(b'"') => at = string_end(text, at)?,
            Some(b'{' | b'[') => {
                depth += 1;
                at += 1;
            }
            Some(b'}' | b']') if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            Some(b',' | b':') if depth > 0 => at += 1,
            Some(b' ' | b'\t' | b'\n' | b'\r') if depth > 0 => at += 1,
            Some(b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') => break,
            Some(_) => {
                while text
                    .get(at)
                    .is_some_and(|byte| !b",:}]{[\" \t\n\r".contains(byte))
                {
                    at += 1;
                }
            }
            // A number or a word may end with the text; anything open may not.
            None if depth == 0 => break,
            None => return None,
        }
        if depth == 0 {
            break;
        }
    }
    if at > start { Some(at) } else { None }
}

/// Where the string whose opening quote is at `at` ends, behind its closing quote.
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    if *text.get(at)? != b'"' {
        return None;
    }
    let mut at = at + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// `HostConfig.Ulimits[0].Name`; names that are no plain words are quoted.
fn path(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step.key {
            None => {
                let _ = write!(path, "[{}]", step.index);
            }
            Some(key) => {
                let is_word = !key.is_empty()
                    && key
                        .iter()
                        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
                let name = crate::text::shorten_bytes(key, 60);
                if !is_word {
                    let _ = write!(path, "[\"{name}\"]");
                } else if path.is_empty() {
                    path = name;
                } else {
                    path.push('.');
                    path.push_str(&name);
                }
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_members_by_name() {
        let text = br#" { "a" : {"message":"no"} , "b":[1,{"c":"}\"]"}], "message" : "yes\n" , "n": -1.5e3} "#;
        assert_eq!(member(text, "n"), Some(&b"-1.5e3"[..]));
        assert_eq!(member(text, "b"), Some(&br#"[1,{"c":"}\"]"}]"#[..]));
        assert_eq!(
            member(text, "message").and_then(string).as_deref(),
            Some("yes\n")
        );
        assert_eq!(member(text, "c"), None);
        assert_eq!(pointer(text, "/a/message"), Some(&b"\"no\""[..]));
        assert_eq!(pointer(text, "/a/b"), None);
        assert_eq!(pointer(text, "/n/b"), None);
        assert_eq!(member(text, "b").and_then(first), Some(&b"1"[..]));
        assert_eq!(first(b" [ {\"a\":[]} , 2]"), Some(&b"{\"a\":[]}"[..]));
        let mut seen = Vec::new();
        items(b" [ {\"a\":[]} , 2,\"]\"]", &mut |item| seen.push(item));
        assert_eq!(seen, [&b"{\"a\":[]}"[..], b"2", b"\"]\""]);
        items(b"[]", &mut |_| panic!("there is none"));
        assert_eq!(first(b"[]").or(first(b"{}")).or(first(b"[")), None);
    }

    #[test]
    fn knows_the_way_to_a_value() {
        let text =
            br#"{"Id":"x","Host.Config":{"List":[{},[],{"ShmSize" : "64m"}]},"Last":[true,null]}"#;
        let offset = |what: &str| {
            let at = text
                .windows(what.len())
                .position(|window| window == what.as_bytes())
                .unwrap();
            at + what.len()
        };
        let place = locate(text, offset("\"64m\""));
        assert_eq!(place.path, r#"["Host.Config"].List[2].ShmSize"#);
        assert_eq!(place.name, b"ShmSize");
        assert_eq!(place.value, b"\"64m\"");
        // Not consumed yet, as readers leave lists and objects.
        assert_eq!(
            locate(text, offset("\"List\":")).path,
            r#"["Host.Config"].List"#
        );
        // Consumed to the end.
        assert_eq!(
            locate(text, offset("\"64m\"}]")).path,
            r#"["Host.Config"].List"#
        );
        assert_eq!(
            locate(text, offset("[{},[]")).path,
            r#"["Host.Config"].List[1]"#
        );
        assert_eq!(locate(text, offset("null")).path, "Last[1]");
        assert_eq!(locate(text, text.len()).path, "");
        assert_eq!(
            locate(text, 0),
            Place {
                path: String::new(),
                name: b"",
                value: text
            }
        );
    }

    #[test]
    fn takes_any_bytes() {
        let text = br#"{"a":[1,"x\"",{"b":null}],"message":"m"} "#;
        for end in 0..text.len() {
            // Cut anywhere, and broken anywhere.
            let mut broken = text.to_vec();
            for byte in [b'"', b'\\', b'{', b']', b',', 0xff] {
                broken[end] = byte;
                for sample in [&text[..end], &broken[..]] {
                    let _ = member(sample, "message");
                    let _ = pointer(sample, "/a/b");
                    for offset in 0..=sample.len() + 1 {
                        let _ = locate(sample, offset);
                    }
                }
            }
        }
    }
}
