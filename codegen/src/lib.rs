//! From the descriptions of the Docker Engine API to the crates that speak it.
//!
//! Every stage is a pure function over plain data: no network, no clock, no environment.
//!
//! 1. [`convert`]: a published description (Swagger 2.0) becomes an OpenAPI 3.0.3 document of facts only.
//! 2. [`correct`]: reviewed data mends what the description gets wrong.
//! 3. [`model`]: the document becomes plain data about operations and types, without Rust syntax.
//! 4. [`history`]: the models of all versions together say since when, and until when, a thing exists.
//! 5. [`emit`]: model and history become Rust source.
//!
//! [`explorer`] makes a page of it all for people, and [`diff`] tells what changes for users between two versions.
//!
//! # Invariants
//!
//! - The core crate never names a version.
//! - Generated crates depend on core alone, never on each other. The harness, which depends on all of them, is a tool
//!   of the tests: it is never published, and nothing that is depends on it.
//! - Emit reads the model, never a document.
//! - Corrections never look at Rust names; names are made in [`names`] and nowhere else.
//! - xtask decides nothing about Rust output.

pub mod check;
pub mod convert;
pub mod correct;
pub mod diff;
pub mod docs;
mod document;
pub mod emit;
mod error;
pub mod explorer;
pub mod gates;
pub mod generate;
pub mod history;
pub mod model;
pub mod names;
mod news;
mod pointer;
pub mod readme;
pub mod releases;
pub mod report;
pub mod specs;
mod surface;
pub mod union;
mod version;
pub mod versions;
mod yaml;

pub use document::Document;
pub use error::Error;
pub use version::Version;
