//! Tar archives, made and taken apart as they flow.

mod ignore;
mod pack;
mod unpack;

use std::path::PathBuf;

#[cfg(any(test, fuzzing))]
pub(crate) use ignore::{Found, Ignore};
pub(crate) use pack::{Packing, pack_context, pack_path};
#[cfg(any(test, fuzzing))]
pub(crate) use unpack::steps;
pub(crate) use unpack::{Unpacking, unpack};

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Files, without folders and links.
    pub files: u64,
    /// Bytes in files.
    pub bytes: u64,
    /// What cannot be copied and was left out: sockets, and out of containers also devices and pipes.
    pub skipped: Vec<PathBuf>,
}
