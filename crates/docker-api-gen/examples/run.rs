//! `docker run --rm IMAGE COMMAND…`, in one call.

use std::io::{self, Write};
use std::process::ExitCode;

use docker_api_gen::v1_41 as docker;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        words = ["alpine", "echo", "hello", "world"].map(Into::into).into();
    }
    let command = words.split_off(1);

    let client = docker::Client::from_env()?;
    let output = client.run(&words[0], command).send().await?;

    io::stdout().write_all(&output.stdout)?;
    io::stderr().write_all(&output.stderr)?;
    Ok(ExitCode::from(output.exit_code as u8))
}
