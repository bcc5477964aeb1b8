//! `docs/explorer.html`: all versions of the API as one page, to look things up, to move through the versions
//! and to see what changes between two of them.
//!
//! The page is whole: style, script and data are in it, and it loads nothing. What it shows was decided before,
//! by the [`model`](crate::model), the [`history`](crate::history), the [words](crate::docs) and the
//! [differences](crate::diff) that the crates are made of; its script looks up and compares nothing anew.

mod changes;
mod data;
mod items;

use crate::docs::Docs;
use crate::history::History;
use crate::model::Api;
use crate::union::Union;
use crate::versions::Versions;

/// Where the page stands, below the root of the repository.
pub const PAGE: &str = "docs/explorer.html";

/// The page about these versions, oldest first. `history` and `union` have to be made from them.
pub fn page(
    apis: &[Api],
    history: &History,
    union: &Union,
    docs: &Docs,
    versions: &Versions,
) -> String {
    let mut data = data::Data::new(apis, versions);
    items::add(&mut data, apis, history, union, docs);
    changes::add(&mut data, apis, versions);
    include_str!("page.html")
        .replacen("{{style}}", include_str!("style.css"), 1)
        .replacen("{{script}}", include_str!("script.js"), 1)
        .replacen("{{data}}", &data.to_json(), 1)
}
