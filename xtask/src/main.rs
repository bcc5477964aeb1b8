//! `cargo xtask`: arguments and files. What is decided about the output is decided in `codegen`.

mod fetch;
mod files;
mod regen;
mod tree;

use std::process::ExitCode;

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
    Fetch(fetch::Fetch),
    Regen(regen::Regen),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Fetch(command) => command.run(),
        Command::Regen(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
