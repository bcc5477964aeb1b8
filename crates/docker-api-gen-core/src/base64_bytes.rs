//! Bytes that travel as base64.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

/// Writes padding, and reads with or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes of a text in either alphabet, with or without padding; `None` if it is not base64.
pub(crate) fn decode_any(text: &str) -> Option<Vec<u8>> {
    let standard: String = text
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    BASE64.decode(standard).ok()
}

/// Bytes that JSON holds as text in base64: the data of a secret or a config.
///
/// [`Debug`](fmt::Debug) shows the length alone, since they are often secret.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Base64Bytes(Vec<u8>);

impl Base64Bytes {
    /// The bytes themselves.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes themselves.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for Base64Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Base64Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Base64Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Base64Bytes {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<String> for Base64Bytes {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Base64Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Base64Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64Bytes({} bytes)", self.0.len())
    }
}

impl Serialize for Base64Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64Bytes {
    /// Null is no bytes.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Base64Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in base64")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Base64Bytes, E> {
                // The text itself may be secret and stays out of the error.
                BASE64
                    .decode(text)
                    .map(Base64Bytes)
                    .map_err(|_| E::invalid_value(Unexpected::Other("text"), &self))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Base64Bytes, E> {
                Ok(Base64Bytes::default())
            }
        }

        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn travels_as_padded_base64() {
        for length in 0..=5 {
            let bytes = Base64Bytes::from(vec![0xfb; length]);
            let text = serde_json::to_string(&bytes).unwrap();
            assert_eq!(text.len() % 4, 2, "{text}");
            assert_eq!(serde_json::from_str::<Base64Bytes>(&text).unwrap(), bytes);
        }
        assert_eq!(
            serde_json::to_string(&Base64Bytes::from(b"\xfb\xff\xfe")).unwrap(),
            "\"+//+\""
        );
    }

    #[test]
    fn reads_without_padding_and_null() {
        assert_eq!(
            serde_json::from_str::<Base64Bytes>("\"YQ\"").unwrap(),
            Base64Bytes::from("a")
        );
        assert_eq!(
            serde_json::from_str::<Base64Bytes>("null").unwrap(),
            Base64Bytes::default()
        );
        assert!(serde_json::from_str::<Base64Bytes>("\"Y*\"").is_err());
        assert!(serde_json::from_str::<Base64Bytes>("[1]").is_err());
    }

    #[test]
    fn is_not_shown() {
        assert_eq!(
            format!("{:?}", Base64Bytes::from("hunter2")),
            "Base64Bytes(7 bytes)"
        );
        let error = serde_json::from_str::<Base64Bytes>("\"hunter2!\"").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
