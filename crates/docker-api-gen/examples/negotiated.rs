//! What the daemon is and speaks, and a call that not every daemon can do: `cargo run --example negotiated -- [NAME]`
//! stops the container NAME with SIGINT, which needs API 1.42.

use docker_api_gen::Docker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let docker = Docker::connect().await?;
    let agreed = docker.negotiate().await?;
    println!("API {}, {:?}", agreed.api_version, agreed.capabilities);

    for container in docker.containers().list().all(true).send().await? {
        println!("{:?} {:?}", container.names, container.state);
    }
    if let Some(name) = std::env::args().nth(1) {
        match docker
            .containers()
            .stop(&name)
            .signal("SIGINT")
            .send()
            .await
        {
            Ok(outcome) => println!("{name}: {outcome:?}"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
