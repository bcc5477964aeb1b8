//! `docker logs --follow CONTAINER`: what it writes to its standard error goes to ours.

use docker_api_gen::{LogSource, v1_41 as docker};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(container) = std::env::args().nth(1) else {
        return Err("usage: logs CONTAINER".into());
    };
    let client = docker::Client::from_env()?;
    let logs = client
        .containers()
        .logs(&container)
        .stdout(true)
        .stderr(true)
        .follow(true)
        .send()
        .await?;

    let mut lines = logs.lines();
    while let Some(line) = lines.try_next().await? {
        match line.stream {
            LogSource::Stderr => eprintln!("{}", line.text()),
            _ => println!("{}", line.text()),
        }
    }
    Ok(())
}
