//! `cargo xtask explorer`: the page about all versions, without the rest of `regen`.

use anyhow::Result;
use clap::Args;
use docker_api_gen_codegen::explorer::{PAGE, page};
use docker_api_gen_codegen::history::History;
use docker_api_gen_codegen::union::union;

use crate::files;

/// Write docs/explorer.html, the API of all versions to look into; `regen` writes it too
#[derive(Args)]
pub(crate) struct Explorer {}

impl Explorer {
    pub(crate) fn run(self) -> Result<()> {
        let root = files::root();
        let versions = files::versions(&root)?;
        let docs = files::docs(&root, &versions)?;
        let apis = files::apis(&root, &versions)?;
        let page = page(&apis, &History::new(&apis), &union(&apis), &docs, &versions);
        let path = root.join(PAGE);
        files::write(&path, page.as_bytes())?;
        println!(
            "{} ({} KiB): open it in a browser",
            path.display(),
            page.len() / 1024
        );
        Ok(())
    }
}
