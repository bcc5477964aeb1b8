//! `cargo xtask demo`: a container run by a generated client.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use clap::Args;
use xtask::engine::{Engine, EngineKind};

use crate::files;

/// Run the quickstart with the client of API 1.41 on an engine, found or started
#[derive(Args)]
pub(crate) struct Demo {
    /// The kind of engine to start [default: the engine that docker would talk to, else the best that can be had]
    #[arg(long, value_name = "KIND")]
    engine: Option<EngineKind>,
}

impl Demo {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut build = quickstart("build");
        if !build.status()?.success() {
            bail!("the quickstart does not build");
        }
        let engine = Engine::acquire(self.engine)?;
        eprintln!("demo: the quickstart, on the engine at {}", engine.host());
        let status = engine.run(&mut quickstart("run"))?;
        engine.stop()?;
        match status.success() {
            true => Ok(ExitCode::SUCCESS),
            false => bail!("the quickstart failed: {status}"),
        }
    }
}

fn quickstart(verb: &str) -> Command {
    let mut cargo = files::cargo();
    cargo.args([
        verb,
        "--quiet",
        "--package",
        "docker-api-gen",
        "--example",
        "quickstart",
        "--features",
        "v1_41",
    ]);
    cargo
}
