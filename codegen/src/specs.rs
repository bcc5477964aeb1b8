//! From the folder of published descriptions to the documents of `specs/openapi`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::check;
use crate::convert::convert;
use crate::correct::Corrections;
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

/// The published descriptions, converted and not yet corrected.
pub fn describe(
    upstream: &Path,
    versions: &Versions,
) -> Result<BTreeMap<Version, Document>, Error> {
    let published: Vec<&Row> = versions
        .rows()
        .iter()
        .filter(|row| matches!(row.source, Source::Published { .. }))
        .collect();
    in_parallel(&published, |row| {
        let path = upstream.join(format!("v{}.yaml", row.api));
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::new(
                path.display().to_string(),
                format!("{error}; `cargo xtask fetch` brings it"),
            )
            .in_version(row.api)
        })?;
        Ok((row.api, convert(row.api, &text)?))
    })
}

/// What is converted, corrected and checked: the documents that are written.
pub fn correct_all(
    described: &BTreeMap<Version, Document>,
    corrections: &Corrections,
    versions: &Versions,
) -> Result<BTreeMap<Version, Document>, Error> {
    in_parallel(versions.rows(), |row| {
        let from = match row.source {
            Source::Published { .. } => row.api,
            Source::Derived { from } => from,
        };
        let base = described
            .get(&from)
            .ok_or_else(|| Error::new("#", "there is no description").in_version(from))?;
        let mut document = base.clone();
        document.set_version(row.api);
        corrections.apply(&mut document, described)?;
        check::finish(&mut document)?;
        Ok((row.api, document))
    })
}

/// Runs `work` on every item. Of several errors, that of the first item is returned.
fn in_parallel<I: Sync, T: Send>(
    items: &[I],
    work: impl Fn(&I) -> Result<(Version, T), Error> + Sync,
) -> Result<BTreeMap<Version, T>, Error> {
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
