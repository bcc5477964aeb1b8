//! A second opinion on every document: progenitor, a generator that shares nothing with ours but the text it
//! reads, accepts each operation and agrees on what is sent and what comes back.
//!
//! Compared is source with source: what progenitor generates, and what stands below `crates/generated`. A
//! difference is a mistake in one of them, unless it is listed, with its reason, in `known.rs`.

mod adapt;
mod compare;
mod known;
mod ours;
mod source;
mod theirs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::{fs, thread};

use serde_json::Value;

use crate::compare::Differences;
use crate::source::Api;

/// What came of each version, by the second number of its name.
static OPINIONS: LazyLock<BTreeMap<u16, Result<Opinion, String>>> = LazyLock::new(|| {
    let versions = versions();
    in_parallel(&versions, opinion).into_iter().collect()
});

struct Opinion {
    /// Operations of the document that progenitor does not have.
    missing: Vec<String>,
    differences: Differences,
}

#[test]
fn progenitor_accepts_every_operation() {
    assert!(!OPINIONS.is_empty(), "there is no document");
    let mut wrong = Vec::new();
    for (version, opinion) in OPINIONS.iter() {
        match opinion {
            Ok(opinion) => {
                let missing = opinion.missing.iter();
                wrong.extend(missing.map(|endpoint| format!("v1.{version}: without {endpoint}")));
            }
            Err(error) => wrong.push(format!("v1.{version}: {error}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "progenitor refuses:\n  {}",
        wrong.join("\n  ")
    );
}

#[test]
fn progenitor_agrees_on_what_is_sent_and_what_comes_back() {
    let opinions = OPINIONS.iter();
    let opinions =
        opinions.filter_map(|(version, opinion)| Some((*version, opinion.as_ref().ok()?)));
    let differences: BTreeMap<_, _> = opinions
        .map(|(version, opinion)| (version, &opinion.differences))
        .collect();
    let wrong = known::check(&differences);
    assert!(
        wrong.is_empty(),
        "the differences between progenitor's source and ours are not those listed in known.rs:\n  {}",
        wrong.join("\n  ")
    );
}

fn opinion(version: u16) -> Result<Opinion, String> {
    let text = read(&root().join(format!("specs/openapi/v1.{version}.json")));
    let document: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let endpoints = endpoints(&document);
    let definitions = document["components"]["schemas"].as_object();
    let definitions: Vec<_> = definitions
        .into_iter()
        .flat_map(|all| all.keys().cloned())
        .collect();
    let theirs = theirs::api(&adapt::adapt(document))?;
    let ours = ours::api(&root().join(format!("crates/generated/docker-api-gen-v1-{version}/src")));
    Ok(Opinion {
        missing: endpoints
            .into_iter()
            .filter(|endpoint| !theirs.operations.contains_key(endpoint))
            .collect(),
        differences: compare::differences(&ours, &theirs, &definitions),
    })
}

/// `GET /containers/json`, for each operation of a document.
fn endpoints(document: &Value) -> Vec<String> {
    let mut endpoints = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in item.as_object().into_iter().flat_map(|item| item.keys()) {
            endpoints.push(Api::endpoint(method, path));
        }
    }
    endpoints
}

/// The second numbers of all versions that there is a document of.
fn versions() -> Vec<u16> {
    let folder = root().join("specs/openapi");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut versions: Vec<u16> = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let number = name.strip_prefix("v1.")?.strip_suffix(".json")?;
            number.parse().ok()
        })
        .collect();
    versions.sort_unstable();
    versions
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn in_parallel<R: Send>(versions: &[u16], work: fn(u16) -> R) -> Vec<(u16, R)> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(version) = versions.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(*version);
                    results.lock().unwrap().push((*version, result));
                }
            });
        }
    });
    results.into_inner().unwrap()
}
