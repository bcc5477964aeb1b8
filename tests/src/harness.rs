//! What the generated harness tells of a version: its operations, and how what they carry is read and written.

use std::fmt;

use docker_api_gen_core::wire::{Read, Wire, Write, place};

/// One version of the API.
#[derive(Debug)]
pub struct Version {
    /// `1.41`
    pub api: &'static str,
    pub operations: &'static [Operation],
    /// What a daemon answers where an operation fails.
    pub error: Option<Codec>,
}

impl Version {
    /// The version of that number, such as `1.41`, if it is among them.
    pub fn of(versions: &'static [&'static Self], api: &str) -> Option<&'static Self> {
        versions.iter().copied().find(|version| version.api == api)
    }

    /// The operation of that name in the document.
    pub fn operation(&self, id: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }
}

/// One operation of a version.
#[derive(Debug)]
pub struct Operation {
    /// As in the document: `ContainerStop`.
    pub id: &'static str,
    /// As clients have it: `containers.stop`.
    pub name: &'static str,
    /// Upper case.
    pub method: &'static str,
    /// Without the version: `/containers/{id}/stop`.
    pub path: &'static str,
    /// The parameters that it cannot do without: `path:id`, `query:name`.
    pub required: &'static [&'static str],
    pub body: Body,
    pub answer: Answer,
    /// Where several statuses are successes, each with the document that it brings, if it brings one.
    pub outcomes: &'static [(u16, Option<Codec>)],
}

impl Operation {
    /// What reads the document that comes with a success of this status. One that is not listed counts as the first.
    pub fn outcome(&self, status: u16) -> Option<Codec> {
        let listed = self.outcomes.iter().find(|(known, _)| *known == status);
        listed
            .or(self.outcomes.first())
            .and_then(|(_, codec)| *codec)
    }
}

/// What a request carries.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    Nothing,
    Document { required: bool, codec: Codec },
    Bytes { required: bool },
}

/// What a success brings.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    Nothing,
    Text,
    Bytes,
    Document(Codec),
    /// One document after another, each of this type.
    Documents(Codec),
    LogFrames,
    Upgrade,
    /// Headers alone.
    Head,
}

/// Reads a JSON document into a type of the version, and writes it again.
pub type Codec = fn(&[u8]) -> Result<Vec<u8>, Failure>;

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `HostConfig.Ulimits[0].Name`; empty for the whole document.
    pub path: String,
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.reason),
            path => write!(f, "{path}: {}", self.reason),
        }
    }
}

/// Reads and writes a `T` as the generated crates do.
pub fn decode<T: Read + Write>(text: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    T::read(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .and_then(|value| serde_json::to_vec(&Wire(&value)))
        .map_err(|error| failure(text, &error))
}

#[cold]
fn failure(text: &[u8], error: &serde_json::Error) -> Failure {
    let mut reason = error.to_string();
    if let Some(at) = reason.rfind(" at line ") {
        reason.truncate(at);
    }
    Failure {
        path: place(text, error.line(), error.column()),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_document_is_read_and_written_again() {
        let codec: Codec = decode::<BTreeMap<String, Vec<i64>>>;
        assert_eq!(
            codec(br#"{"a": [1, 2], "b": null}"#).unwrap(),
            br#"{"a":[1,2],"b":[]}"#
        );
    }

    #[test]
    fn a_failure_tells_where_and_why() {
        let codec: Codec = decode::<BTreeMap<String, Vec<i64>>>;
        let failure = codec(br#"{"a": [], "b": [1, "64m"]}"#).unwrap_err();
        assert_eq!(failure.path, "b[1]");
        assert_eq!(
            failure.to_string(),
            r#"b[1]: invalid type: string "64m", expected i64"#
        );
        assert_eq!(codec(b"[]").unwrap_err().path, "");
        assert_eq!(codec(b"{} {}").unwrap_err().reason, "trailing characters");
    }
}
