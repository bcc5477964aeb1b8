//! Which version of the API has what: the tables of a client that speaks any of them.

use std::fmt;

pub use crate::availability::Availability;
use crate::version::ApiVersion;

/// Versions of the API: bit n stands for the nth of [`History::releases`].
pub type Versions = u64;

/// All that differs between the versions of the API, as far as requests go.
#[derive(Debug)]
pub struct History {
    /// The versions, oldest first.
    pub releases: &'static [Release],
    /// All operations, in the order of their names.
    pub operations: &'static [&'static OperationHistory],
}

impl History {
    /// The oldest version.
    pub fn oldest(&self) -> ApiVersion {
        self.releases[0].api
    }

    /// The newest version.
    pub fn newest(&self) -> ApiVersion {
        self.releases[self.releases.len() - 1].api
    }

    /// What is known of an operation, such as `containers.stop`.
    pub fn operation(&self, name: &str) -> Option<&'static OperationHistory> {
        let at = self
            .operations
            .binary_search_by(|operation| operation.name.cmp(name));
        at.ok().map(|at| self.operations[at])
    }

    /// The place of a version among all of them.
    pub(crate) fn index(&self, version: ApiVersion) -> Option<usize> {
        self.releases
            .iter()
            .position(|release| release.api == version)
    }
}

/// A version of the API, and the first release of Docker that offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The version of the API.
    pub api: ApiVersion,
    /// The release, as people call it: `Docker 23.0`.
    pub docker: &'static str,
}

/// The versions that have an operation, and those that have what can be said to it.
#[derive(Debug)]
pub struct OperationHistory {
    /// `containers.stop`
    pub name: &'static str,
    /// The versions that have the operation.
    pub versions: Versions,
    /// The versions that have everything there is to say to it: nothing needs to be looked at in these.
    pub whole: Versions,
    /// What differs in the query.
    pub query: &'static [Node],
    /// What differs in the headers.
    pub headers: &'static [Node],
    /// What differs in the body.
    pub body: &'static [Node],
    /// What means something else where it is not said.
    pub unsaid: &'static [Unsaid],
}

/// What daemons take for something that is not said, where that depends on the version.
#[derive(Debug)]
pub struct Unsaid {
    /// As it stands in a request: `HostConfig.IpcMode`.
    pub place: &'static str,
    /// In words, in the order of the versions.
    pub values: &'static [(Versions, &'static str)],
}

/// All items of a list but the first.
pub(crate) const SECOND: &str = "[1]";

/// A parameter or a field, of which something differs between versions.
#[derive(Debug)]
pub struct Node {
    /// As it stands in a request; `[]` for the items of a list, `{}` for the entries of a map, `[1]` for all items but the
    /// first where not all versions take more than one.
    pub name: &'static str,
    /// The versions that have it.
    pub versions: Versions,
    /// The versions that have it with all that is in it.
    pub whole: Versions,
    /// What daemons of other versions do with it.
    pub outside: Outside,
    /// The values of an enum that differ, in order.
    pub values: &'static [Value],
    /// What differs inside of it, in the order of the names.
    pub children: &'static [Node],
}

impl Node {
    /// One with nothing in it that differs.
    pub const fn leaf(name: &'static str, versions: Versions, outside: Outside) -> Self {
        Self::new(name, versions, versions, outside, &[], &[])
    }

    /// One with values or children.
    pub const fn new(
        name: &'static str,
        versions: Versions,
        whole: Versions,
        outside: Outside,
        values: &'static [Value],
        children: &'static [Node],
    ) -> Self {
        Self {
            name,
            versions,
            whole,
            outside,
            values,
            children,
        }
    }
}

impl Value {
    /// A value.
    pub const fn new(text: &'static str, versions: Versions, outside: Outside) -> Self {
        Self {
            text,
            versions,
            outside,
        }
    }
}

/// A value of an enum that not all versions have.
#[derive(Debug)]
pub struct Value {
    /// As it stands in a request.
    pub text: &'static str,
    /// The versions that have it.
    pub versions: Versions,
    /// What daemons of other versions do with it.
    pub outside: Outside,
}

/// What a daemon does with something that its version of the API does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outside {
    /// It goes on as if it had not been said.
    Ignored,
    /// It answers with an error.
    Refused,
    /// It has the same thing under this name.
    Renamed(&'static str),
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored => f.write_str("is ignored"),
            Self::Refused => f.write_str("is refused"),
            Self::Renamed(name) => write!(f, "is called {name}"),
        }
    }
}
