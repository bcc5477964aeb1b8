//! See `properties::paths`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| docker_api_gen_core::properties::paths(bytes));
