//! See `properties::log_frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| docker_api_gen_core::properties::log_frames(bytes));
