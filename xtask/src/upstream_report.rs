//! `cargo xtask upstream-report`: what a request to take over upstream's descriptions says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use docker_api_gen_codegen::report::{Report, Step};
use docker_api_gen_codegen::specs::{Attempt, attempt_all};
use docker_api_gen_codegen::versions::Versions;
use docker_api_gen_codegen::{Document, Version};

use crate::files::{self, OPENAPI, VERSIONS};

/// Print, as Markdown, what new and changed descriptions change for users, and which corrections have expired
///
/// Compared are specs/versions.toml and the descriptions as they are with the rows and documents of a commit.
#[derive(Args)]
pub(crate) struct UpstreamReport {
    /// The commit to compare with
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    base: String,
    /// Folder with the published descriptions [default: specs/upstream, if it is there]
    #[arg(long, value_name = "DIR")]
    upstream: Option<PathBuf>,
    /// How a step ended, to be told as well: `tests=success`
    #[arg(long = "step", value_name = "NAME=OUTCOME", value_parser = step)]
    steps: Vec<Step>,
    /// Cut what is longer
    #[arg(long, value_name = "BYTES")]
    limit: Option<usize>,
}

impl UpstreamReport {
    pub(crate) fn run(self) -> Result<()> {
        let root = files::root();
        let now = files::versions(&root)?;
        let attempts = match files::descriptions(&root, self.upstream) {
            Some(folder) => attempt_all(&folder, &files::corrections(&root, &now)?, &now),
            None => committed(&root, &now)?,
        };
        let (then, documents) = reviewed(&root, &self.base, &now)?;
        let report = Report::new((&then, &documents), (&now, &attempts), self.steps);
        files::print(&report.to_markdown(self.limit.unwrap_or(usize::MAX)))
    }
}

fn step(text: &str) -> Result<Step, String> {
    let (name, outcome) = text
        .split_once('=')
        .ok_or("it has to look like NAME=OUTCOME")?;
    Ok(Step {
        name: name.to_owned(),
        outcome: outcome.to_owned(),
    })
}

/// The documents as they are, where there are no descriptions to make them from.
fn committed(root: &Path, versions: &Versions) -> Result<BTreeMap<Version, Attempt>> {
    let read = |version: Version| {
        let attempt = Attempt {
            document: Ok(files::document(root, version)?),
            void: Vec::new(),
        };
        Ok((version, attempt))
    };
    versions.iter().map(read).collect()
}

/// The rows of a commit, and its documents of the rows that have changed since.
fn reviewed(
    root: &Path,
    base: &str,
    now: &Versions,
) -> Result<(Versions, BTreeMap<Version, Document>)> {
    let then = Versions::parse(&format!("{base}:{VERSIONS}"), &show(root, base, VERSIONS)?)?;
    let mut documents = BTreeMap::new();
    for row in then.rows() {
        if now
            .get(row.api)
            .is_some_and(|known| known.source != row.source)
        {
            let name = format!("{OPENAPI}/v{}.json", row.api);
            let text = show(root, base, &name)?;
            let document = Document::parse(&format!("{base}:{name}"), row.api, &text)?;
            documents.insert(row.api, document);
        }
    }
    Ok((then, documents))
}

/// A file as it is in a commit.
fn show(root: &Path, commit: &str, name: &str) -> Result<String> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["show", "--end-of-options", &format!("{commit}:{name}")])
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("cannot read {name} of {commit}: {}", said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{name} of {commit} is no text"))
}
