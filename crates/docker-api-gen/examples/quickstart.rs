//! `docker run --rm alpine echo hello world`, step by step.

use std::io::{self, Write};

use docker_api_gen::v1_41 as docker;

const IMAGE: &str = "alpine:latest";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = docker::Client::from_env()?;

    if let Err(error) = client.images().inspect(IMAGE).send().await {
        if !error.is_not_found() {
            return Err(error.into());
        }
        let mut pull = client.images().create().from_image(IMAGE).send().await?;
        while let Some(step) = pull.try_next().await? {
            println!(
                "{} {}",
                step.id.unwrap_or_default(),
                step.status.unwrap_or_default()
            );
        }
    }

    let container = docker::types::ContainerCreateRequest {
        image: Some(IMAGE.into()),
        cmd: Some(vec!["echo".into(), "hello world".into()]),
        ..Default::default()
    };
    let id = client.containers().create(container).send().await?.id;
    client.containers().start(&id).send().await?;
    let exit = client.containers().wait(&id).send().await?;

    let mut logs = client
        .containers()
        .logs(&id)
        .stdout(true)
        .stderr(true)
        .send()
        .await?;
    while let Some(frame) = logs.try_next().await? {
        io::stdout().write_all(&frame.bytes)?;
    }
    client.containers().delete(&id).send().await?;
    println!("the container ended with status {}", exit.status_code);
    Ok(())
}
