//! The life of containers.

use serde_json::{Value, json};

use super::{NOBODY, PATIENT, container, create, eventually, lists, start};
use crate::case::{Case, Outcome};

pub(super) async fn life(case: &Case<'_>) -> Outcome {
    let name = case.named("life");
    let id = create(case, "life", PATIENT, json!({"Env": ["CONFORMANCE=yes"]})).await?;
    let started = case.op("ContainerStart").id(&id).ok().await?;
    case.check(
        "ContainerStart",
        started == "started",
        format!("it is {started}"),
    );
    // Twice is no failure.
    let again = case.op("ContainerStart").id(&id).ok().await?;
    case.check(
        "ContainerStart",
        again == "already-started",
        format!("it is {again}"),
    );

    let inspect = case
        .op("ContainerInspect")
        .id(&id)
        .query("size", true)
        .ok()
        .await?;
    let is_running = inspect["State"]["Running"] == true && inspect["Id"] == id.as_str();
    case.check(
        "ContainerInspect",
        is_running,
        format!("not running: {}", inspect["State"]),
    );
    let env = inspect["Config"]["Env"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    case.check(
        "ContainerInspect",
        env.contains(&json!("CONFORMANCE=yes")),
        format!("{env:?}"),
    );
    let list = case
        .op("ContainerList")
        .query("filters", case.ours())
        .query("size", true);
    let list = list.ok().await?;
    case.check(
        "ContainerList",
        lists(&list, "/Id", &id),
        format!("{id} is not in {list}"),
    );

    let top = case.op("ContainerTop").id(&id).ok().await?;
    let is_there = top["Processes"]
        .as_array()
        .is_some_and(|processes| !processes.is_empty());
    case.check("ContainerTop", is_there, format!("no process in {top}"));
    let stats = case
        .op("ContainerStats")
        .id(&id)
        .query("stream", false)
        .take(1)
        .ok()
        .await?;
    case.check(
        "ContainerStats",
        stats[0]["read"].is_string(),
        format!("no time in {stats}"),
    );
    let stats = case
        .op("ContainerStats")
        .id(&id)
        .query("stream", true)
        .take(2)
        .ok()
        .await?;
    let count = stats.as_array().map_or(0, Vec::len);
    case.check(
        "ContainerStats",
        count == 2,
        format!("{count} of two documents"),
    );

    case.op("ContainerPause").id(&id).ok().await?;
    let paused = case.op("ContainerInspect").id(&id).ok().await?;
    case.check(
        "ContainerPause",
        paused["State"]["Paused"] == true,
        "it is not paused",
    );
    if !case.facts.is_podman {
        case.op("ContainerPause")
            .id(&id)
            .refused(&[409, 500])
            .await?;
    }
    case.op("ContainerUnpause").id(&id).ok().await?;

    if !case.facts.is_podman {
        let update = case
            .op("ContainerUpdate")
            .id(&id)
            .body(json!({"CpuShares": 512}));
        let update = update.ok().await?;
        case.check(
            "ContainerUpdate",
            update.is_object(),
            format!("the answer is {update}"),
        );
    }
    let renamed = case.named("renamed");
    case.op("ContainerRename")
        .id(&id)
        .query("name", renamed.as_str())
        .ok()
        .await?;
    let inspect = case.op("ContainerInspect").id(&renamed).ok().await?;
    let is_renamed = inspect["Id"] == id.as_str();
    case.check(
        "ContainerRename",
        is_renamed,
        format!("{renamed} is {}", inspect["Id"]),
    );
    case.op("ContainerInspect")
        .id(&name)
        .refused(&[404])
        .await?;

    case.op("ContainerRestart")
        .id(&id)
        .query("t", 5)
        .ok()
        .await?;
    case.op("ContainerKill")
        .id(&id)
        .query("signal", "SIGKILL")
        .ok()
        .await?;
    let exit = case.op("ContainerWait").id(&id).ok().await?;
    case.check(
        "ContainerWait",
        exit["StatusCode"] == 137,
        format!("the answer is {exit}"),
    );

    case.op("ContainerStart").id(&id).ok().await?;
    let stop = case.op("ContainerStop").id(&id).query("t", 5);
    stop.query_if_known("signal", "SIGTERM").ok().await?;
    // Twice is no failure.
    let again = case.op("ContainerStop").id(&id).ok().await?;
    case.check(
        "ContainerStop",
        again == "already-stopped",
        format!("it is {again}"),
    );
    let inspect = case.op("ContainerInspect").id(&id).ok().await?;
    case.check(
        "ContainerStop",
        inspect["State"]["Running"] == false,
        "it runs on",
    );
    case.op("ContainerDelete")
        .id(&id)
        .query("v", true)
        .ok()
        .await?;
    case.op("ContainerInspect").id(&id).refused(&[404]).await?;
    Ok(())
}

pub(super) async fn conflicts(case: &Case<'_>) -> Outcome {
    let id = start(case, "conflict", PATIENT, json!({})).await?;
    let again = case
        .op("ContainerCreate")
        .query("name", case.named("conflict"));
    let error = again
        .body(container(case, "true", json!({})))
        .refused(&[409])
        .await;
    let is_conflict = error?.is_conflict() || case.facts.is_podman;
    case.check("ContainerCreate", is_conflict, "it is no conflict");
    case.op("ContainerDelete").id(&id).refused(&[409]).await?;
    let other = create(case, "other", "true", json!({})).await?;
    let taken = case.named("conflict");
    case.op("ContainerRename")
        .id(&other)
        .query("name", taken)
        .refused(&[409])
        .await?;
    // This one does not run.
    case.op("ContainerKill").id(&other).refused(&[409]).await?;
    if !case.facts.is_podman {
        case.op("ContainerPause").id(&other).refused(&[409]).await?;
        case.op("ContainerTop")
            .id(&other)
            .refused(&[409, 500])
            .await?;
        case.op("ContainerUnpause")
            .id(&other)
            .refused(&[409, 500])
            .await?;
    }
    case.op("ContainerDelete").id(&other).ok().await?;
    case.op("ContainerDelete")
        .id(&id)
        .query("force", true)
        .ok()
        .await?;
    Ok(())
}

pub(super) async fn missing(case: &Case<'_>) -> Outcome {
    let create = case
        .op("ContainerCreate")
        .query("name", case.named("missing"));
    let image = json!({"Image": "conformance-nobody:none"});
    let error = create
        .body(container(case, "true", image))
        .refused(&[404])
        .await?;
    let is_missing = error.is_not_found() || case.facts.is_podman;
    case.check("ContainerCreate", is_missing, "it is not called missing");
    for operation in [
        "ContainerInspect",
        "ContainerTop",
        "ContainerStart",
        "ContainerStop",
        "ContainerRestart",
        "ContainerKill",
        "ContainerPause",
        "ContainerUnpause",
        "ContainerWait",
        "ContainerDelete",
        "ContainerChanges",
        "ContainerExport",
    ] {
        let error = case.op(operation).id(NOBODY).refused(&[404]).await?;
        let is_missing = error.is_not_found() || case.facts.is_podman;
        case.check(operation, is_missing, "it is not called missing");
    }
    case.op("ContainerStats")
        .id(NOBODY)
        .query("stream", false)
        .refused(&[404])
        .await?;
    case.op("ContainerRename")
        .id(NOBODY)
        .query("name", "x")
        .refused(&[404])
        .await?;
    if !case.facts.is_podman {
        let update = case
            .op("ContainerUpdate")
            .id(NOBODY)
            .body(json!({"CpuShares": 512}));
        update.refused(&[404]).await?;
    }
    Ok(())
}

pub(super) async fn wrong_input(case: &Case<'_>) -> Outcome {
    let create = case.op("ContainerCreate").query("name", "/no/such/name!");
    create
        .body(container(case, "true", json!({})))
        .refused(&[400, 500])
        .await?;
    let list = case
        .op("ContainerList")
        .query("filters", json!({"nonsense": ["x"]}));
    list.refused(&[400, 500]).await?;
    Ok(())
}

pub(super) async fn prune(case: &Case<'_>) -> Outcome {
    if !case.has("ContainerPrune") {
        return Ok(());
    }
    let id = start(case, "prune", "exit 3", json!({})).await?;
    let exit = case.op("ContainerWait").id(&id).ok().await?;
    case.check(
        "ContainerWait",
        exit["StatusCode"] == 3,
        format!("the answer is {exit}"),
    );
    let pruned = case
        .op("ContainerPrune")
        .query("filters", case.ours())
        .ok()
        .await?;
    let deleted = match &pruned {
        // What podman answers.
        Value::Array(_) => lists(&pruned, "/Id", &id),
        _ => pruned["ContainersDeleted"]
            .as_array()
            .is_some_and(|ids| ids.contains(&json!(id))),
    };
    case.check(
        "ContainerPrune",
        deleted,
        format!("{id} is not in {pruned}"),
    );
    let nonsense = json!({"nonsense": ["x"]});
    case.op("ContainerPrune")
        .query("filters", nonsense)
        .refused(&[400, 500])
        .await?;
    eventually(
        case,
        "ContainerList",
        "the pruned container is gone",
        async || {
            let all = case.op("ContainerList").query("all", true).ok().await?;
            Ok(!lists(&all, "/Id", &id))
        },
    )
    .await?;
    Ok(())
}
