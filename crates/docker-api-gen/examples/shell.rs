//! `docker exec -it CONTAINER sh`: a shell in a container, on this terminal.

use std::error::Error;
use std::io::{Write, stdout};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode, size};
use docker_api_gen::shortcuts::Executing;
use docker_api_gen::v1_41 as docker;
use tokio::io::{AsyncReadExt, AsyncWriteExt, stdin};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let container = arguments.next().ok_or("usage: shell CONTAINER [COMMAND]")?;
    let command = [arguments.next().unwrap_or("sh".into())];
    let client = docker::Client::from_env()?;
    let shell = client
        .exec_run(container, command)
        .tty(true)
        .start()
        .await?;

    enable_raw_mode()?;
    let code = interact(shell).await;
    disable_raw_mode()?;
    std::process::exit(code? as i32);
}

async fn interact(shell: Executing) -> Result<i64, Box<dyn Error>> {
    let (mut output, mut input, handle) = shell.split();
    // Waiting for a key cannot be given up, so it has a task that the end of the program ends.
    tokio::spawn(async move {
        let mut keys = [0; 1024];
        while let Ok(count @ 1..) = stdin().read(&mut keys).await {
            if input.write_all(&keys[..count]).await.is_err() {
                break;
            }
        }
        let _ = input.close_stdin().await;
    });
    let mut resized = signal(SignalKind::window_change())?;
    loop {
        let (columns, rows) = size()?;
        handle.resize(rows, columns).await?;
        loop {
            tokio::select! {
                frame = output.try_next() => match frame? {
                    Some(frame) => stdout().write_all(&frame.bytes).and_then(|()| stdout().flush())?,
                    None => return Ok(handle.exit_code().await?),
                },
                _ = resized.recv() => break,
            }
        }
    }
}
