//! See `properties::json_documents`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| docker_api_gen_core::properties::json_documents(bytes));
