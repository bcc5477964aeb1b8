//! A swarm of one node.

use serde_json::{Value, json};

use super::NOBODY;
use crate::case::{Case, Outcome, Stop};

/// What a node that is in no swarm answers; 406 in the past.
const NO_SWARM: &[u16] = &[406, 503];

/// Whether there can be a swarm that is nobody's but ours.
pub(super) fn can_be(case: &Case<'_>) -> bool {
    !case.facts.is_podman && case.facts.engine.is_private()
}

/// Tells a story inside a swarm of its own.
pub(super) async fn inside(case: &Case<'_>, story: impl AsyncFn() -> Outcome) -> Outcome {
    let init = json!({
        "ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": "127.0.0.1", "ForceNewCluster": false,
        "Spec": {},
    });
    let node = case.op("SwarmInit").body(init).ok().await?;
    let is_id = node.as_str().is_some_and(|id| !id.is_empty());
    case.check("SwarmInit", is_id, format!("the answer is {node}"));
    let result = story().await;
    leave(case, result).await
}

async fn leave(case: &Case<'_>, result: Outcome) -> Outcome {
    let leave = case.op("SwarmLeave").query("force", true);
    match result {
        Ok(()) => leave.ok().await.map(drop),
        Err(stop) => {
            let _ = leave.anyway().await;
            Err(stop)
        }
    }
}

/// What an update of something has to know: its version.
pub(super) fn index(case: &Case<'_>, operation: &'static str, answer: &Value) -> Result<u64, Stop> {
    let index = answer["Version"]["Index"].as_u64();
    index.ok_or_else(|| case.wrong(operation, format!("no version in {answer}")))
}

pub(super) async fn refusals_without_a_swarm(case: &Case<'_>) -> Outcome {
    if !can_be(case) {
        return Ok(());
    }
    for operation in [
        "SwarmInspect",
        "SwarmUnlockkey",
        "SwarmLeave",
        "NodeList",
        "ServiceList",
        "TaskList",
        "SecretList",
        "ConfigList",
    ] {
        if case.has(operation) {
            case.op(operation).refused(NO_SWARM).await?;
        }
    }
    for operation in [
        "NodeInspect",
        "NodeDelete",
        "ServiceInspect",
        "ServiceDelete",
        "TaskInspect",
        "SecretInspect",
        "SecretDelete",
        "ConfigInspect",
        "ConfigDelete",
    ] {
        if case.has(operation) {
            case.op(operation).id(NOBODY).refused(NO_SWARM).await?;
        }
    }
    for operation in ["ServiceLogs", "TaskLogs"] {
        if case.has(operation) {
            let logs = case.op(operation).id(NOBODY).query("stdout", true);
            logs.refused(&[404, 406, 503]).await?;
        }
    }
    if case.has("SwarmUnlock") {
        case.op("SwarmUnlock")
            .body(json!({"UnlockKey": "none"}))
            .refused(NO_SWARM)
            .await?;
    }
    let update = case.op("SwarmUpdate").query("version", 1);
    update
        .body(json!({"Name": "default"}))
        .refused(NO_SWARM)
        .await?;
    let init = json!({"ListenAddr": "nonsense", "AdvertiseAddr": "nonsense"});
    case.op("SwarmInit").body(init).refused(&[400, 500]).await?;
    Ok(())
}

pub(super) async fn nodes(case: &Case<'_>) -> Outcome {
    if !can_be(case) {
        return Ok(());
    }
    inside(case, async || {
        let list = case.op("NodeList").ok().await?;
        let id = case.text("NodeList", &list, "/0/ID")?;
        let inspect = case.op("NodeInspect").id(&id).ok().await?;
        case.check(
            "NodeInspect",
            inspect["ID"] == id.as_str(),
            format!("the answer is {inspect}"),
        );
        let version = index(case, "NodeInspect", &inspect)?;
        let spec = json!({
            "Labels": {"conformance": "yes"}, "Role": "manager", "Availability": "active",
        });
        let update = |version| {
            let update = case.op("NodeUpdate").id(&id).query("version", version);
            update.body(spec.clone())
        };
        update(version).ok().await?;
        let inspect = case.op("NodeInspect").id(&id).ok().await?;
        let label = &inspect["Spec"]["Labels"]["conformance"];
        case.check(
            "NodeUpdate",
            label == "yes",
            format!("the label is {label}"),
        );
        // That version is gone.
        update(version).refused(&[400, 409, 500]).await?;
        case.op("NodeInspect").id(NOBODY).refused(&[404]).await?;
        // It is up, and the only one.
        case.op("NodeDelete")
            .id(&id)
            .refused(&[400, 409, 500])
            .await?;
        case.op("NodeDelete").id(NOBODY).refused(&[404]).await?;
        let nonsense = json!({"nonsense": ["x"]});
        case.op("NodeList")
            .query("filters", nonsense)
            .refused(&[400, 500])
            .await?;
        Ok(())
    })
    .await
}

/// The operations of secrets, and those of configs, which are alike.
struct Kind {
    list: &'static str,
    create: &'static str,
    inspect: &'static str,
    update: &'static str,
    delete: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind {
        list: "SecretList",
        create: "SecretCreate",
        inspect: "SecretInspect",
        update: "SecretUpdate",
        delete: "SecretDelete",
    },
    Kind {
        list: "ConfigList",
        create: "ConfigCreate",
        inspect: "ConfigInspect",
        update: "ConfigUpdate",
        delete: "ConfigDelete",
    },
];

