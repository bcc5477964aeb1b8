//! From the folder of published descriptions to the documents of `specs/openapi`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::check;
use crate::convert::convert;
use crate::correct::{Corrections, Void};
use crate::document::Document;
use crate::error::Error;
use crate::version::Version;
use crate::versions::{Row, Source, Versions};

/// The documents of all versions, from the folder with `v1.41.yaml` and so on.
pub fn build_all(
    upstream: &Path,
    corrections: &Corrections,
    versions: &Versions,
) -> Result<BTreeMap<Version, Document>, Error> {
    let described = describe(upstream, versions)?;
    correct_all(&described, corrections, versions)
}

/// What became of one version.
#[derive(Debug)]
pub struct Attempt {
    pub document: Result<Document, Error>,
    /// What was left out because it does not apply any more.
    pub void: Vec<Void>,
}

/// Like [`build_all`], but every version is tried whatever became of the others, and corrections that do not
/// apply any more are left out.
pub fn attempt_all(
    upstream: &Path,
    corrections: &Corrections,
    versions: &Versions,
) -> BTreeMap<Version, Attempt> {
    let published = published(versions);
    let converted = in_parallel(&published, |row| convert_row(upstream, row));
    let mut described = BTreeMap::new();
    let mut failed = BTreeMap::new();
    for (row, converted) in published.iter().zip(converted) {
        match converted {
            Ok(document) => drop(described.insert(row.api, document)),
            Err(error) => drop(failed.insert(row.api, error)),
        }
    }
    let attempts = in_parallel(versions.rows(), |row| {
        if let Some(error) = failed.get(&row.described()) {
            return Attempt {
                document: Err(error.clone()),
                void: Vec::new(),
            };
        }
        let mut void = Vec::new();
        let document = base(&described, row).and_then(|mut document| {
            void = corrections.apply_all(&mut document, &described);
            check::finish(&mut document)?;
            Ok(document)
        });
        Attempt { document, void }
    });
    versions.iter().zip(attempts).collect()
}

/// The published descriptions, converted and not yet corrected.
pub fn describe(
    upstream: &Path,
    versions: &Versions,
) -> Result<BTreeMap<Version, Document>, Error> {
    let published = published(versions);
    let described = in_parallel(&published, |row| Ok((row.api, convert_row(upstream, row)?)));
    described.into_iter().collect()
}

fn published(versions: &Versions) -> Vec<&Row> {
    versions
        .rows()
        .iter()
        .filter(|row| matches!(row.source, Source::Published { .. }))
        .collect()
}

fn convert_row(upstream: &Path, row: &Row) -> Result<Document, Error> {
    let path = upstream.join(format!("v{}.yaml", row.api));
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Error::new(
            path.display().to_string(),
            format!("{error}; `cargo xtask fetch` brings it"),
        )
        .in_version(row.api)
    })?;
    convert(row.api, &text)
}

/// What is converted, corrected and checked: the documents that are written.
pub fn correct_all(
    described: &BTreeMap<Version, Document>,
    corrections: &Corrections,
    versions: &Versions,
) -> Result<BTreeMap<Version, Document>, Error> {
    let corrected = in_parallel(versions.rows(), |row| {
        let mut document = base(described, row)?;
        corrections.apply(&mut document, described)?;
        check::finish(&mut document)?;
        Ok((row.api, document))
    });
    corrected.into_iter().collect()
}

/// What a version's corrections start from.
fn base(described: &BTreeMap<Version, Document>, row: &Row) -> Result<Document, Error> {
    let from = row.described();
    let base = described
        .get(&from)
        .ok_or_else(|| Error::new("#", "there is no description").in_version(from))?;
    let mut document = base.clone();
    document.set_version(row.api);
    Ok(document)
}

/// What `work` makes of each item, in the items' order.
fn in_parallel<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(items.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(item);
                    done.lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner())
                        .insert(index, result);
                }
            });
        }
    });
    done.into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .into_values()
        .collect()
}
