//! `docker exec CONTAINER COMMAND…`, in one call.

use std::io::{self, Write};
use std::process::ExitCode;

use docker_api_gen::v1_41 as docker;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(container) = arguments.next() else {
        return Err("usage: exec CONTAINER COMMAND…".into());
    };
    let command: Vec<String> = arguments.collect();

    let client = docker::Client::from_env()?;
    let output = client.exec_run(container, command).send().await?;

    io::stdout().write_all(&output.stdout)?;
    io::stderr().write_all(&output.stderr)?;
    Ok(ExitCode::from(output.exit_code as u8))
}
