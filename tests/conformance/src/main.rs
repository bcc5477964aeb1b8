//! Puts every version's client through the same scenarios on real engines: `cargo xtask conformance`.
//!
//! A scenario is ordinary code over "operation, arguments as JSON, answer or error" and is compiled once; what it
//! says goes through the generated types and methods of each version.

mod ask;
mod case;
mod client;
#[cfg(feature = "negotiated")]
mod gates;
mod matrix;
mod named;
mod page;
mod plugin;
mod run;
mod scenario;
mod surprise;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match run::Options::parse().run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
