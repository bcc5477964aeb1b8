//! What changes for users between two versions of the API, and what of it breaks their code.
//!
//! Compared is what the emitter makes of two models, not their documents: a change breaks if code that
//! compiles with the crate of the one version may not compile, or means something else, with the crate of the
//! other. What is read only (`#[non_exhaustive]`) may gain fields and values, and so may what is written with
//! `..Default::default()`; everything else that is named in users' code has to stay. Both directions work.
//!
//! Types are told apart by where they stand in requests and answers, as in [`history`](crate::history): one
//! that has another name at the same place was renamed, and only that is told, not every field of its type.
//!
//! # JSON
//!
//! [`Diff::to_json`] writes one object, whose keys stay what they are as long as `format` is 1:
//!
//! ```json
//! {
//!   "format": 1,
//!   "from": {"api": "1.41", "docker": "20.10.0"},
//!   "to": {"api": "1.42", "docker": "23.0.0"},
//!   "breaking": 0,
//!   "changes": [
//!     {
//!       "group": "containers",
//!       "owner": "stop",
//!       "place": "POST /containers/{id}/stop",
//!       "item": "option",
//!       "change": "added",
//!       "name": "signal",
//!       "wire": "signal",
//!       "before": null,
//!       "after": "String",
//!       "breaking": false,
//!       "note": null
//!     }
//!   ]
//! }
//! ```
//!
//! - `docker` is the first release with that version, or null for a version that is not listed.
//! - `breaking` at the top is the number of changes that break.
//! - `group` is the accessor of the operations concerned, or `types`.
//! - `owner` is the method or the type that changes, as the newer version calls it, or the older one where it
//!   is removed.
//! - `place` is the endpoint of an operation; for a type, one place in requests (`<`) or answers (`>`), such as
//!   `GET /containers/json > [].Ports[]`, or null where nothing refers to the type.
//! - `item` is one of `operation`, `argument`, `option`, `setter`, `body`, `answer`, `outcome`, `header`,
//!   `error`, `type`, `field`, `value`.
//! - `change` is one of `added`, `removed`, `renamed`, `changed`.
//! - `name` is what changes, in Rust; `wire` is its name in requests and answers, where it has one.
//! - `before` and `after` are its Rust types, signatures or, where it is renamed, names; null where it did not
//!   or does not exist, or where the Rust code stays the same.
//! - `note` says in words what the other keys leave open.

mod compare;
mod model;
#[cfg(test)]
mod tests;
mod text;
mod types;

use serde::Serialize;

pub(crate) use self::compare::compare;
pub use self::compare::diff;
pub(crate) use self::model::Model;
pub(crate) use self::types::kind;
use crate::version::Version;

/// What changes from one version to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    pub from: Side,
    pub to: Side,
    /// Operations by tag, in the order of the newer version, then types by name.
    pub changes: Vec<Change>,
}

/// One of the two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    pub api: Version,
    /// The first release with this version.
    pub docker: Option<String>,
    /// The release as people call it.
    #[serde(skip)]
    pub release: Option<String>,
}

/// One change. The module's documentation says what stands in its fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    pub group: String,
    pub owner: String,
    pub place: Option<String>,
    pub item: Item,
    #[serde(rename = "change")]
    pub kind: Kind,
    pub name: String,
    pub wire: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub breaking: bool,
    pub note: Option<String>,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Item {
    Operation,
    /// What a method is called with.
    Argument,
    /// What can be set on a request.
    Option,
    /// A method of a request that stands for no parameter.
    Setter,
    Body,
    Answer,
    Outcome,
    Header,
    /// A status of failure that is declared.
    Error,
    Type,
    Field,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Added,
    Removed,
    Renamed,
    Changed,
}

/// The group of all changes of types.
pub const TYPES: &str = "types";

impl Diff {
    /// How many changes break users' code.
    pub fn breaking(&self) -> usize {
        self.changes.iter().filter(|change| change.breaking).count()
    }
}
