//! `cargo xtask replay`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use docker_api_gen_traffic::replay::{Replay, feature};

#[derive(Parser)]
#[command(name = "cargo xtask replay", bin_name = "cargo xtask replay")]
struct Arguments {
    #[command(flatten)]
    replay: Replay,
}

fn main() -> ExitCode {
    run(&Arguments::parse().replay).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(replay: &Replay) -> Result<ExitCode> {
    if replay.needs {
        let needed: Vec<_> = replay.needed()?.into_iter().map(feature).collect();
        print(&format!("{}\n", needed.join(" ")))?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = replay.run()?;
    if replay.json {
        print(&format!("{:#}\n", report.to_json()))?;
    } else {
        print(&report.to_text())?;
    }
    Ok(match report.failed_documents() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Whoever reads it may stop reading.
fn print(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_make_sense() {
        super::Arguments::command().debug_assert();
    }
}
