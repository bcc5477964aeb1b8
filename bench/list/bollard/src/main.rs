//! Prints the ids of the running containers.

use std::error::Error;

use bollard::Docker;
use bollard::query_parameters::ListContainersOptions;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(list())
}

async fn list() -> Result<(), Box<dyn Error>> {
    let docker = Docker::connect_with_defaults()?;
    for container in docker.list_containers(None::<ListContainersOptions>).await? {
        println!("{}", container.id.unwrap_or_default());
    }
    Ok(())
}
