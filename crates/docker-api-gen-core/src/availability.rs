//! Since when there is something in the API, asked by name.

use crate::error::{Error, ErrorKind};
use crate::history::{History, Node, OperationHistory, Outside, Release, Unsaid, Versions};
use crate::version::ApiVersion;

/// Since when, and until when, there is something in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Availability {
    /// The operation and what is said to it: `containers.create HostConfig.Annotations`.
    pub what: String,
    /// The first version that has it.
    pub since: Release,
    /// The last version that has it, if that is not the newest.
    pub until: Option<Release>,
    /// What a daemon does with it in the versions that do not have it.
    pub outside: Outside,
    /// What it means not to say it, from each of these versions on, if versions differ in that.
    pub unsaid: Vec<(Release, &'static str)>,
    versions: Versions,
}

impl History {
    /// All operations and everything that can be said to them that some versions have and others do not, by its place
    /// in a request: `HostConfig.Annotations`, `signal`, `HostConfig.Mounts[].Type=image`; and what means something else
    /// in some versions where it is not said: `HostConfig.IpcMode`. Of several operations that have such a place, each
    /// has its own.
    ///
    /// Nothing is found of what all versions have and treat alike.
    pub fn lookup(&self, place: &str) -> Vec<Availability> {
        let operations = self.operations.iter();
        let all = operations.flat_map(|operation| self.differences(operation));
        all.filter(|known| match known.what.split_once(' ') {
            Some((_, known)) => known == place,
            None => known.what == place,
        })
        .collect()
    }

    /// Whether a version has something: an operation, `containers.stop`, or what is said to one,
    /// `containers.stop signal`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if no version has such an operation. What is said to it is believed to be in all versions
    /// unless it is known to differ.
    pub fn has(&self, version: ApiVersion, what: &str) -> Result<bool, Error> {
        let versions = self.versions_of(what)?;
        Ok(self
            .index(version)
            .is_some_and(|index| versions & (1 << index) != 0))
    }

    /// The lowest version that has all of this, and the first release of Docker that serves it: what a program that says
    /// these things needs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if there is no such operation, [`ErrorKind::Unsupported`] if no version has all of it.
    pub fn floor<'w>(&self, what: impl IntoIterator<Item = &'w str>) -> Result<Release, Error> {
        let mut versions = !0;
        for what in what {
            versions &= self.versions_of(what)?;
        }
        let lowest = self.releases.get(versions.trailing_zeros() as usize);
        lowest.copied().ok_or_else(|| {
            let sentence =
                "no version of the API has all of this: some of it was gone when the rest came";
            Error::new(ErrorKind::Unsupported, sentence)
        })
    }

    fn versions_of(&self, what: &str) -> Result<Versions, Error> {
        let (name, place) = what.split_once(' ').unwrap_or((what, ""));
        let operation = self.operation(name).ok_or_else(|| {
            let name = crate::text::shorten(name, 60);
            let sentence =
                format!("there is no operation {name:?}: write it as in containers.stop");
            Error::new(ErrorKind::Input, sentence)
        })?;
        let differences = self.differences(operation);
        let known = differences.iter().find(|known| known.what == what);
        Ok(match known {
            Some(known) if !place.is_empty() => known.versions,
            _ => operation.versions,
        })
    }

    /// The operation if not all versions have it, and what differs of its requests.
    fn differences(&self, operation: &OperationHistory) -> Vec<Availability> {
        let mut found = Vec::new();
        let all = !0 >> (64 - self.releases.len());
        self.add(
            operation.name,
            operation.versions,
            all,
            Outside::Refused,
            &mut found,
        );
        for nodes in [operation.query, operation.headers, operation.body] {
            let before = format!("{} ", operation.name);
            self.collect(nodes, &before, operation.versions, &mut found);
        }
        for unsaid in operation.unsaid {
            self.add_unsaid(operation, unsaid, &mut found);
        }
        found
    }

    /// Adds what it means not to say something, which all versions may have.
    fn add_unsaid(
        &self,
        operation: &OperationHistory,
        unsaid: &Unsaid,
        found: &mut Vec<Availability>,
    ) {
        let values = unsaid.values.iter();
        let values = values.filter_map(|(versions, value)| Some((self.span(*versions)?.0, *value)));
        let values = values.collect();
        let what = format!("{} {}", operation.name, unsaid.place);
        if let Some(known) = found.iter_mut().find(|known| known.what == what) {
            known.unsaid = values;
        } else if let Some((since, until)) = self.span(operation.versions) {
            found.push(Availability {
                what,
                since,
                until,
                outside: Outside::Ignored,
                unsaid: values,
                versions: operation.versions,
            });
        }
    }

    fn collect(
        &self,
        nodes: &[Node],
        before: &str,
        around: Versions,
        found: &mut Vec<Availability>,
    ) {
        for node in nodes {
            let is_step = node.name.starts_with(['[', '{']);
            let dot = if is_step || before.ends_with(' ') {
                ""
            } else {
                "."
            };
            let what = format!("{before}{dot}{}", node.name);
            let versions = node.versions & around;
            self.add(&what, versions, around, node.outside, found);
            for value in node.values {
                let (what, here) = (format!("{what}={}", value.text), value.versions & versions);
                self.add(&what, here, versions, value.outside, found);
            }
            self.collect(node.children, &what, versions, found);
        }
    }

    /// Adds something that only some of the versions have that have what it is in.
    fn add(
        &self,
        what: &str,
        versions: Versions,
        around: Versions,
        outside: Outside,
        found: &mut Vec<Availability>,
    ) {
        if versions == around {
            return;
        }
        let Some((since, until)) = self.span(versions) else {
            return;
        };
        found.push(Availability {
            what: what.to_owned(),
            since,
            until,
            outside,
            unsaid: Vec::new(),
            versions,
        });
    }

    /// The first of these versions, and the last if that is not the newest.
    fn span(&self, versions: Versions) -> Option<(Release, Option<Release>)> {
        let release = |bit: u32| self.releases.get(bit as usize).copied();
        let since = release(versions.trailing_zeros())?;
        let last = release(63 - versions.leading_zeros());
        Some((since, last.filter(|last| last.api != self.newest())))
    }
}
