//! A version of the Engine API.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version of the Engine API: `1.41`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    pub major: u16,
    pub minor: u16,
}

impl Version {
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = String;

    /// Reads `1.41`, and `v1.41` or `v1_41` as people and features write it.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            let plain =
                part == "0" || (!part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()));
            plain.then(|| part.parse().ok()).flatten()
        };
        text.strip_prefix('v')
            .unwrap_or(text)
            .split_once(['.', '_'])
            .and_then(|(major, minor)| Some(Self::new(number(major)?, number(minor)?)))
            .ok_or_else(|| format!("`{text}` is not a version of the API, which looks like 1.41"))
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn reads_what_people_write() {
        for text in ["1.41", "v1.41", "v1_41"] {
            assert_eq!(text.parse(), Ok(Version::new(1, 41)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "", "1", "1.", ".41", "1.4.1", "1.041", "v", "1.x", "1.+4", "1.70000",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn is_ordered_by_number() {
        assert!(Version::new(1, 9) < Version::new(1, 10));
    }
}
