//! `cargo xtask regen`: everything that is generated, from what is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use docker_api_gen_codegen::correct::Corrections;
use docker_api_gen_codegen::emit::{Files, GENERATED};
use docker_api_gen_codegen::generate::generate;
use docker_api_gen_codegen::readme::with_versions;
use docker_api_gen_codegen::specs::{attempt_all, build_all};
use docker_api_gen_codegen::versions::Versions;
use docker_api_gen_codegen::{Document, Error, Version, names};

use crate::files::{self, OPENAPI};
use crate::tree::Difference;

const README: &str = "README.md";

/// Regenerate specs/openapi, the crates and docs/explorer.html from what is there
///
/// Where the published descriptions are (see `fetch`), everything is made anew from them; else from
/// specs/openapi alone.
#[derive(Args, Default)]
pub(crate) struct Regen {
    /// Only these versions, such as v1_41 [default: all]
    versions: Vec<Version>,
    /// Write nothing; fail if a file is stale, missing or orphaned, and name it
    #[arg(long)]
    check: bool,
    /// Folder with the published descriptions [default: specs/upstream, if it is there]
    #[arg(long, value_name = "DIR")]
    upstream: Option<PathBuf>,
    /// Start from specs/openapi even if the published descriptions are there
    #[arg(long, conflicts_with = "upstream")]
    openapi: bool,
    /// Leave out corrections that do not apply any more, and name them
    #[arg(long, conflicts_with = "openapi")]
    allow_void: bool,
}

/// Fails unless all generated files are up to date.
pub(crate) fn check() -> Result<()> {
    Regen {
        check: true,
        ..Default::default()
    }
    .run()
}

impl Regen {
    pub(crate) fn run(self) -> Result<()> {
        let root = files::root();
        let versions = files::versions(&root)?;
        for wanted in &self.versions {
            files::listed(&versions, *wanted)?;
        }
        let wanted = (!self.versions.is_empty()).then_some(self.versions.as_slice());
        let (output, owned) = self.output(&root, &versions, wanted)?;
        let difference = Difference::find(&root, &output, &owned)?;
        if difference.is_empty() {
            println!("regen: {} files, all up to date", output.len());
            return Ok(());
        }
        if self.check {
            for line in difference.lines() {
                eprintln!("{line}");
            }
            bail!(
                "{} of {} files differ; run `cargo xtask regen`",
                difference.len(),
                output.len()
            );
        }
        difference.mend(&root, &output, &owned)?;
        println!(
            "regen: {} files, {} changed",
            output.len(),
            difference.len()
        );
        Ok(())
    }

    /// All generated files, and the folders in which nothing else may stand.
    fn output(
        &self,
        root: &Path,
        versions: &Versions,
        wanted: Option<&[Version]>,
    ) -> Result<(Files, Vec<String>)> {
        let mut output = Files::new();
        let mut owned = match wanted {
            None => vec![GENERATED.to_owned()],
            Some(wanted) => wanted
                .iter()
                .map(|api| format!("{GENERATED}/{}", names::version_crate(*api)))
                .collect(),
        };
        let documents = match self.descriptions(root) {
            Some(folder) => {
                let corrections = files::corrections(root, versions)?;
                let documents = if self.allow_void {
                    without_void(&folder, &corrections, versions)?
                } else {
                    build_all(&folder, &corrections, versions)?
                };
                for document in documents.values() {
                    output.insert(
                        format!("{OPENAPI}/{}", document.file_name()),
                        document.to_text(),
                    );
                }
                owned.push(OPENAPI.to_owned());
                documents
            }
            None => documents(root, versions)?,
        };
        let readme = files::read(&root.join(README))?;
        output.insert(README.to_owned(), with_versions(&readme, versions)?);
        output.extend(generate(
            &documents,
            versions,
            &files::docs(root, versions)?,
            wanted,
            &package_version(root)?,
        )?);
        Ok((output, owned))
    }

    fn descriptions(&self, root: &Path) -> Option<PathBuf> {
        if self.openapi {
            return None;
        }
        files::descriptions(root, self.upstream.clone())
    }
}

/// The documents of the descriptions, without corrections that do not apply.
fn without_void(
    upstream: &Path,
    corrections: &Corrections,
    versions: &Versions,
) -> Result<BTreeMap<Version, Document>> {
    let mut documents = BTreeMap::new();
    for (version, attempt) in attempt_all(upstream, corrections, versions) {
        for void in attempt.void {
            eprintln!("void: {}", Error::from(void));
        }
        documents.insert(version, attempt.document?);
    }
    Ok(documents)
}

/// The documents of `specs/openapi`.
fn documents(root: &Path, versions: &Versions) -> Result<BTreeMap<Version, Document>> {
    let read = |version: Version| Ok((version, files::document(root, version)?));
    versions.iter().map(read).collect()
}

/// The version that all crates of the workspace share.
fn package_version(root: &Path) -> Result<String> {
    let manifest: toml::Table = files::read(&root.join("Cargo.toml"))?
        .parse()
        .context("Cargo.toml")?;
    let version = manifest
        .get("workspace")
        .and_then(|w| w.get("package")?.get("version")?.as_str());
    Ok(version
        .context("Cargo.toml has no workspace.package.version")?
        .to_owned())
}