pub(super) async fn secrets_and_configs(case: &Case<'_>) -> Outcome {
    if case.facts.is_podman && case.has("SecretCreate") {
        // Its secrets need no swarm.
        return kept(case, &KINDS[0]).await;
    }
    if !can_be(case) {
        return Ok(());
    }
    inside(case, async || {
        for kind in KINDS {
            if case.has(kind.create) {
                kept(case, &kind).await?;
            }
        }
        Ok(())
    })
    .await
}

async fn kept(case: &Case<'_>, kind: &Kind) -> Outcome {
    let name = case.named("kept");
    let spec = |label: &str| {
        // "kept", in base64.
        json!({"Name": name, "Labels": {"conformance": label}, "Data": "a2VwdA=="})
    };
    let made = case.op(kind.create).body(spec("one")).ok().await?;
    let id = made
        .get("ID")
        .or(made.get("Id"))
        .cloned()
        .unwrap_or_default();
    let id = case.text(kind.create, &json!({"ID": id}), "/ID")?;
    let list = case.op(kind.list).ok().await?;
    case.check(
        kind.list,
        super::lists(&list, "/ID", &id),
        format!("{id} is not in {list}"),
    );
    let inspect = case.op(kind.inspect).id(&id).ok().await?;
    let is_named = inspect["Spec"]["Name"] == name.as_str();
    case.check(kind.inspect, is_named, format!("the answer is {inspect}"));
    if case.has(kind.update) && !case.facts.is_podman {
        let version = index(case, kind.inspect, &inspect)?;
        let update = |version, id| {
            let update = case.op(kind.update).id(id).query("version", version);
            update.body(spec("two"))
        };
        update(version, &id).ok().await?;
        let inspect = case.op(kind.inspect).id(&id).ok().await?;
        let label = &inspect["Spec"]["Labels"]["conformance"];
        case.check(kind.update, label == "two", format!("the label is {label}"));
        update(1, NOBODY).refused(&[404]).await?;
    }
    case.op(kind.create)
        .body(spec("one"))
        .refused(&[409])
        .await?;
    let nonsense = json!({"nonsense": ["x"]});
    case.op(kind.list)
        .query("filters", nonsense)
        .refused(&[400, 500])
        .await?;
    case.op(kind.delete).id(&id).ok().await?;
    case.op(kind.inspect).id(&id).refused(&[404]).await?;
    case.op(kind.delete).id(&id).refused(&[404]).await?;
    Ok(())
}

pub(super) async fn tokens_and_keys(case: &Case<'_>) -> Outcome {
    if !can_be(case) {
        return Ok(());
    }
    inside(case, async || {
        let init = json!({"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": "127.0.0.1"});
        case.op("SwarmInit")
            .body(init)
            .refused(&[400, 406, 503])
            .await?;
        let join = json!({
            "ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": "127.0.0.1",
            "RemoteAddrs": ["127.0.0.1:2377"], "JoinToken": "none",
        });
        case.op("SwarmJoin")
            .body(join)
            .refused(&[400, 406, 503])
            .await?;
        // The last manager does not just go.
        case.op("SwarmLeave").refused(&[400, 406, 500, 503]).await?;

        let swarm = case.op("SwarmInspect").ok().await?;
        let token = case.text("SwarmInspect", &swarm, "/JoinTokens/Worker")?;
        let update = |swarm: &Value, mut spec: Value| {
            if let (false, Some(spec)) = (case.has("SwarmUnlock"), spec.as_object_mut()) {
                // Today's engines have it in every version, but it is not for all of them to set.
                spec.remove("EncryptionConfig");
            }
            let version = index(case, "SwarmInspect", swarm)?;
            Ok(case.op("SwarmUpdate").query("version", version).body(spec))
        };
        let rotate = update(&swarm, swarm["Spec"].clone())?.query("rotateWorkerToken", true);
        rotate.ok().await?;
        let rotated = case.op("SwarmInspect").ok().await?;
        let other = case.text("SwarmInspect", &rotated, "/JoinTokens/Worker")?;
        case.check("SwarmUpdate", other != token, "the token is the same");
        // That version is gone.
        update(&swarm, swarm["Spec"].clone())?
            .refused(&[400, 409, 500])
            .await?;
        if !case.has("SwarmUnlock") {
            return Ok(());
        }
        let key = json!({"UnlockKey": "SWMKEY-1-7c37Cc8654o6p38HnroywCi19pllOnGtbdZEgtKxZu8"});
        case.op("SwarmUnlock")
            .body(key.clone())
            .refused(&[409])
            .await?;
        let mut spec = rotated["Spec"].clone();
        spec["EncryptionConfig"] = json!({"AutoLockManagers": true});
        update(&rotated, spec)?.ok().await?;
        let answer = case.op("SwarmUnlockkey").ok().await?;
        let own = case.text("SwarmUnlockkey", &answer, "/UnlockKey")?;
        case.due("SwarmUnlock", case.facts.engine.restart())?;
        case.op("NodeList").refused(&[503, 500]).await?;
        case.op("SwarmUnlock")
            .body(key)
            .refused(&[400, 401, 500, 503])
            .await?;
        case.op("SwarmUnlock")
            .body(json!({"UnlockKey": own}))
            .ok()
            .await?;
        super::eventually(
            case,
            "SwarmUnlock",
            "the swarm is there again",
            async || Ok(case.op("NodeList").anyway().await.is_some()),
        )
        .await
    })
    .await
}
