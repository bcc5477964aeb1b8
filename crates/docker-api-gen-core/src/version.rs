//! The version of the API that a request speaks.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// A version of the Docker Engine API, such as `1.41`.
///
/// It orders by number, so `1.9` comes before `1.41`.
///
/// ```
/// use docker_api_gen_core::ApiVersion;
///
/// let version: ApiVersion = "v1.41".parse()?;
/// assert_eq!(version, ApiVersion::new(1, 41));
/// assert_eq!(version.to_string(), "1.41");
/// assert!(ApiVersion::new(1, 9) < version);
/// # Ok::<(), docker_api_gen_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

impl ApiVersion {
    /// The version `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// The number before the point.
    pub const fn major(self) -> u16 {
        self.major
    }

    /// The number after the point.
    pub const fn minor(self) -> u16 {
        self.minor
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ApiVersion {
    type Err = Error;

    /// Reads `1.41` or `v1.41`; spaces around it are ignored.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text.trim()).ok_or_else(|| {
            Error::new(
                ErrorKind::Input,
                format!(
                    "{:?} is not an API version: write it as in 1.41",
                    crate::text::shorten(text, 40)
                ),
            )
        })
    }
}

fn parse(text: &str) -> Option<ApiVersion> {
    let (major, minor) = text.strip_prefix('v').unwrap_or(text).split_once('.')?;
    Some(ApiVersion::new(number(major)?, number(minor)?))
}

/// `str::parse` would take a sign, which no version has.
fn number(digits: &str) -> Option<u16> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_spellings_and_nothing_else() {
        for text in ["1.41", "v1.41", " 1.41 "] {
            assert_eq!(
                text.parse::<ApiVersion>().unwrap(),
                ApiVersion::new(1, 41),
                "{text}"
            );
        }
        for text in [
            "", "1", "1.", ".41", "1.41.0", "+1.41", "1.-4", "V1.41", "1.99999", "1. 41",
        ] {
            let error = text.parse::<ApiVersion>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input, "{text}");
        }
    }

    #[test]
    fn orders_by_number() {
        assert!(ApiVersion::new(1, 9) < ApiVersion::new(1, 41));
        assert!(ApiVersion::new(1, 99) < ApiVersion::new(2, 0));
    }
}
