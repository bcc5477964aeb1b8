//! `cargo xtask diff`: what changes from one version to another.

use anyhow::Result;
use clap::Args;
use docker_api_gen_codegen::model::Api;
use docker_api_gen_codegen::versions::Versions;
use docker_api_gen_codegen::{Version, diff};

use crate::files;

/// Print what changes from one version to another, and what of it breaks code that moves
#[derive(Args)]
pub(crate) struct Diff {
    /// The version to move from, such as v1_41
    from: Version,
    /// The version to move to; it may be the older one
    to: Version,
    /// Print Markdown
    #[arg(long)]
    markdown: bool,
    /// Print JSON, for programs
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
}

impl Diff {
    pub(crate) fn run(self) -> Result<()> {
        let versions = files::versions(&files::root())?;
        let diff = diff::diff(
            &api(&versions, self.from)?,
            &api(&versions, self.to)?,
            &versions,
        );
        files::print(&match (self.json, self.markdown) {
            (true, _) => diff.to_json(),
            (_, true) => diff.to_markdown(2),
            _ => diff.to_text(),
        })
    }
}

fn api(versions: &Versions, version: Version) -> Result<Api> {
    files::listed(versions, version)?;
    Ok(Api::read(&files::document(&files::root(), version)?.root)?)
}
