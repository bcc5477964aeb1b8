//! `cargo xtask record`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use docker_api_gen_traffic::record::Record;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(name = "cargo xtask record", bin_name = "cargo xtask record")]
struct Arguments {
    #[command(flatten)]
    record: Record,
}

fn main() -> ExitCode {
    match run(Arguments::parse().record) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(record: Record) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let stop = async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
        };
        let (upstream, out) = (record.upstream.clone(), record.out.display().to_string());
        let ready = |listen: &_| {
            eprintln!(
                "record: listening on {listen}, for the daemon at {upstream}; stop it with ^C"
            );
        };
        let exchanges = record.clone().run(ready, stop).await?;
        eprintln!("record: {exchanges} exchanges in {out}");
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_make_sense() {
        super::Arguments::command().debug_assert();
    }
}
