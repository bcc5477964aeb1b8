//! The daemon itself.

use serde_json::{Value, json};

use super::lists;
use crate::case::{Case, Outcome, Stop};

pub(super) async fn ping_and_version(case: &Case<'_>) -> Outcome {
    let pong = case.op("SystemPing").ok().await?;
    case.check("SystemPing", pong == "OK", format!("the answer is {pong}"));
    if case.has("SystemPingHead") {
        let head = case.op("SystemPingHead").ok().await?;
        let has_version = head.as_str().is_some_and(|text| text.contains("\"1."));
        case.check(
            "SystemPingHead",
            has_version,
            format!("no version in {head}"),
        );
    }
    let version = case.op("SystemVersion").ok().await?;
    case.text("SystemVersion", &version, "/Version")?;
    let api = case.text("SystemVersion", &version, "/ApiVersion")?;
    case.check(
        "SystemVersion",
        api.starts_with("1."),
        format!("the API's version is {api}"),
    );
    let info = case.op("SystemInfo").ok().await?;
    case.text("SystemInfo", &info, "/OperatingSystem")?;
    let cpus = info["NCPU"].as_u64().unwrap_or_default();
    case.check("SystemInfo", cpus > 0, "there are no CPUs");
    Ok(())
}

pub(super) async fn usage(case: &Case<'_>) -> Outcome {
    if !case.has("SystemDataUsage") {
        return Ok(());
    }
    let usage = case.op("SystemDataUsage").ok().await?;
    case.check(
        "SystemDataUsage",
        usage.is_object(),
        format!("the answer is {usage}"),
    );
    if case.takes("SystemDataUsage", "type") && !case.facts.is_podman {
        let some = case
            .op("SystemDataUsage")
            .query("type", json!(["volume"]))
            .ok()
            .await?;
        let others = &some["Images"];
        case.check(
            "SystemDataUsage",
            others.as_array().is_none_or(Vec::is_empty),
            "there are images",
        );
        let nonsense = case
            .op("SystemDataUsage")
            .query("type", json!(["nonsense"]));
        nonsense.refused(&[400]).await?;
    }
    Ok(())
}

pub(super) async fn events(case: &Case<'_>) -> Outcome {
    let id = super::start(case, "seen", "true", json!({})).await?;
    case.op("ContainerWait").id(&id).ok().await?;
    // Podman stops reading its log of events when `until` has come, read or not: a busy one needs more time.
    let seconds: &[u64] = if case.facts.is_podman {
        &[1, 5, 20]
    } else {
        &[1]
    };
    let mut events = Value::Null;
    for seconds in seconds {
        events = events_of(case, &id, *seconds).await?;
        if events.as_array().is_some_and(|events| !events.is_empty()) {
            break;
        }
    }
    let is_seen = lists(&events, "/Action", "start") && lists(&events, "/Actor/ID", &id);
    case.check(
        "SystemEvents",
        is_seen,
        format!("no container starts in {events}"),
    );
    Ok(())
}

/// What happened to a container in the ten minutes before now and in the seconds after.
async fn events_of(case: &Case<'_>, id: &str, seconds: u64) -> Result<Value, Stop> {
    let until = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.as_secs() + seconds);
    let since = until.saturating_sub(600);
    case.op("SystemEvents")
        .query("since", since.to_string())
        .query("until", until.to_string())
        .query("filters", json!({"type": ["container"], "container": [id]}))
        .ok()
        .await
}

pub(super) async fn refusals(case: &Case<'_>) -> Outcome {
    if case.facts.is_podman {
        // It takes no notice.
        return Ok(());
    }
    let nonsense = case
        .op("SystemEvents")
        .query("since", "nonsense")
        .query("until", "1");
    nonsense.refused(&[400, 500]).await?;
    Ok(())
}
