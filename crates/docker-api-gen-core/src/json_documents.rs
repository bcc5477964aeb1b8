//! Cutting a stream of bytes into JSON documents.

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memmem::Finder;
use serde::de::{Deserialize, Deserializer};

use crate::wire::Read;

/// The longest document that is put together. Progress messages, events and samples are far below it.
pub(crate) const LIMIT: usize = 16 * 1024 * 1024;

/// Cuts a stream of bytes into JSON documents, wherever its chunks end.
///
/// Documents may stand back to back, on lines, or behind record separators (`application/json-seq`). Where one ends
/// follows from its brackets and quotes; whether it is valid is for its reader to say.
#[derive(Debug)]
pub(crate) struct Documents {
    state: State,
    /// What came so far of a document that is in several chunks.
    partial: BytesMut,
    /// Finds what the name of a failure begins with.
    error: Finder<'static>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Between,
    /// In a number or a word, which ends where something else begins.
    Word,
    /// Outside strings, in this many lists and objects.
    Nested(u32),
    /// In a string, in this many lists and objects.
    String(u32),
    /// In a string, behind a backslash.
    Escape(u32),
}

/// What is wrong with a stream as a stream.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    /// A document is longer than [`LIMIT`].
    TooLong,
    /// The stream ended in a document, after this many bytes of it.
    CutOff(usize),
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            state: State::default(),
            partial: BytesMut::new(),
            error: Finder::new(b"\"error"),
        }
    }
}

impl Documents {
    /// The value of the next document, if all of it is at the front of `input`, as is the rule. Then its text is gone
    /// through once, and not first to find its end. What is unusual, a failure too, is left to [`next`](Self::next).
    pub(crate) fn take_whole<T: Read>(&self, input: &mut Bytes) -> Option<T> {
        if !self.skip_gap(input) || !input.starts_with(b"{") {
            return None;
        }
        // Where there are lines, a document is one.
        let line = memchr::memchr(b'\n', input).unwrap_or(input.len());
        let text = str::from_utf8(&input[..line]).ok()?;
        if self.error.find(text.as_bytes()).is_some() {
            return None;
        }
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        let Whole(value) = values.next()?.ok()?;
        let end = values.byte_offset();
        input.advance(end);
        Some(value)
    }

    /// The next document, taken from the front of `input`; `None` once `input` is used up.
    pub(crate) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Fault> {
        self.skip_gap(input);
        match self.scan(input) {
            Some(end) => {
                self.state = State::Between;
                if self.partial.len() + end > LIMIT {
                    return Err(Fault::TooLong);
                }
                if self.partial.is_empty() {
                    return Ok(Some(input.split_to(end)));
                }
                self.partial.extend_from_slice(&input.split_to(end));
                Ok(Some(self.partial.split().freeze()))
            }
            None if self.partial.len() + input.len() > LIMIT => Err(Fault::TooLong),
            None => {
                self.partial.extend_from_slice(input);
                input.clear();
                Ok(None)
            }
        }
    }

    /// How much is kept of a document that is not complete.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn kept(&self) -> usize {
        self.partial.len()
    }

    /// What is left at the end of the stream: nothing, or a number or a word that only the end completes.
    pub(crate) fn finish(&mut self) -> Result<Option<Bytes>, Fault> {
        match std::mem::take(&mut self.state) {
            State::Between => Ok(None),
            State::Word => Ok(Some(self.partial.split().freeze())),
            _ => Err(Fault::CutOff(self.partial.len())),
        }
    }

    /// Takes what stands between documents from the front of `input`; whether none has begun yet.
    pub(crate) fn skip_gap(&self, input: &mut Bytes) -> bool {
        let is_between = self.state == State::Between;
        if is_between {
            let gap = input.iter().take_while(|byte| is_gap(**byte)).count();
            input.advance(gap);
        }
        is_between
    }

    /// Where in `input` the current document ends, if it does.
    fn scan(&mut self, input: &[u8]) -> Option<usize> {
        let mut state = self.state;
        let mut at = 0;
        while at < input.len() {
            // Most bytes change nothing.
            let same = match state {
                State::Nested(_) => count(&input[at..], |byte| !BRACKETS[usize::from(byte)]),
                State::String(_) => count(&input[at..], |byte| byte != b'"' && byte != b'\\'),
                _ => 0,
            };
            at += same;
            let Some(byte) = input.get(at) else {
                break;
            };
            state = match (state, *byte) {
                (State::Between, b'{' | b'[') => State::Nested(1),
                (State::Between, b'"') => State::String(0),
                (State::Between, _) => State::Word,
                (State::Word, b'{' | b'[' | b'"') => return Some(at),
                (State::Word, byte) if is_gap(byte) => return Some(at),
                (State::Nested(depth), b'"') => State::String(depth),
                (State::Nested(depth), b'{' | b'[') => State::Nested(depth + 1),
                (State::Nested(1), b'}' | b']') => return Some(at + 1),
                (State::Nested(depth), b'}' | b']') => State::Nested(depth - 1),
                (State::String(0), b'"') => return Some(at + 1),
                (State::String(depth), b'"') => State::Nested(depth),
                (State::String(depth), b'\\') => State::Escape(depth),
                (State::Escape(depth), _) => State::String(depth),
                (same, _) => same,
            };
            at += 1;
        }
        self.state = state;
        None
    }
}

