//! `docker events --filter type=container`: what happens to containers, as it happens.

use docker_api_gen::filters::{EventFilter, EventType};
use docker_api_gen::v1_41 as docker;

#[tokio::main]
async fn main() -> Result<(), docker_api_gen::Error> {
    let client = docker::Client::from_env()?;
    let mut events = client
        .system()
        .events()
        .filters(EventFilter::kind(EventType::Container))
        .send()
        .await?;

    while let Some(event) = events.try_next().await? {
        let actor = event.actor.unwrap_or_default();
        let name = actor.attributes.get("name").or(actor.id.as_ref());
        println!(
            "{} {} {}",
            event.time.unwrap_or_default(),
            event.action.unwrap_or_default(),
            name.map_or("", |name| name)
        );
    }
    Ok(())
}
