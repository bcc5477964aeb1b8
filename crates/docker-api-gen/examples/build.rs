//! `docker build --tag NAME FOLDER`, with the daemon's own builder.

use docker_api_gen::ProgressBars;
use docker_api_gen::v1_41 as docker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = &arguments[..] else {
        return Err("usage: build NAME FOLDER".into());
    };
    let client = docker::Client::from_env()?;
    let mut building = client.build(folder).tag(name).stream().await?;

    let mut bars = ProgressBars::new();
    // A step that fails is an `Err`.
    while let Some(message) = building.try_next().await? {
        bars.update(&message);
    }
    println!("{}", building.image_id().unwrap_or("no image"));
    Ok(())
}
