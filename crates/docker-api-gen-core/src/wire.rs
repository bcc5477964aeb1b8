//! Reading values from JSON as daemons send it.

use serde::Deserializer;
use serde::de::Deserialize;

/// A value that can be read from what a daemon sends.
pub trait Read: Sized {
    /// Reads one value.
    fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error>;
}

macro_rules! read_as_serde {
    ($($name:ty),*) => {$(
        impl Read for $name {
            fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                <$name>::deserialize(d)
            }
        }
    )*};
}

read_as_serde!(
    String,
    bool,
    i8,
    i16,
    i32,
    i64,
    u8,
    u16,
    u32,
    u64,
    f64,
    crate::Json,
    crate::Timestamp,
    crate::Base64Bytes
);
