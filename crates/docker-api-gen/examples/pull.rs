//! `docker pull IMAGE`, message by message.

use docker_api_gen::v1_41 as docker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(image) = std::env::args().nth(1) else {
        return Err("usage: pull IMAGE".into());
    };
    let client = docker::Client::from_env()?;
    let mut messages = client.pull(image).stream().await?;

    // A failure after the pull has begun is an `Err` as well.
    while let Some(message) = messages.try_next().await? {
        let what = message.status.unwrap_or_default();
        match (message.id, message.current, message.total) {
            (Some(layer), Some(current), Some(total)) => {
                println!("{layer}: {what} {current}/{total}");
            }
            (Some(layer), ..) => println!("{layer}: {what}"),
            (None, ..) => println!("{what}"),
        }
    }
    Ok(())
}
