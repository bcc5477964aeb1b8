//! Rust source from the model: a crate per version, one for all versions together, and the parts of the façade that
//! follow from the list of versions; and a table of it all for the tests.

mod api;
mod calls;
mod contract;
mod docs;
mod examples;
mod facade;
mod format;
mod gates;
pub(crate) mod groups;
mod harness;
mod package;
mod shortcuts;
mod types;
mod version_crate;

use std::collections::BTreeMap;

pub use facade::facade;
pub use harness::{harness, harness_negotiated, harness_version};
pub use package::package_files;
use proc_macro2::{Ident, Literal, Span};
pub(crate) use types::type_text;
pub use version_crate::{negotiated_crate, version_crate};

use crate::docs::DocsOf;
use crate::history::History;
use crate::model::Api;
use crate::names::{self, TypeNames};
use crate::versions::Versions;

/// Files by their path below the workspace, with `/` between its parts.
pub type Files = BTreeMap<String, String>;

/// The folder of the generated crates: whatever stands there and is not generated is an orphan.
pub const GENERATED: &str = "crates/generated";

/// What the emitter of a crate knows.
#[derive(Clone, Copy)]
struct Context<'a> {
    api: &'a Api,
    names: &'a TypeNames,
    /// For each type, where it stands in requests and answers.
    places: &'a [Vec<String>],
    history: &'a History,
    versions: &'a Versions,
    docs: &'a DocsOf<'a>,
    uses: &'a docs::Uses,
    /// The crate speaks whichever version the daemon speaks, and not that of the model alone.
    negotiates: bool,
}

impl Context<'_> {
    /// The crate's name.
    fn package(&self) -> String {
        if self.negotiates {
            names::NEGOTIATED_CRATE.to_owned()
        } else {
            names::version_crate(self.api.version)
        }
    }

    /// What its files are made from.
    fn origin(&self) -> String {
        if self.negotiates {
            "all of specs/openapi".to_owned()
        } else {
            format!("specs/openapi/v{}.json", self.api.version)
        }
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

fn literal(number: u16) -> Literal {
    Literal::u16_unsuffixed(number)
}
