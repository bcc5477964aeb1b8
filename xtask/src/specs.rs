//! `cargo xtask specs`: from the published descriptions to `specs/openapi`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use docker_api_gen_codegen::specs::build_all;

use crate::files;

/// Convert the published descriptions, correct them, and write specs/openapi
#[derive(Args)]
pub(crate) struct Specs {
    /// Folder with the published descriptions [default: specs/upstream]
    #[arg(long, value_name = "DIR")]
    upstream: Option<PathBuf>,
}

impl Specs {
    pub(crate) fn run(self) -> Result<()> {
        let root = files::root();
        let upstream = self.upstream.unwrap_or_else(|| root.join("specs/upstream"));
        let versions = files::versions(&root)?;
        let corrections = files::corrections(&root, &versions)?;
        let documents = build_all(&upstream, &corrections, &versions)?;

        let folder = root.join("specs/openapi");
        let mut wanted = BTreeSet::new();
        let (mut changed, mut removed) = (0, 0);
        for document in documents.values() {
            let name = document.file_name();
            changed += usize::from(files::write_if_changed(
                &folder.join(&name),
                document.to_text().as_bytes(),
            )?);
            wanted.insert(name);
        }
        for orphan in files::names(&folder)?.difference(&wanted) {
            files::remove(&folder.join(orphan))?;
            removed += 1;
        }
        println!(
            "specs/openapi: {} versions, {changed} written, {removed} removed",
            wanted.len()
        );
        Ok(())
    }
}
