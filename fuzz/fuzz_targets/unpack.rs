//! See `properties::unpack`.
#![no_main]

use std::sync::LazyLock;

use tempfile::TempDir;

/// In memory where that is possible. What is left of it when fuzzing ends is an empty folder.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    folder.expect("a folder")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    docker_api_gen_core::properties::unpack(bytes, FOLDER.path());
});
