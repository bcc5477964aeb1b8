//! `docker pull IMAGE`, layer by layer.

use docker_api_gen::ProgressBars;
use docker_api_gen::v1_41 as docker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(image) = std::env::args().nth(1) else {
        return Err("usage: pull IMAGE".into());
    };
    let client = docker::Client::from_env()?;
    let mut messages = client.pull(&image).stream().await?;

    let mut bars = ProgressBars::new();
    // A failure after the pull has begun is an `Err` as well.
    while let Some(message) = messages.try_next().await? {
        bars.update(&message);
    }
    println!("{image}");
    Ok(())
}
