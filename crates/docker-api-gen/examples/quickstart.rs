//! `docker run --rm alpine echo hello world`, step by step, with the client of one version or with that of all:
//! `cargo run --example quickstart --features v1_41`, or `--features negotiated`.

#[cfg(feature = "negotiated")]
use docker_api_gen::negotiated as docker;
#[cfg(all(feature = "v1_41", not(feature = "negotiated")))]
use docker_api_gen::v1_41 as docker;

#[cfg(any(feature = "v1_41", feature = "negotiated"))]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    const IMAGE: &str = "alpine:latest";
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

    let logs = client.containers().logs(&id).stdout(true).stderr(true);
    let mut logs = logs.send().await?;
    while let Some(frame) = logs.try_next().await? {
        print!("{}", String::from_utf8_lossy(&frame.bytes));
    }
    client.containers().delete(&id).send().await?;
    println!("the container ended with status {}", exit.status_code);
    Ok(())
}

#[cfg(not(any(feature = "v1_41", feature = "negotiated")))]
fn main() {
    println!("this needs a client: --features v1_41, or --features negotiated");
}
