//! All stages behind the documents: from `specs/openapi` to every generated file.

use std::collections::BTreeMap;

use crate::docs::{Docs, DocsOf};
use crate::document::Document;
use crate::emit::{self, Files};
use crate::error::Error;
use crate::explorer;
use crate::history::History;
use crate::model::Api;
use crate::releases;
use crate::union::union;
use crate::version::Version;
use crate::versions::Versions;

/// The generated files of `wanted` versions, or of all with the crate that speaks any of them and the page about them;
/// those of the façade, the harness and the packages always belong to all.
pub fn generate(
    documents: &BTreeMap<Version, Document>,
    versions: &Versions,
    docs: &Docs,
    wanted: Option<&[Version]>,
    package_version: &str,
) -> Result<Files, Error> {
    let apis = documents
        .values()
        .map(|document| Api::read(&document.root))
        .collect::<Result<Vec<_>, _>>()?;
    let history = History::new(&apis);
    let union = union(&apis);
    let selected = |api: &&Api| wanted.is_none_or(|wanted| wanted.contains(&api.version));
    let mut files = emit::facade(versions, package_version);
    files.extend(emit::harness(versions));
    files.extend(emit::package_files(versions));
    for part in in_parallel(apis.iter().filter(selected), |api| {
        let docs = DocsOf::new(docs, api, &union);
        let mut files = emit::version_crate(api, &history, versions, &docs);
        files.extend(emit::harness_version(api, &history, versions, &docs));
        files
    }) {
        files.extend(part);
    }
    if wanted.is_none() {
        let page = explorer::page(&apis, &history, &union, docs, versions);
        files.insert(explorer::PAGE.to_owned(), page);
        let page = releases::page(&apis, &history, versions);
        files.insert(releases::PAGE.to_owned(), page);
        let docs = DocsOf::union(docs, &union);
        files.extend(emit::negotiated_crate(&union, &history, versions, &docs));
        files.extend(emit::harness_negotiated(&union, &history, versions, &docs));
    }
    Ok(files)
}

/// The results of `work` for each item, in the items' order.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: impl Iterator<Item = T>,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let items: Vec<_> = items.collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = items.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let handles: Vec<_> = items
            .chunks(share)
            .map(|chunk| scope.spawn(|| chunk.iter().map(&work).collect::<Vec<_>>()))
            .collect();
        let parts = handles.into_iter().map(|handle| match handle.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        parts.flatten().collect()
    })
}
