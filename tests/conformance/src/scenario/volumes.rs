//! Volumes.

use serde_json::json;

use super::{NOBODY, create, lists};
use crate::case::{Case, Outcome};

pub(super) async fn life(case: &Case<'_>) -> Outcome {
    let name = case.named("volume");
    let body = json!({"Name": name, "Driver": "local", "Labels": case.label()});
    let made = case.op("VolumeCreate").body(body).ok().await?;
    case.check(
        "VolumeCreate",
        made["Name"] == name.as_str(),
        format!("the answer is {made}"),
    );
    let inspect = case.op("VolumeInspect").name(&name).ok().await?;
    case.text("VolumeInspect", &inspect, "/Mountpoint")?;
    let list = case
        .op("VolumeList")
        .query("filters", case.ours())
        .ok()
        .await?;
    let is_listed = lists(&list["Volumes"], "/Name", &name);
    case.check("VolumeList", is_listed, format!("{name} is not in {list}"));
    let binds = json!({"HostConfig": {"Binds": [format!("{name}:/data")]}});
    let id = create(case, "volume", "true", binds).await?;
    let inspect = case.op("ContainerInspect").id(&id).ok().await?;
    let is_mounted = lists(&inspect["Mounts"], "/Destination", "/data");
    case.check(
        "ContainerInspect",
        is_mounted,
        format!("not mounted: {}", inspect["Mounts"]),
    );
    case.op("VolumeDelete").name(&name).refused(&[409]).await?;
    case.op("ContainerDelete").id(&id).ok().await?;
    case.op("VolumeDelete").name(&name).ok().await?;
    case.op("VolumeInspect").name(&name).refused(&[404]).await?;
    Ok(())
}

pub(super) async fn refusals(case: &Case<'_>) -> Outcome {
    let error = case
        .op("VolumeInspect")
        .name(NOBODY)
        .refused(&[404])
        .await?;
    case.check(
        "VolumeInspect",
        error.is_not_found(),
        "it is not called missing",
    );
    case.op("VolumeDelete").name(NOBODY).refused(&[404]).await?;
    let body = json!({"Name": case.named("no-driver"), "Driver": "conformance-none"});
    case.op("VolumeCreate")
        .body(body)
        .refused(&[400, 404, 500])
        .await?;
    let list = case
        .op("VolumeList")
        .query("filters", json!({"nonsense": ["x"]}));
    list.refused(&[400, 500]).await?;
    if case.has("VolumeUpdate") {
        // Only volumes of a swarm can be changed.
        let update = case.op("VolumeUpdate").name(NOBODY).query("version", 1);
        let spec = json!({"Spec": {"Availability": "drain"}});
        update.body(spec).refused(&[400, 404, 500, 503]).await?;
    }
    Ok(())
}

pub(super) async fn prune(case: &Case<'_>) -> Outcome {
    if !case.has("VolumePrune") {
        return Ok(());
    }
    let name = case.named("prune");
    let body = json!({"Name": name, "Labels": case.label()});
    case.op("VolumeCreate").body(body).ok().await?;
    let mut filters = case.ours();
    if case.at_least(42) {
        // Since then, volumes with names stay unless that is said.
        filters["all"] = json!(["true"]);
    }
    let prune = case.op("VolumePrune").query_if_known("filters", filters);
    let pruned = prune.ok().await?;
    let deleted = pruned["VolumesDeleted"].as_array();
    let is_deleted = deleted.is_some_and(|names| names.contains(&json!(name)));
    case.check(
        "VolumePrune",
        is_deleted,
        format!("{name} is not in {pruned}"),
    );
    if case.takes("VolumePrune", "filters") {
        let nonsense = json!({"nonsense": ["x"]});
        case.op("VolumePrune")
            .query("filters", nonsense)
            .refused(&[400, 500])
            .await?;
    }
    Ok(())
}
