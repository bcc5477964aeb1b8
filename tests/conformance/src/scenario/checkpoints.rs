//! Checkpoints, which a daemon has in its experimental mode and makes with CRIU.

use serde_json::json;

use super::{NOBODY, PATIENT, start};
use crate::case::{Case, Outcome};

pub(super) async fn list_and_refusals(case: &Case<'_>) -> Outcome {
    // Others need not be in that mode.
    let is_ours = case.facts.engine.is_private() && !case.facts.is_podman;
    if !case.has("CheckpointList") || !is_ours {
        return Ok(());
    }
    let id = start(case, "checkpoint", PATIENT, json!({})).await?;
    let list = case.op("CheckpointList").id(&id).ok().await?;
    let is_empty = list.as_array().is_none_or(Vec::is_empty);
    case.check(
        "CheckpointList",
        is_empty,
        format!("there are some: {list}"),
    );
    case.op("CheckpointList").id(NOBODY).refused(&[404]).await?;
    let checkpoint = || json!({"CheckpointID": "one", "Exit": false});
    case.op("CheckpointCreate")
        .id(NOBODY)
        .body(checkpoint())
        .refused(&[404])
        .await?;
    let delete = case
        .op("CheckpointDelete")
        .id(&id)
        .path("checkpoint", "none");
    delete.refused(&[404, 500]).await?;
    Ok(())
}
