//! `cargo xtask`: arguments and files. What is decided about the output is decided in `codegen`.

#[cfg(unix)]
mod bench;
mod conformance;
mod demo;
mod diff;
mod docs;
mod explorer;
mod fetch;
mod files;
mod regen;
mod test;
mod traffic;
mod tree;
mod upstream_report;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Work on this repository.
#[derive(Subcommand)]
enum Command {
    #[cfg(unix)]
    Bench(bench::Bench),
    /// Put every version's client through the same scenarios on real engines, and write the matrix
    #[command(disable_help_flag = true)]
    Conformance(traffic::Rest),
    Demo(demo::Demo),
    Diff(diff::Diff),
    Docs(docs::Docs),
    /// Find or start container engines for the demo and the tests
    Engine(xtask::engine::Args),
    Explorer(explorer::Explorer),
    Fetch(fetch::Fetch),
    /// Record what a client and a daemon say to each other, as a proxy between them
    #[command(disable_help_flag = true)]
    Record(traffic::Rest),
    Regen(regen::Regen),
    /// Put recorded traffic through the generated types, and say what is not read or lost
    #[command(disable_help_flag = true)]
    Replay(traffic::Rest),
    Test(test::Test),
    UpstreamReport(upstream_report::UpstreamReport),
}

fn main() -> ExitCode {
    finish(match Arguments::parse().command {
        #[cfg(unix)]
        Command::Bench(command) => command.run().map(|()| ExitCode::SUCCESS),
        Command::Conformance(rest) => conformance::run(rest),
        Command::Demo(command) => command.run(),
        Command::Diff(command) => command.run().map(|()| ExitCode::SUCCESS),
        Command::Docs(command) => command.run().map(|()| ExitCode::SUCCESS),
        Command::Engine(command) => xtask::engine::run(command),
        Command::Explorer(command) => command.run().map(|()| ExitCode::SUCCESS),
        Command::Fetch(command) => command.run().map(|()| ExitCode::SUCCESS),
        Command::Record(rest) => traffic::record(rest),
        Command::Regen(command) => command.run().map(|()| ExitCode::SUCCESS),
        Command::Replay(rest) => traffic::replay(rest),
        Command::Test(command) => command.run().map(|()| ExitCode::SUCCESS),
        Command::UpstreamReport(command) => command.run().map(|()| ExitCode::SUCCESS),
    })
}

fn finish(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
