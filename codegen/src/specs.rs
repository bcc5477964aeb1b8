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

/// The document of one row, from the folder with `v1.41.yaml` and so on.
pub fn build(upstream: &Path, corrections: &Corrections, row: &Row) -> Result<Document, Error> {
    let described = match row.source {
        Source::Published { .. } => row.api,
        Source::Derived { from } => from,
    };
    let name = format!("v{described}.yaml");
    let path = upstream.join(&name);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Error::new(
            path.display().to_string(),
            format!("{error}; `cargo xtask fetch` brings it"),
        )
        .in_version(row.api)
    })?;
    let mut document = convert(described, &text)?;
    if described != row.api {
        document.set_version(row.api);
    }
    corrections.apply(&mut document)?;
    check::finish(&mut document)?;
    Ok(document)
}

/// The documents of all versions. Of several errors, that of the oldest version is returned.
pub fn build_all(
    upstream: &Path,
    corrections: &Corrections,
    versions: &Versions,
) -> Result<BTreeMap<Version, Document>, Error> {
    let next = AtomicUsize::new(0);
    let built = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(versions.rows().len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(row) = versions.rows().get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = build(upstream, corrections, row);
                    built
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner())
                        .push((row.api, result));
                }
            });
        }
    });
    let built: BTreeMap<_, _> = built
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .into_iter()
        .collect();
    built
        .into_iter()
        .map(|(version, result)| Ok((version, result?)))
        .collect()
}
