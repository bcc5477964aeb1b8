//! From the text of an answer to a value, and from a failure to the place in the text.

use std::str::Utf8Error;

use serde::de::Deserialize;
use serde_json::error::Category;

use crate::error::{Error, ErrorKind};
use crate::origin::Origin;
use crate::scan;
use crate::text::{find, find_last, shorten, shorten_bytes};
use crate::wire::Read;

/// Reads one JSON document. Everything that does not depend on `T` is in [`failure`], so that this is all that is
/// compiled per type.
///
/// A reader of text has no bytes to validate, which takes a good part of the time where it is done string by string. All
/// readers in this crate are of this kind, as those of two would be twice the code.
pub(crate) fn decode<T: Read>(text: &[u8], origin: &Origin) -> Result<T, Error> {
    let text = match str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => return Err(no_text(text, error, origin)),
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    match T::read(&mut reader).and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => Err(failure(text.as_bytes(), error, origin)),
    }
}

/// Reads what is to be one JSON document, whatever is wrong with one that is not.
pub(crate) fn value<'t, T: Deserialize<'t>>(text: &'t [u8]) -> Option<T> {
    serde_json::from_str(str::from_utf8(text).ok()?).ok()
}

#[cold]
fn no_text(text: &[u8], error: Utf8Error, origin: &Origin) -> Error {
    let (kind, sentence) = match (error.error_len(), text.trim_ascii_start().first()) {
        (None, Some(b'{' | b'[' | b'"')) => (ErrorKind::Truncated, cut_off(text)),
        (Some(_), Some(b'{' | b'[' | b'"')) => (
            ErrorKind::NotJson,
            format!(
                "the answer is not valid JSON: it is not UTF-8 from byte {} on",
                error.valid_up_to()
            ),
        ),
        _ => (ErrorKind::NotJson, something_else(text)),
    };
    Error::new(kind, sentence).at(origin).with_source(error)
}

fn cut_off(text: &[u8]) -> String {
    format!(
        "the answer ends in the middle of a JSON document, after {} bytes",
        text.len()
    )
}

fn something_else(text: &[u8]) -> String {
    format!(
        "the answer should be JSON and is not: {:?}",
        shorten_bytes(text, 200)
    )
}

#[cold]
fn failure(text: &[u8], error: serde_json::Error, origin: &Origin) -> Error {
    if text.trim_ascii().is_empty() {
        return Error::new(
            ErrorKind::Truncated,
            "the answer is empty where JSON is due",
        )
        .at(origin);
    }
    let offset = offset(text, error.line(), error.column());
    let (kind, sentence) = match error.classify() {
        Category::Eof => (ErrorKind::Truncated, cut_off(text)),
        Category::Syntax | Category::Io => {
            let sentence = match text.trim_ascii_start().first() {
                // Broken JSON is not shown: there is no telling what of it is secret.
                Some(b'{' | b'[' | b'"') => {
                    format!("the answer is not valid JSON, {}", reason(&error))
                }
                _ => something_else(text),
            };
            (ErrorKind::NotJson, sentence)
        }
        Category::Data => (
            ErrorKind::Decode,
            mismatch(&scan::locate(text, offset), &reason(&error)),
        ),
    };
    let failure = Error::new(kind, sentence).at(origin);
    // The reader's own words quote the value at fault in full, so they stay behind where it is shown or hidden.
    if kind == ErrorKind::Decode {
        failure
    } else {
        failure.with_source(error)
    }
}

/// What stands between a value and the type that was expected, in a reader's message.
const EXPECTED: &str = ", expected ";

fn mismatch(place: &scan::Place<'_>, reason: &str) -> String {
    let what = if place.path.is_empty() {
        "the answer"
    } else {
        &place.path
    };
    // What should be base64 is the data of secrets and configs.
    let secret = is_secret(place.name) || reason.ends_with("in base64");
    let value = match place.value.first() {
        _ if secret => "(not shown)".to_owned(),
        Some(b'{') => "it is an object".to_owned(),
        Some(b'[') => "it is a list".to_owned(),
        _ => shorten_bytes(place.value, 60),
    };
    match find_last(reason, EXPECTED).map(|at| &reason[at + EXPECTED.len()..]) {
        Some(expected) => format!("cannot read {what} as {}: {value}", plain(expected)),
        None if secret => format!("cannot read {what}: {value}"),
        None => format!("cannot read {what}, {}: {value}", shorten(reason, 100)),
    }
}

/// The reader's message without the place, which it gives in lines and columns.
fn reason(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if let Some(at) = find_last(&text, " at line ") {
        text.truncate(at);
    }
    text
}

/// What readers call types, in the words of JSON.
fn plain(expected: &str) -> &str {
    match expected {
        "i64" | "u64" | "isize" | "usize" => "an integer",
        "i32" | "u32" => "an integer of 32 bits",
        "i16" | "u16" => "an integer of 16 bits",
        "i8" | "u8" => "an integer of 8 bits",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        _ => expected,
    }
}

fn is_secret(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "secret", "token", "key", "auth", "credential"]
        .iter()
        .any(|word| find(&name, word.as_bytes()).is_some())
}

/// The path of the value at which a reader stopped, given in lines and columns: `HostConfig.Ulimits[0].Name`.
pub fn place(text: &[u8], line: usize, column: usize) -> String {
    scan::locate(text, offset(text, line, column)).path
}

/// How many bytes come before a place given by line and column, both from 1, the column in bytes.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let start = match line.checked_sub(2) {
        None => 0,
        Some(breaks) => {
            let mut ends = text
                .iter()
                .enumerate()
                .filter(|(_, byte)| **byte == b'\n')
                .map(|(at, _)| at + 1);
            ends.nth(breaks).unwrap_or(text.len())
        }
    };
    (start + column).min(text.len())
}
