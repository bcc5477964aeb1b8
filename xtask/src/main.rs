//! `cargo xtask …`: arguments here, one module per command in the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Tasks of this repository"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Finds or starts container engines for the demo and the tests
    Engine(xtask::engine::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Engine(args) => xtask::engine::run(args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
