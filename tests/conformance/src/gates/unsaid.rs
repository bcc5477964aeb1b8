//! What daemons take for what is not said, compared with what the table of the client says of it.

use anyhow::{Context as _, Result, ensure};
use docker_api_gen_core::ApiVersion;
use docker_api_gen_negotiated::history::lookup;
use serde_json::{Value, json};
use xtask::engine::Engine;

use super::{World, call, given};

/// What is not said, and the versions in which it means something else each.
pub(super) const ALL: &[(&str, &[&str])] = &[
    ("containers.create HostConfig.IpcMode", &["1.39", "1.40"]),
    ("volumes.prune filters", &["1.41", "1.42"]),
];

/// None if the engine does not speak the version.
pub(super) async fn judge(engine: &Engine, what: &str, at: &str) -> Result<Option<()>> {
    let at: ApiVersion = at.parse()?;
    let max: ApiVersion = engine.api_window()?.max.parse()?;
    if at > max {
        return Ok(None);
    }
    let (operation, place) = what.split_once(' ').unwrap_or((what, ""));
    let mut known = lookup(place).into_iter();
    let known = known
        .find(|known| known.what == what)
        .context("the table does not have it")?;
    let mut values = known.unsaid.iter().rev();
    let (_, table) = values
        .find(|(since, _)| since.api <= at)
        .context("the table does not know the version")?;
    let world = World::new(engine, at, max)?;
    let seen = match operation {
        "volumes.prune" => world.prune().await?,
        _ => world.ipc().await?,
    };
    ensure!(
        table.starts_with(&seen),
        "the daemon takes it for {seen:?}, and the table for {table:?}"
    );
    Ok(Some(()))
}

impl World {
    async fn ipc(&self) -> Result<String> {
        // Without a HostConfig, Engine 20.10 forgets that the version is an old one.
        let made = self.create(r#"{"HostConfig":{}}"#).await?;
        let id = made.context("it was refused")?;
        let seen = self.inspect("ContainerInspect", "path:id", &id).await?;
        self.remove(&id).await?;
        let mode = seen["HostConfig"]["IpcMode"].as_str();
        Ok(mode.context("no IpcMode")?.to_owned())
    }

    async fn prune(&self) -> Result<String> {
        let name = "gates-named";
        let body = Some(json!({"Name": name}));
        call(&*self.aide, "VolumeCreate", given(json!({}), body)).await?;
        let nothing = || given(json!({}), None);
        let pruned = call(&*self.client, "VolumePrune", nothing()).await?;
        let gone = pruned["VolumesDeleted"].as_array();
        if gone.is_some_and(|gone| gone.contains(&Value::from(name))) {
            return Ok("all volumes".to_owned());
        }
        let parameters = given(json!({"path:name": name}), None);
        call(&*self.aide, "VolumeDelete", parameters).await?;
        Ok("volumes without a name".to_owned())
    }
}
