//! Plugins, made of a program that does nothing but listen.

use serde_json::json;
use xtask::engine::Registry;

use super::{NOBODY, lists};
use crate::ask::UNSENT;
use crate::case::{Case, Outcome, Stop};

/// Makes a plugin, with the newest version where this one cannot.
async fn create(case: &Case<'_>, name: &str) -> Outcome {
    let Some(plugin) = &case.facts.plugin else {
        return Err(case.wrong("PluginCreate", "there is no plugin to try it with"));
    };
    if case.has("PluginCreate") {
        let create = case.op("PluginCreate").query("name", name);
        create.bytes(plugin.clone()).ok().await?;
        return Ok(());
    }
    let create = case.op("PluginCreate").query("name", name);
    match create.bytes(plugin.clone()).by_aide().await {
        true => Ok(()),
        false => Err(case.wrong(
            "PluginList",
            "no plugin can be made with the newest version",
        )),
    }
}

fn enable<'a>(case: &'a Case<'_>, name: &str) -> crate::ask::Ask<'a> {
    case.op("PluginEnable")
        .name(name)
        .query_if_known("timeout", 30)
}

pub(super) async fn life(case: &Case<'_>) -> Outcome {
    if case.facts.is_podman {
        return Ok(());
    }
    let name = format!("{}:one", case.named("plugin"));
    create(case, &name).await?;
    let result = live(case, &name).await;
    let delete = case
        .op("PluginDelete")
        .name(&name)
        .query_if_known("force", true);
    match result {
        Ok(()) => drop(delete.ok().await?),
        Err(stop) => {
            let _ = delete.anyway().await;
            return Err(stop);
        }
    }
    case.op("PluginInspect")
        .name(&name)
        .refused(&[404, UNSENT])
        .await?;
    Ok(())
}

async fn live(case: &Case<'_>, name: &str) -> Result<(), Stop> {
    let list = case.op("PluginList").ok().await?;
    case.check(
        "PluginList",
        lists(&list, "/Name", name),
        format!("{name} is not in {list}"),
    );
    let set = || case.op("PluginSet").name(name).body(json!(["WHO=us"]));
    set().ok().await?;
    if can_enable(case) {
        let inspect = case.op("PluginInspect").name(name).ok().await?;
        case.check(
            "PluginInspect",
            inspect["Name"] == name,
            format!("the answer is {inspect}"),
        );
        enable(case, name).ok().await?;
        let inspect = case.op("PluginInspect").name(name).ok().await?;
        case.check(
            "PluginEnable",
            inspect["Enabled"] == true,
            "it is not enabled",
        );
        let env = &inspect["Settings"]["Env"];
        let is_set = env
            .as_array()
            .is_some_and(|env| env.contains(&json!("WHO=us")));
        case.check("PluginSet", is_set, format!("the settings are {env}"));
        enable(case, name).refused(&[409, 500]).await?;
    } else {
        let enable = case.op("PluginEnable").name(name).aside();
        let enabled = enable.query("timeout", 30).by_aide().await;
        case.check(
            "PluginEnable",
            enabled,
            "the newest version cannot do it either",
        );
    }
    // It runs.
    set().refused(&[409, 500]).await?;
    case.op("PluginDelete")
        .name(name)
        .refused(&[409, 500])
        .await?;
    case.op("PluginDisable")
        .name(name)
        .query_if_known("force", true)
        .ok()
        .await?;
    case.op("PluginDisable")
        .name(name)
        .refused(&[409, 500])
        .await?;
    Ok(())
}

/// Whether the version can enable and inspect plugins as today's engines want it.
fn can_enable(case: &Case<'_>) -> bool {
    case.takes("PluginEnable", "timeout")
}

pub(super) async fn distribution(case: &Case<'_>) -> Outcome {
    if case.facts.is_podman || !case.facts.has_registries {
        return Ok(());
    }
    let name = format!("{}/{}:one", Registry::Open.address(), case.named("plugin"));
    create(case, &name).await?;
    let result = distribute(case, &name).await;
    let delete = case
        .op("PluginDelete")
        .name(&name)
        .query_if_known("force", true);
    let _ = delete.anyway().await;
    result
}

async fn distribute(case: &Case<'_>, name: &str) -> Result<(), Stop> {
    case.op("PluginPush").name(name).ok().await?;
    case.op("PluginDelete").name(name).ok().await?;
    let mut privileges = json!([]);
    if case.has("GetPluginPrivileges") {
        privileges = case
            .op("GetPluginPrivileges")
            .query("remote", name)
            .ok()
            .await?;
        case.check(
            "GetPluginPrivileges",
            privileges.is_array(),
            format!("{privileges}"),
        );
        let nonsense = case.op("GetPluginPrivileges").query("remote", "NOT/Valid!");
        nonsense.refused(&[400, 500]).await?;
    }
    let pull = |remote: &str| match case.takes("PluginPull", "remote") {
        true => case
            .op("PluginPull")
            .query("remote", remote)
            .query("name", name),
        false => case.op("PluginPull").query("name", remote),
    };
    if case.takes("PluginPull", "remote") {
        pull(name).body(privileges.clone()).ok().await?;
        let inspect = case.op("PluginInspect").name(name).ok().await?;
        case.check(
            "PluginPull",
            inspect["Name"] == name,
            format!("the answer is {inspect}"),
        );
    }
    let nobody = format!("{}/{NOBODY}:one", Registry::Open.address());
    pull(&nobody)
        .body(json!([]))
        .refused(&[0, 400, 404, 409, 500])
        .await?;
    if case.has("PluginUpgrade") {
        let upgrade = |name: &str| case.op("PluginUpgrade").name(name);
        let call = upgrade(name).query("remote", name).body(privileges.clone());
        call.ok().await?;
        upgrade(NOBODY)
            .query("remote", name)
            .body(privileges)
            .refused(&[404, 500])
            .await?;
    }
    Ok(())
}

pub(super) async fn refusals(case: &Case<'_>) -> Outcome {
    if case.facts.is_podman {
        return Ok(());
    }
    case.op("PluginInspect")
        .name(NOBODY)
        .refused(&[404, UNSENT])
        .await?;
    // Where nothing can be said about the time, today's engines find fault with that.
    enable(case, NOBODY).refused(&[404, 500]).await?;
    case.op("PluginDisable")
        .name(NOBODY)
        .refused(&[404])
        .await?;
    case.op("PluginDelete").name(NOBODY).refused(&[404]).await?;
    case.op("PluginPush")
        .name(NOBODY)
        .refused(&[0, 404, 500])
        .await?;
    case.op("PluginSet")
        .name(NOBODY)
        .body(json!(["A=b"]))
        .refused(&[404])
        .await?;
    if case.has("PluginCreate") {
        let create = case.op("PluginCreate").query("name", case.named("broken"));
        create
            .bytes(super::tar(&[("nothing", b"")]))
            .refused(&[400, 500])
            .await?;
    }
    if case.takes("PluginList", "filters") {
        let list = case
            .op("PluginList")
            .query("filters", json!({"nonsense": ["x"]}));
        list.refused(&[400, 500]).await?;
    }
    Ok(())
}
