//! Reads a stream to its end, and prints how many items and bytes there were, and how much memory that took.

use std::error::Error;

use docker_api_gen::v1_41::Client;

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
    let client = Client::from_env()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (mut items, mut bytes) = (0, 0);
    match arguments[..] {
        ["logs", container] => {
            let logs = client.containers().logs(container);
            let mut logs = logs.stdout(true).stderr(true).send().await?;
            while let Some(frame) = logs.try_next().await? {
                items += 1;
                bytes += frame.bytes.len() as u64;
            }
        }
        ["events", since] => {
            let mut events = client.system().events().since(since).send().await?;
            while let Some(event) = events.try_next().await? {
                items += 1;
                bytes += event
                    .actor
                    .and_then(|actor| actor.id)
                    .map_or(0, |id| id.len() as u64);
            }
        }
        ["progress", image] => {
            let mut messages = client.images().create().from_image(image).send().await?;
            while let Some(message) = messages.try_next().await? {
                items += 1;
                bytes += message.id.map_or(0, |id| id.len() as u64);
            }
        }
        ["read", container] => {
            let mut archive = client
                .containers()
                .archive(container, "/large")
                .send()
                .await?;
            while let Some(chunk) = archive.try_next().await? {
                items += 1;
                bytes += chunk.len() as u64;
            }
        }
        ["copy", container, to] => {
            let copied = client.copy_out(container, "/large", to).send().await?;
            (items, bytes) = (copied.files, copied.bytes);
        }
        _ => {
            return Err(
                "usage: logs ID | events SINCE | progress IMAGE | read ID | copy ID TO".into(),
            );
        }
    }
    Ok((items, bytes))
}
