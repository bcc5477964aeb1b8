//! What a request says that the version spoken does not have.

use std::fmt::Write as _;
use std::ops::Range;

use http::HeaderName;
use percent_encoding::percent_decode_str;

use crate::call::Parts;
use crate::error::{Error, ErrorKind};
use crate::history::{History, Node, OperationHistory, Outside, SECOND, Versions};
use crate::origin::Origin;
use crate::scan;
use crate::text::shorten_bytes;
use crate::unsupported::{Change, Unsupported};

/// How many things one error names.
const SHOWN: usize = 8;

/// Something that is said and that the version does not have.
struct Found {
    /// `HostConfig.Mounts[0].Type "image"`
    what: String,
    versions: Versions,
    outside: Outside,
    place: Place,
}

enum Place {
    /// One of the parameters of the query, by its position.
    Query(usize),
    Header(HeaderName),
    /// A member of an object in the body, or an item of a list.
    Body(Range<usize>),
    /// Somewhere inside what cannot be taken apart here.
    Operation,
}

/// Makes a request one that the version can be told: names are translated, and what it does not have is refused, left
/// out or sent, as the policy says. Gives what was done.
pub(crate) fn fit(
    history: &History,
    origin: &Origin,
    parts: &mut Parts<'_>,
    policy: Unsupported,
) -> Result<Vec<Change>, Error> {
    let (Some(index), Some(operation)) = (
        history.index(origin.version),
        history.operation(origin.operation.name),
    ) else {
        return Ok(Vec::new());
    };
    let bit = 1 << index;
    if operation.whole & bit != 0 || policy == Unsupported::Send {
        return Ok(Vec::new());
    }
    if operation.versions & bit == 0 {
        let found = Found {
            what: "the operation".to_owned(),
            versions: operation.versions,
            outside: Outside::Refused,
            place: Place::Operation,
        };
        return Err(refusal(history, origin, index, &[found]));
    }
    let mut found = Vec::new();
    in_query(operation, parts.query, bit, &mut found);
    for (name, _) in parts.headers.iter() {
        let node = operation
            .headers
            .iter()
            .find(|node| node.name.eq_ignore_ascii_case(name.as_str()));
        if let Some(node) = node.filter(|node| node.versions & bit == 0) {
            found.push(Found::new(node.name, node, Place::Header(name.clone())));
        }
    }
    if let Some(text) = parts.body.as_bytes() {
        let mut body = Body {
            text,
            bit,
            path: String::new(),
            found: &mut found,
        };
        body.inside(operation.body, text);
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    // The same thing under another name is no reason to refuse.
    let mut left = Vec::new();
    found.retain(|found| match (&found.place, found.outside) {
        (Place::Query(at), Outside::Renamed(name)) if has(operation, name, bit) => {
            rename(parts.query, *at, name);
            left.push(Change::renamed(&found.what, name));
            false
        }
        _ => true,
    });
    if found.is_empty() {
        return Ok(left);
    }
    if policy == Unsupported::Refuse {
        return Err(refusal(history, origin, index, &found));
    }
    left.extend(found.iter().map(|found| Change::left_out(&found.what)));
    leave_out(parts, &found);
    Ok(left)
}

/// Whether the version has a parameter of the query.
fn has(operation: &OperationHistory, name: &str, bit: Versions) -> bool {
    let node = operation.query.iter().find(|node| node.name == name);
    node.is_none_or(|node| node.versions & bit != 0)
}

impl Found {
    fn new(what: &str, node: &Node, place: Place) -> Self {
        Self {
            what: what.to_owned(),
            versions: node.versions,
            outside: node.outside,
            place,
        }
    }
}

fn in_query(operation: &OperationHistory, query: &str, bit: Versions, found: &mut Vec<Found>) {
    for (at, pair) in query.split('&').enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(node) = find(operation.query, name.as_bytes()) else {
            continue;
        };
        if node.whole & bit != 0 {
            continue;
        }
        if node.versions & bit == 0 {
            found.push(Found::new(node.name, node, Place::Query(at)));
            continue;
        }
        let second = find(node.children, SECOND.as_bytes());
        if let Some(second) = second.filter(|second| second.versions & bit == 0) {
            let before = query.split('&').take(at);
            let number = before.filter(|pair| pair.split('=').next() == Some(name));
            match number.count() {
                0 => {}
                number => {
                    let what = format!("{name}[{number}]");
                    found.push(Found::new(&what, second, Place::Query(at)));
                    continue;
                }
            }
        }
        // A choice, or a document.
        let text: Vec<u8> = percent_decode_str(value).collect();
        if let Some(value) = node
            .values
            .iter()
            .find(|value| value.text.as_bytes() == text)
        {
            if value.versions & bit == 0 {
                found.push(Found {
                    what: format!("{} {:?}", node.name, value.text),
                    versions: value.versions,
                    outside: value.outside,
                    place: Place::Query(at),
                });
            }
            continue;
        }
        let mut inner = Vec::new();
        let mut document = Body {
            text: &text,
            bit,
            path: node.name.to_owned(),
            found: &mut inner,
        };
        document.inside(node.children, &text);
        found.extend(inner.into_iter().map(|inner| Found {
            place: Place::Query(at),
            ..inner
        }));
    }
}

