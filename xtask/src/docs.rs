//! `cargo xtask docs`: how much of the API our own words cover.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use docker_api_gen_codegen::docs::{Item, Part, copied, skeleton};
use docker_api_gen_codegen::history::History;
use docker_api_gen_codegen::union::union;

use crate::files;

/// Tell what specs/docs has words for, and fail if anything is missing, orphaned or not our own
#[derive(Args, Default)]
pub(crate) struct Docs {
    /// Folder with the published descriptions, to be compared with [default: DOCKER_API_SPECS, else specs/upstream]
    #[arg(long, value_name = "DIR")]
    upstream: Option<PathBuf>,
    /// Write what is missing into files of this folder, in the form in which specs/docs has it
    #[arg(long, value_name = "DIR")]
    skeleton: Option<PathBuf>,
}

impl Docs {
    pub(crate) fn run(self) -> Result<()> {
        self.examine().map(drop)
    }

    /// The same, telling whether the published descriptions were there to be compared with.
    pub(crate) fn examine(self) -> Result<bool> {
        let root = files::root();
        let versions = files::versions(&root)?;
        let docs = files::docs(&root, &versions)?;
        let apis = files::apis(&root, &versions)?;
        let union = union(&apis);
        let coverage = docs.coverage(&union);
        for item in &coverage.missing {
            println!("missing: {item}");
        }
        for item in &coverage.orphaned {
            println!("orphaned: {item}");
        }
        for kind in ["operations", "parameters", "types", "fields", "values"] {
            let count = |items: &[Item]| items.iter().filter(|i| kind_of(i) == kind).count();
            let due = count(&coverage.due);
            println!("{kind}: {} of {due}", due - count(&coverage.missing));
        }
        let published = self.upstream.or_else(|| files::published(&root));
        let is_compared = published.is_some();
        let copied = match published {
            None => {
                println!("not compared with the published descriptions, which are not here");
                Vec::new()
            }
            Some(folder) => {
                let published = versions
                    .iter()
                    .map(|version| folder.join(format!("v{version}.yaml")))
                    .filter(|path| path.exists())
                    .map(|path| files::read(&path))
                    .collect::<Result<Vec<_>>>()?;
                copied(&docs, published.iter().map(String::as_str))
            }
        };
        for line in &copied {
            println!("not our own: {line}");
        }
        if let Some(folder) = self.skeleton {
            for (name, text) in skeleton(&union, &History::new(&apis), &coverage) {
                let path = folder.join(format!("{name}.yaml"));
                files::write(&path, text.as_bytes())
                    .with_context(|| format!("the skeleton of {name}"))?;
            }
        }
        let counts = [
            coverage.missing.len(),
            coverage.orphaned.len(),
            copied.len(),
        ];
        if let [missing, orphaned, copied] = counts
            && counts != [0; 3]
        {
            bail!("specs/docs: {missing} missing, {orphaned} orphaned, {copied} not our own");
        }
        Ok(is_compared)
    }
}

fn kind_of(item: &Item) -> &'static str {
    match item.part {
        Part::Operation => "operations",
        Part::Parameter(_) | Part::Body | Part::Header(_) => "parameters",
        Part::Type => "types",
        Part::Field(_) => "fields",
        Part::Value(_) => "values",
    }
}