/// Lets serde's stream of documents read what is ours.
struct Whole<T>(T);

impl<'de, T: Read> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Self)
    }
}

/// What counts outside of strings.
const BRACKETS: [bool; 256] = {
    let mut brackets = [false; 256];
    let all = b"{}[]\"";
    let mut at = 0;
    while at < all.len() {
        brackets[all[at] as usize] = true;
        at += 1;
    }
    brackets
};

/// How many bytes at the front are like this.
#[inline]
fn count(bytes: &[u8], is_like_this: impl Fn(u8) -> bool) -> usize {
    let end = bytes.iter().position(|byte| !is_like_this(*byte));
    end.unwrap_or(bytes.len())
}

fn is_gap(byte: u8) -> bool {
    // 0x1e is the record separator of `application/json-seq`.
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x1e)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(chunks: &[&[u8]]) -> Result<Vec<String>, Fault> {
        let mut decoder = Documents::default();
        let mut found = Vec::new();
        for chunk in chunks {
            let mut input = Bytes::copy_from_slice(chunk);
            while let Some(document) = decoder.next(&mut input)? {
                found.push(String::from_utf8_lossy(&document).into_owned());
            }
            assert!(input.is_empty());
        }
        found.extend(
            decoder
                .finish()?
                .map(|document| String::from_utf8_lossy(&document).into_owned()),
        );
        Ok(found)
    }

    const STREAM: &[u8] =
        b"\x1e{\"a\":\"}{\\\"\\\\\"}\n{\"b\":[1,{\"c\":{}}]}{\"d\":\"\\u007b\"}\r\n\r\n[1] \"x\"\"\\\"\" 12 null\x1etrue{}7";

    const EXPECTED: [&str; 10] = [
        r#"{"a":"}{\"\\"}"#,
        r#"{"b":[1,{"c":{}}]}"#,
        r#"{"d":"\u007b"}"#,
        "[1]",
        r#""x""#,
        r#""\"""#,
        "12",
        "null",
        "true",
        "{}",
    ];

    #[test]
    fn a_split_at_any_byte_changes_nothing() {
        let expected: Vec<&str> = EXPECTED.into_iter().chain(["7"]).collect();
        assert_eq!(documents(&[STREAM]).unwrap(), expected);
        for first in 0..=STREAM.len() {
            let (head, tail) = STREAM.split_at(first);
            assert_eq!(
                documents(&[head, tail]).unwrap(),
                expected,
                "split at {first}"
            );
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(documents(&bytes).unwrap(), expected);
    }

    #[test]
    fn an_end_inside_a_document_is_noticed_everywhere() {
        let document = br#"{"a":["x\"",{"b":1}]}"#;
        for end in 1..document.len() {
            assert_eq!(
                documents(&[b"{}\n", &document[..end]]),
                Err(Fault::CutOff(end)),
                "cut at {end}"
            );
        }
        assert_eq!(documents(&[b"\"x"]), Err(Fault::CutOff(2)));
        assert_eq!(documents(&[b" \n\x1e"]), Ok(vec![]));
    }

    #[test]
    fn a_document_without_end_is_given_up_at_the_limit() {
        let mut decoder = Documents::default();
        let chunk = Bytes::from(vec![b'['; 1 << 20]);
        let mut fed = 0;
        let fault = loop {
            fed += chunk.len();
            match decoder.next(&mut chunk.clone()) {
                Ok(None) => assert!(fed <= LIMIT),
                Ok(Some(_)) => panic!("no document ends here"),
                Err(fault) => break fault,
            }
        };
        assert_eq!(fault, Fault::TooLong);
        assert_eq!(fed, LIMIT + chunk.len());
    }

    #[test]
    fn takes_any_bytes() {
        for first in 0..=255_u8 {
            for second in [b'"', b'\\', b'{', b'}', b']', 0xff, 0] {
                let _ = documents(&[&[first, second], &[second, first], &[first]]);
            }
        }
    }
}
