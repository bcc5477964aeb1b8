//! What can be wrong with the data under `specs/`.

use std::fmt;

use crate::version::Version;

/// What is wrong, in which version, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    version: Option<Version>,
    place: String,
    message: String,
}

impl Error {
    /// `place` is a JSON pointer (`#/definitions/Port`), a file, or the name of a correction.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            version: None,
            place: place.into(),
            message: message.into(),
        }
    }

    #[must_use]
    pub fn in_version(mut self, version: Version) -> Self {
        self.version.get_or_insert(version);
        self
    }

    pub fn version(&self) -> Option<Version> {
        self.version
    }

    pub fn place(&self) -> &str {
        &self.place
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    /// One line: `v1.41 #/definitions/Port/properties/Type: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = self.version {
            write!(f, "v{version} ")?;
        }
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for Error {}
