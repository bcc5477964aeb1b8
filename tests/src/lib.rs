//! Tests of the whole, and what the generated crates are tested with.
//!
//! Each crate below `crates/generated` has a `tests/contract.rs` of calls and nothing else: every operation
//! built through the crate's own API, every type read and written. What goes in and what has to come out is
//! made here, at run time, from the document in `specs/openapi` alone. Nothing is shared with the generator:
//! two readings of one document have to agree.

pub mod call;
mod contract;
pub mod document;
mod gates;
pub mod harness;
mod hostile;
mod request;
mod sample;
pub mod shape;

pub use contract::{Contract, Described, Requests};
pub use gates::check_gates;
pub use harness::{Codec, decode};
pub use sample::Sample;
