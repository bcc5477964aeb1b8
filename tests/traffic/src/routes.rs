//! Which operation of which version a request is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use docker_api_gen_tests::document::{Document, Operation};

/// The folder of the documents.
const OPENAPI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs/openapi");

/// `1.41` as numbers.
pub type Version = (u16, u16);

/// Where a request goes: its version, if the path has one, and the rest of the path without its query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    pub version: Option<&'a str>,
    pub path: &'a str,
}

impl<'a> Target<'a> {
    /// Takes a path and query apart.
    pub fn of(path_and_query: &'a str) -> Self {
        let path = match path_and_query.split_once("://") {
            // As proxies are asked.
            Some((scheme, rest)) if !scheme.contains('/') => {
                rest.find('/').map_or("/", |at| &rest[at..])
            }
            _ => path_and_query,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let versioned = path
            .strip_prefix("/v")
            .and_then(|rest| rest.split_once('/'));
        match versioned {
            Some((version, rest)) if is_version(version) => Self {
                version: Some(version),
                path: &path[path.len() - rest.len() - 1..],
            },
            _ => Self {
                version: None,
                path,
            },
        }
    }
}

/// Whether it is made of numbers and dots; `4.3.1`, as Podman has them, too.
fn is_version(text: &str) -> bool {
    let mut parts = text.split('.');
    parts.clone().count() > 1
        && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Reads `1.41`.
pub fn parse_version(text: &str) -> Option<Version> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The documents of all versions, each read when it is first needed.
#[derive(Debug)]
pub struct Documents {
    versions: Vec<Version>,
    read: BTreeMap<Version, Document>,
}

impl Documents {
    /// All versions in `specs/openapi`.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn open() -> Self {
        let files = Path::new(OPENAPI).read_dir().into_iter().flatten();
        let mut versions: Vec<_> = files
            .filter_map(|file| {
                let name = file.ok()?.file_name().into_string().ok()?;
                parse_version(name.strip_prefix('v')?.strip_suffix(".json")?)
            })
            .collect();
        versions.sort_unstable();
        assert!(!versions.is_empty(), "specs/openapi has no document");
        Self {
            versions,
            read: BTreeMap::new(),
        }
    }

    /// Oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The version that stands for what was asked for: the newest where nothing was, or something newer still; the
    /// oldest where it was older than that.
    pub fn nearest(&self, asked: Option<Version>) -> Version {
        let newest = self.versions[self.versions.len() - 1];
        let Some(asked) = asked else { return newest };
        let older = self.versions.iter().rev().find(|known| **known <= asked);
        older.copied().unwrap_or(self.versions[0])
    }

    pub fn document(&mut self, version: Version) -> &Document {
        self.read
            .entry(version)
            .or_insert_with(|| Document::of_version(&format!("{}.{}", version.0, version.1)))
    }
}

/// The operation that a request is. What stands for a parameter may have slashes, as the names of images do; where
/// several operations would do, the one with the most words of its own is meant.
pub fn operation<'a>(document: &'a Document, method: &str, path: &str) -> Option<Operation<'a>> {
    let segments: Vec<_> = path.split('/').collect();
    document
        .operations()
        .filter(|operation| operation.method.eq_ignore_ascii_case(method))
        .filter_map(|operation| {
            let template: Vec<_> = operation.path.split('/').collect();
            let words = template.iter().filter(|part| !is_parameter(part)).count();
            fits(&template, &segments).then_some((words, Reverse(template.len()), operation))
        })
        .max_by_key(|(words, length, _)| (*words, *length))
        .map(|(_, _, operation)| operation)
}

fn is_parameter(part: &str) -> bool {
    part.starts_with('{')
}

fn fits(template: &[&str], segments: &[&str]) -> bool {
    match (template, segments) {
        ([], []) => true,
        ([part, template @ ..], [segment, ..]) if is_parameter(part) => {
            !segment.is_empty()
                && (1..=segments.len()).any(|taken| fits(template, &segments[taken..]))
        }
        ([part, template @ ..], [segment, segments @ ..]) => {
            part == segment && fits(template, segments)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart() {
        let target = |path| {
            let Target { version, path } = Target::of(path);
            (version, path)
        };
        assert_eq!(target("/v1.41/info?a=/b"), (Some("1.41"), "/info"));
        assert_eq!(target("/_ping"), (None, "/_ping"));
        assert_eq!(target("/volumes/v1.41"), (None, "/volumes/v1.41"));
        assert_eq!(target("/v1.41"), (None, "/v1.41"));
        assert_eq!(target("/version"), (None, "/version"));
        assert_eq!(
            target("/v4.3.1/libpod/info"),
            (Some("4.3.1"), "/libpod/info")
        );
        assert_eq!(target("http://docker/v1.24/info"), (Some("1.24"), "/info"));
        assert_eq!(target(""), (None, ""));
    }

    #[test]
    fn the_nearest_version_is_used() {
        let documents = Documents::open();
        let newest = *documents.versions().last().unwrap();
        assert_eq!(documents.nearest(None), newest);
        assert_eq!(documents.nearest(Some((1, 999))), newest);
        assert_eq!(documents.nearest(Some((2, 0))), newest);
        assert_eq!(documents.nearest(Some((1, 41))), (1, 41));
        assert_eq!(documents.nearest(Some((1, 12))), documents.versions()[0]);
    }

    #[test]
    fn the_operation_is_found() {
        let mut documents = Documents::open();
        let document = documents.document((1, 41));
        let id = |method, path| operation(document, method, path).map(|operation| operation.id);
        assert_eq!(id("GET", "/containers/json"), Some("ContainerList"));
        assert_eq!(id("get", "/containers/json/json"), Some("ContainerInspect"));
        assert_eq!(id("GET", "/images/json"), Some("ImageList"));
        assert_eq!(id("GET", "/images/a/b/c:1/json"), Some("ImageInspect"));
        assert_eq!(
            id("GET", "/images/localhost:5000/json"),
            Some("ImageInspect")
        );
        assert_eq!(id("GET", "/images/a%2Fb/get"), Some("ImageGet"));
        assert_eq!(id("DELETE", "/images/a/b"), Some("ImageDelete"));
        assert_eq!(id("POST", "/containers/prune"), Some("ContainerPrune"));
        assert_eq!(id("HEAD", "/_ping"), Some("SystemPingHead"));
        assert_eq!(
            id("GET", "/plugins/privileges"),
            Some("GetPluginPrivileges")
        );
        assert_eq!(id("GET", "/containers//json"), None);
        assert_eq!(id("POST", "/libpod/info"), None);
        assert_eq!(id("GET", ""), None);
    }
}
