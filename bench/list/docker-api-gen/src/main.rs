//! Prints the ids of the running containers.

use std::error::Error;

use docker_api_gen::v1_41::Client;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(list())
}

async fn list() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    for container in client.containers().list().send().await? {
        println!("{}", container.id.unwrap_or_default());
    }
    Ok(())
}
