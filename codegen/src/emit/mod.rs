//! Rust source from the model: a crate per version, and the parts of the façade that follow from the list
//! of versions; and a table of it all for the tests.

mod api;
mod contract;
mod docs;
mod facade;
mod format;
mod groups;
mod harness;
mod shortcuts;
mod types;
mod version_crate;

use std::collections::BTreeMap;

pub use facade::facade;
pub use harness::{harness, harness_version};
use proc_macro2::{Ident, Literal, Span};
pub(crate) use types::type_text;
pub use version_crate::version_crate;

use crate::history::History;
use crate::model::Api;
use crate::names::TypeNames;
use crate::versions::Versions;

/// Files by their path below the workspace, with `/` between its parts.
pub type Files = BTreeMap<String, String>;

/// The folder of the generated crates: whatever stands there and is not generated is an orphan.
pub const GENERATED: &str = "crates/generated";

/// What the emitter of a version's crate knows.
#[derive(Clone, Copy)]
struct Context<'a> {
    api: &'a Api,
    names: &'a TypeNames,
    history: &'a History,
    versions: &'a Versions,
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

fn literal(number: u16) -> Literal {
    Literal::u16_unsuffixed(number)
}