fn find<'n>(nodes: &'n [Node], name: &[u8]) -> Option<&'n Node> {
    let at = nodes.binary_search_by(|node| node.name.as_bytes().cmp(name));
    at.ok().map(|at| &nodes[at])
}

/// A document that is looked through.
struct Body<'a> {
    text: &'a [u8],
    bit: Versions,
    path: String,
    found: &'a mut Vec<Found>,
}

impl<'a> Body<'a> {
    /// Looks at what is inside a value.
    fn inside(&mut self, nodes: &[Node], value: &'a [u8]) {
        if nodes.is_empty() {
            return;
        }
        match (value.first(), nodes) {
            (Some(b'['), [item]) if item.name == "[]" => {
                let mut number = 0;
                scan::items(value, &mut |item_text| {
                    let length = self.path.len();
                    let _ = write!(self.path, "[{number}]");
                    self.value(item, item_text, self.range(item_text));
                    self.path.truncate(length);
                    number += 1;
                });
            }
            (Some(b'{'), [entry]) if entry.name == "{}" => {
                scan::members(value, &mut |key, text| {
                    let length = self.path.len();
                    let _ = write!(self.path, "[\"{}\"]", shorten_bytes(key, 60));
                    self.value(entry, text, self.member(key, text));
                    self.path.truncate(length);
                    false
                });
            }
            (Some(b'{'), _) => {
                scan::members(value, &mut |key, text| {
                    if let Some(node) = find(nodes, key)
                        && node.whole & self.bit == 0
                        && text != b"null"
                    {
                        let length = self.path.len();
                        if length > 0 {
                            self.path.push('.');
                        }
                        self.path.push_str(node.name);
                        let range = self.member(key, text);
                        if node.versions & self.bit == 0 {
                            let found = Found::new(&self.path, node, Place::Body(range));
                            self.found.push(found);
                        } else {
                            self.value(node, text, range);
                        }
                        self.path.truncate(length);
                    }
                    false
                });
            }
            _ => {}
        }
    }

    /// Looks at a value that the version has, at its choices and at what is inside.
    fn value(&mut self, node: &Node, text: &'a [u8], range: Range<usize>) {
        let unquoted = text
            .strip_prefix(b"\"")
            .and_then(|text| text.strip_suffix(b"\""));
        let value = unquoted.and_then(|text| {
            let mut values = node.values.iter();
            values.find(|value| value.text.as_bytes() == text)
        });
        if let Some(value) = value.filter(|value| value.versions & self.bit == 0) {
            self.found.push(Found {
                what: format!("{} {:?}", self.path, value.text),
                versions: value.versions,
                outside: value.outside,
                place: Place::Body(range),
            });
            return;
        }
        self.inside(node.children, text);
    }

    /// Where a part of the document stands in it.
    fn range(&self, part: &[u8]) -> Range<usize> {
        let start = part.as_ptr() as usize - self.text.as_ptr() as usize;
        start..start + part.len()
    }

    /// Where a member stands, from the quote before its name.
    fn member(&self, key: &[u8], value: &[u8]) -> Range<usize> {
        self.range(key).start - 1..self.range(value).end
    }
}

