//! What is done with each version, one file per group of operations.

mod archives;
mod build;
mod checkpoints;
mod containers;
mod exec;
mod images;
mod networks;
mod plugins;
mod podman;
mod registry;
mod services;
mod streams;
mod swarm;
mod system;
mod volumes;

use std::pin::Pin;

use serde_json::{Value, json};

use crate::case::{Case, Outcome, Stop};

/// A story that is told with one version on one engine.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Case<'a>) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>,
}

/// A scenario is called like the function that tells it.
macro_rules! scenarios {
    ($($file:ident: $($name:ident),+;)+) => {
        &[$($(Scenario {
            name: concat!(stringify!($file), "::", stringify!($name)),
            run: |case| Box::pin($file::$name(case)),
        }),+),+]
    };
}

pub(crate) const ALL: &[Scenario] = scenarios! {
    system: ping_and_version, usage, events, refusals;
    containers: life, conflicts, missing, wrong_input, prune;
    archives: copy, export;
    streams: attach, websocket, terminal, logs, session;
    exec: run, terminal, refusals;
    images: life, import, save_and_load, commit, refusals, prune;
    build: build, failures, cancel_and_prune;
    networks: life, refusals, prune;
    volumes: life, refusals, prune;
    checkpoints: list_and_refusals;
    registry: push_and_pull, login, refusals;
    plugins: life, distribution, refusals;
    swarm: refusals_without_a_swarm, nodes, secrets_and_configs, tokens_and_keys;
    services: life, refusals, tasks;
    podman: lacks;
};

/// The image that engines for tests have.
pub(crate) const IMAGE: &str = "alpine:latest";

/// The name of what does not exist.
pub(crate) const NOBODY: &str = "conformance-nobody";

/// A program that ends at once when it is told to.
pub(crate) const PATIENT: &str = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done";

/// What to create a container of, with `more` over it.
pub(crate) fn container(case: &Case<'_>, script: &str, more: Value) -> Value {
    let mut body = json!({
        "Image": IMAGE,
        "Cmd": ["/bin/sh", "-c", script],
        "Labels": case.label(),
    });
    merge(&mut body, more);
    body
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// Creates a container; its id.
pub(crate) async fn create(
    case: &Case<'_>,
    name: &str,
    script: &str,
    more: Value,
) -> Result<String, Stop> {
    let made = case
        .op("ContainerCreate")
        .query("name", case.named(name))
        .body(container(case, script, more))
        .ok()
        .await?;
    case.text("ContainerCreate", &made, "/Id")
}

/// Creates a container and starts it; its id.
pub(crate) async fn start(
    case: &Case<'_>,
    name: &str,
    script: &str,
    more: Value,
) -> Result<String, Stop> {
    let id = create(case, name, script, more).await?;
    case.op("ContainerStart").id(&id).ok().await?;
    Ok(id)
}

/// Whether a list has an item with this text at a JSON pointer.
pub(crate) fn lists(list: &Value, pointer: &str, text: &str) -> bool {
    let mut items = list.as_array().into_iter().flatten();
    items.any(|item| item.pointer(pointer).and_then(Value::as_str) == Some(text))
}

/// Tries again until it is so, for some seconds.
pub(crate) async fn eventually(
    case: &Case<'_>,
    operation: &'static str,
    what: &str,
    is_so: impl AsyncFn() -> Result<bool, Stop>,
) -> Outcome {
    for _ in 0..300 {
        if is_so().await? {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(case.wrong(operation, format!("not within 30 s: {what}")))
}

/// A tar of files.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_mtime(1_000_000_000);
        header.set_cksum();
        tar.append_data(&mut header, name, *content)
            .expect("a tar in memory");
    }
    tar.into_inner().expect("a tar in memory")
}

/// The files of a tar.
pub(crate) fn untar(bytes: &[u8]) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in tar::Archive::new(bytes).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.display().to_string();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content)?;
        files.push((name, content));
    }
    Ok(files)
}

/// Removes all that scenarios of this case can have left, if something went wrong or not.
pub(crate) async fn clear(case: &Case<'_>) {
    let lists = case
        .op("ContainerList")
        .query("all", true)
        .query("filters", case.ours());
    for container in items(lists.anyway().await) {
        if let Some(id) = container["Id"].as_str() {
            let _ = case.op("ContainerUnpause").id(id).anyway().await;
            let delete = case.op("ContainerDelete").id(id);
            let _ = delete.query("force", true).query("v", true).anyway().await;
        }
    }
    for network in items(
        case.op("NetworkList")
            .query("filters", case.ours())
            .anyway()
            .await,
    ) {
        if let Some(id) = network["Id"].as_str() {
            let _ = case.op("NetworkDelete").id(id).anyway().await;
        }
    }
    let volumes = case
        .op("VolumeList")
        .query("filters", case.ours())
        .anyway()
        .await;
    for volume in items(volumes.map(|mut answer| answer["Volumes"].take())) {
        if let Some(name) = volume["Name"].as_str() {
            let _ = case.op("VolumeDelete").name(name).anyway().await;
        }
    }
    for image in items(case.op("ImageList").anyway().await) {
        for tag in image["RepoTags"].as_array().into_iter().flatten() {
            if let Some(tag) = tag
                .as_str()
                .filter(|tag| tag.contains(&format!("{}-", case.prefix)))
            {
                let _ = case
                    .op("ImageDelete")
                    .name(tag)
                    .query("force", true)
                    .anyway()
                    .await;
            }
        }
    }
}

fn items(list: Option<Value>) -> Vec<Value> {
    match list {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}
