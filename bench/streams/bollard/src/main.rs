//! Reads a stream to its end, and prints how many items and bytes there were, and how much memory that took.

use std::error::Error;

use bollard::Docker;
use bollard::query_parameters::{
    CreateImageOptions, DownloadFromContainerOptions, EventsOptions, LogsOptions,
};
use futures_util::TryStreamExt;

#[path = "../../peak.rs"]
mod peak;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // In a task: what `block_on` itself waits for costs a call of the system each time.
    let (items, bytes) = runtime.block_on(runtime.spawn(read()))??;
    println!("{items} {bytes} {}", peak::peak());
    Ok(())
}

async fn read() -> Result<(u64, u64), Failure> {
    let docker = Docker::connect_with_defaults()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (mut items, mut bytes) = (0, 0);
    match arguments[..] {
        ["logs", container] => {
            let options = LogsOptions {
                stdout: true,
                stderr: true,
                ..Default::default()
            };
            let mut logs = docker.logs(container, Some(options));
            while let Some(output) = logs.try_next().await? {
                items += 1;
                bytes += output.into_bytes().len() as u64;
            }
        }
        ["events", since] => {
            let options = EventsOptions {
                since: Some(since.to_owned()),
                ..Default::default()
            };
            let mut events = docker.events(Some(options));
            while let Some(event) = events.try_next().await? {
                items += 1;
                bytes += event
                    .actor
                    .and_then(|actor| actor.id)
                    .map_or(0, |id| id.len() as u64);
            }
        }
        ["progress", image] => {
            let options = CreateImageOptions {
                from_image: Some(image.to_owned()),
                ..Default::default()
            };
            let mut messages = docker.create_image(Some(options), None, None);
            while let Some(message) = messages.try_next().await? {
                items += 1;
                bytes += message.id.map_or(0, |id| id.len() as u64);
            }
        }
        ["read", container] => {
            let options = DownloadFromContainerOptions {
                path: "/large".to_owned(),
            };
            let mut archive = docker.download_from_container(container, Some(options));
            while let Some(chunk) = archive.try_next().await? {
                items += 1;
                bytes += chunk.len() as u64;
            }
        }
        _ => return Err("usage: logs ID | events SINCE | progress IMAGE | read ID".into()),
    }
    Ok((items, bytes))
}
