//! Prints the ids of the running containers, whichever version the daemon speaks.

use std::error::Error;

use docker_api_gen::Docker;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(list())
}

async fn list() -> Result<(), Box<dyn Error>> {
    let docker = Docker::connect().await?;
    for container in docker.containers().list().send().await? {
        println!("{}", container.id.unwrap_or_default());
    }
    Ok(())
}
