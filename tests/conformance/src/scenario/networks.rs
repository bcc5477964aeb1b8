//! Networks.

use serde_json::{Value, json};

use super::{NOBODY, PATIENT, lists, start};
use crate::case::{Case, Outcome};

pub(super) async fn life(case: &Case<'_>) -> Outcome {
    let name = case.named("net");
    let body = json!({
        "Name": name, "Driver": "bridge", "Labels": case.label(), "Internal": true,
    });
    let made = case.op("NetworkCreate").body(body).ok().await?;
    let id = case.text("NetworkCreate", &made, "/Id")?;
    let inspect = case
        .op("NetworkInspect")
        .id(&name)
        .query_if_known("verbose", true)
        .ok()
        .await?;
    let is_it = inspect["Id"] == id.as_str() && inspect["Name"] == name.as_str();
    case.check("NetworkInspect", is_it, format!("the answer is {inspect}"));
    case.check(
        "NetworkCreate",
        inspect["Internal"] == true,
        "it is not internal",
    );
    let list = case
        .op("NetworkList")
        .query("filters", case.ours())
        .ok()
        .await?;
    case.check(
        "NetworkList",
        lists(&list, "/Id", &id),
        format!("{id} is not in {list}"),
    );

    let container = start(case, "net", PATIENT, json!({})).await?;
    let aliases = json!({"Container": container, "EndpointConfig": {"Aliases": ["also"]}});
    case.op("NetworkConnect").id(&id).body(aliases).ok().await?;
    let networks = "/NetworkSettings/Networks";
    let inspect = case.op("ContainerInspect").id(&container).ok().await?;
    let connected = inspect
        .pointer(networks)
        .and_then(|networks| networks.get(&name));
    let aliases = connected
        .map(|end| end["Aliases"].clone())
        .unwrap_or_default();
    let has_alias = aliases
        .as_array()
        .is_some_and(|all| all.contains(&json!("also")));
    case.check(
        "NetworkConnect",
        has_alias,
        format!("it has no such alias: {aliases}"),
    );
    let inspect = case.op("NetworkInspect").id(&id).ok().await?;
    let is_inside = inspect["Containers"].get(&container).is_some();
    case.check(
        "NetworkInspect",
        is_inside,
        format!("it is not inside: {}", inspect["Containers"]),
    );
    if !case.facts.is_podman {
        // It is in use; podman removes it all the same.
        case.op("NetworkDelete")
            .id(&id)
            .refused(&[403, 409, 500])
            .await?;
    }
    let disconnect = json!({"Container": container, "Force": true});
    case.op("NetworkDisconnect")
        .id(&id)
        .body(disconnect)
        .ok()
        .await?;
    let inspect = case.op("ContainerInspect").id(&container).ok().await?;
    let is_gone = inspect
        .pointer(networks)
        .is_none_or(|all| all.get(&name).is_none());
    case.check("NetworkDisconnect", is_gone, "it is still connected");
    case.op("NetworkDelete").id(&id).ok().await?;
    case.op("NetworkInspect").id(&id).refused(&[404]).await?;
    Ok(())
}

pub(super) async fn refusals(case: &Case<'_>) -> Outcome {
    case.op("NetworkInspect").id(NOBODY).refused(&[404]).await?;
    case.op("NetworkDelete").id(NOBODY).refused(&[404]).await?;
    let body = || json!({"Container": NOBODY});
    case.op("NetworkConnect")
        .id(NOBODY)
        .body(body())
        .refused(&[404])
        .await?;
    case.op("NetworkDisconnect")
        .id(NOBODY)
        .body(body())
        .refused(&[404])
        .await?;
    let body = |driver: &str| {
        let name = case.named("twice");
        let mut body = json!({"Name": name, "Driver": driver, "Labels": case.label()});
        if !case.at_least(44) {
            // Since then it is so whether it is said or not.
            body["CheckDuplicate"] = json!(true);
        }
        body
    };
    case.op("NetworkCreate").body(body("bridge")).ok().await?;
    case.op("NetworkCreate")
        .body(body("bridge"))
        .refused(&[409, 500])
        .await?;
    let mut other = body("conformance-none");
    other["Name"] = Value::from(case.named("no-driver"));
    case.op("NetworkCreate")
        .body(other)
        .refused(&[400, 404, 500])
        .await?;
    case.op("NetworkDelete")
        .id(&case.named("twice"))
        .ok()
        .await?;
    let list = case
        .op("NetworkList")
        .query("filters", json!({"nonsense": ["x"]}));
    list.refused(&[400, 500]).await?;
    Ok(())
}

pub(super) async fn prune(case: &Case<'_>) -> Outcome {
    if !case.has("NetworkPrune") {
        return Ok(());
    }
    // Nothing is left, wherever the version cannot say of whom.
    let name = case.named("prune");
    let body = json!({"Name": name, "Labels": case.label()});
    case.op("NetworkCreate").body(body).ok().await?;
    let prune = case
        .op("NetworkPrune")
        .query_if_known("filters", case.ours());
    let pruned = prune.ok().await?;
    let deleted = pruned["NetworksDeleted"].as_array();
    let is_deleted = deleted.is_some_and(|names| names.contains(&json!(name)));
    case.check(
        "NetworkPrune",
        is_deleted,
        format!("{name} is not in {pruned}"),
    );
    if case.takes("NetworkPrune", "filters") {
        let nonsense = json!({"nonsense": ["x"]});
        case.op("NetworkPrune")
            .query("filters", nonsense)
            .refused(&[400, 500])
            .await?;
    }
    Ok(())
}
