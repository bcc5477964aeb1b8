//! `cargo xtask record` and `cargo xtask replay`: programs of their own, so that whoever only regenerates waits
//! for neither.

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::files;

const PACKAGE: &str = "docker-api-gen-traffic";

/// What is handed on as it is.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Rest {
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    pub(crate) arguments: Vec<OsString>,
}

pub(crate) fn record(rest: Rest) -> Result<ExitCode> {
    run(cargo("record", &[], rest.arguments))
}

/// Replays with no more versions than the recordings need: each of them takes seconds to build.
pub(crate) fn replay(rest: Rest) -> Result<ExitCode> {
    let mut needs = vec![OsString::from("--needs")];
    needs.extend(rest.arguments.iter().cloned());
    let output = cargo("replay", &[], needs)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    let features = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() || features.starts_with(char::is_uppercase) {
        // The words of --help and --version.
        files::print(&features)?;
        return Ok(if output.status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    let features: Vec<_> = features.split_whitespace().collect();
    run(cargo("replay", &features, rest.arguments))
}

fn cargo(program: &str, versions: &[&str], arguments: Vec<OsString>) -> Command {
    let mut cargo = files::cargo();
    // Files are named from where we are.
    if let Ok(folder) = std::env::current_dir() {
        cargo.current_dir(folder);
    }
    cargo
        .args(["run", "--quiet", "--package", PACKAGE, "--bin", program])
        .arg("--manifest-path")
        .arg(files::root().join("Cargo.toml"));
    for version in versions {
        cargo
            .arg("--features")
            .arg(format!("docker-api-gen-harness/{version}"));
    }
    cargo.arg("--").args(arguments);
    cargo
}

/// Becomes the program, so that signals reach it and nothing stands between.
#[cfg(unix)]
fn run(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;

    let error = command.exec();
    bail!("cannot run cargo: {error}")
}

#[cfg(not(unix))]
fn run(mut command: Command) -> Result<ExitCode> {
    let _ = &mut command;
    bail!("recordings are made and replayed where there are unix sockets")
}