/// Everything that the version does not have, in one sentence.
fn refusal(history: &History, origin: &Origin, index: usize, found: &[Found]) -> Error {
    let mut sentence = String::new();
    for found in found.iter().take(SHOWN) {
        let above = found.versions & (!0 << index);
        let release = |bit: u32| history.releases.get(bit as usize);
        if !sentence.is_empty() {
            sentence.push_str(", ");
        }
        let _ = match release(above.trailing_zeros()) {
            Some(release) => write!(
                sentence,
                "{} needs API {} ({})",
                found.what, release.api, release.docker
            ),
            None => match release(63_u32.saturating_sub(found.versions.leading_zeros())) {
                Some(last) => write!(
                    sentence,
                    "{} exists up to API {} ({})",
                    found.what, last.api, last.docker
                ),
                None => write!(sentence, "{} is in no version", found.what),
            },
        };
    }
    if found.len() > SHOWN {
        let _ = write!(sentence, ", and {} more do not fit", found.len() - SHOWN);
    }
    let version = origin.version;
    let end = if found.len() > 1 { ";" } else { "," };
    let _ = write!(sentence, "{end} this connection speaks {version}");
    // What the call is about makes no difference.
    let origin = Origin {
        subject: None,
        ..origin.clone()
    };
    Error::new(ErrorKind::Unsupported, sentence).at(&origin)
}

fn rename(query: &mut String, at: usize, name: &str) {
    let pairs = query.split('&').enumerate().map(|(n, pair)| {
        let value = pair.split_once('=').map_or("", |(_, value)| value);
        if n == at {
            format!("{name}={value}")
        } else {
            pair.to_owned()
        }
    });
    *query = pairs.collect::<Vec<_>>().join("&");
}

/// Takes out of a request what was found in it.
fn leave_out(parts: &mut Parts<'_>, found: &[Found]) {
    let is_out = |n: usize| {
        let mut places = found.iter().map(|found| &found.place);
        places.any(|place| matches!(place, Place::Query(at) if *at == n))
    };
    let pairs = parts.query.split('&').enumerate();
    let kept: Vec<_> = pairs
        .filter(|(n, _)| !is_out(*n))
        .map(|(_, pair)| pair)
        .collect();
    *parts.query = kept.join("&");
    let mut cuts = Vec::new();
    for found in found {
        match &found.place {
            Place::Header(name) => drop(parts.headers.remove(name)),
            Place::Body(range) => cuts.push(range.clone()),
            Place::Query(_) | Place::Operation => {}
        }
    }
    if let Some(text) = parts.body.as_bytes().filter(|_| !cuts.is_empty()) {
        *parts.body = cut(text, &cuts).into();
    }
}

/// A document without some of its members and items, which come in their order. What follows one of them is a comma or
/// the end of what it is in.
fn cut(text: &[u8], cuts: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut at = 0;
    for range in cuts {
        kept.extend_from_slice(&text[at..range.start]);
        at = range.end;
        if text.get(at) == Some(&b',') {
            at += 1;
        } else if kept.last() == Some(&b',') {
            kept.pop();
        }
    }
    kept.extend_from_slice(&text[at..]);
    kept
}

#[cfg(test)]
mod tests {
    #[test]
    fn cuts_leave_a_document_behind() {
        let text = br#"{"a":1,"b":{"c":[1,2],"d":null},"e":"x"}"#;
        let range = |part: &str| {
            let text = std::str::from_utf8(text).unwrap();
            let start = text.find(part).unwrap();
            start..start + part.len()
        };
        let cut = |parts: &[&str]| {
            let cuts: Vec<_> = parts.iter().map(|part| range(part)).collect();
            String::from_utf8(super::cut(text, &cuts)).unwrap()
        };
        assert_eq!(cut(&[r#""a":1"#]), r#"{"b":{"c":[1,2],"d":null},"e":"x"}"#);
        assert_eq!(cut(&[r#""e":"x""#]), r#"{"a":1,"b":{"c":[1,2],"d":null}}"#);
        assert_eq!(
            cut(&[r#""c":[1,2]"#, r#""d":null"#]),
            r#"{"a":1,"b":{},"e":"x"}"#
        );
        assert_eq!(
            cut(&[r#""a":1"#, r#""b":{"c":[1,2],"d":null}"#, r#""e":"x""#]),
            "{}"
        );
    }
}
