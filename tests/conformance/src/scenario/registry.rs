//! Images and registries: those of the engine's own network.

use serde_json::{Value, json};
use xtask::engine::Registry;

use super::IMAGE;
use crate::case::{Case, Outcome};

const AUTH: &str = "X-Registry-Auth";

pub(super) async fn push_and_pull(case: &Case<'_>) -> Outcome {
    if !case.facts.has_registries {
        return Ok(());
    }
    let repo = format!("{}/{}", Registry::Open.address(), case.named("pushed"));
    let name = format!("{repo}:one");
    let tag = case.op("ImageTag").name(IMAGE).query("repo", repo.as_str());
    tag.query("tag", "one").ok().await?;
    let push = case
        .op("ImagePush")
        .name(&repo)
        .query("tag", "one")
        .header(AUTH, json!({}));
    let progress = push.ok().await?;
    let is_pushed = progress.to_string().contains("digest") || case.facts.is_podman;
    case.check("ImagePush", is_pushed, format!("no digest in {progress}"));
    if case.has("DistributionInspect") {
        let inspect = case.op("DistributionInspect").name(&name);
        if case.facts.is_podman {
            inspect.refused(&[404]).await?;
        } else {
            let inspect = inspect.ok().await?;
            let digest = case.text("DistributionInspect", &inspect, "/Descriptor/digest")?;
            case.check("DistributionInspect", digest.starts_with("sha256:"), digest);
        }
    }
    case.op("ImageDelete").name(&name).ok().await?;
    let pull = case
        .op("ImageCreate")
        .query("fromImage", repo.as_str())
        .query("tag", "one");
    let progress = pull.header(AUTH, json!({})).ok().await?;
    let count = progress.as_array().map_or(0, Vec::len);
    case.check("ImageCreate", count > 0, "it says nothing");
    case.op("ImageInspect").name(&name).ok().await?;
    let pull = case
        .op("ImageCreate")
        .query("fromImage", repo.as_str())
        .query("tag", "none");
    pull.refused(&[0, 404, 500]).await?;
    let push = case
        .op("ImagePush")
        .name(&repo)
        .query("tag", "none")
        .header(AUTH, json!({}));
    push.refused(&[0, 404, 500]).await?;
    Ok(())
}

fn account() -> Value {
    json!({
        "username": Registry::USER,
        "password": Registry::PASSWORD,
        "serveraddress": Registry::Closed.address(),
    })
}

pub(super) async fn login(case: &Case<'_>) -> Outcome {
    if !case.facts.has_registries {
        return Ok(());
    }
    if case.facts.is_podman {
        case.op("SystemAuth")
            .body(account())
            .refused(&[500])
            .await?;
        return Ok(());
    }
    case.op("SystemAuth").body(account()).ok().await?;
    let mut stranger = account();
    stranger["password"] = json!("wrong");
    // A refusal by the registry is a failure of the daemon's, whatever the description says.
    case.op("SystemAuth")
        .body(stranger.clone())
        .refused(&[401, 500])
        .await?;

    let repo = format!("{}/{}", Registry::Closed.address(), case.named("closed"));
    let tag = case.op("ImageTag").name(IMAGE).query("repo", repo.as_str());
    tag.query("tag", "one").ok().await?;
    let push = |auth: Value| {
        case.op("ImagePush")
            .name(&repo)
            .query("tag", "one")
            .header(AUTH, auth)
    };
    push(stranger).refused(&[0, 401, 500]).await?;
    push(account()).ok().await?;
    let pull = || {
        case.op("ImageCreate")
            .query("fromImage", repo.as_str())
            .query("tag", "one")
    };
    pull().refused(&[0, 401, 404, 500]).await?;
    pull().header(AUTH, account()).ok().await?;
    if case.has("DistributionInspect") && !case.facts.is_podman {
        let name = format!("{repo}:one");
        case.op("DistributionInspect")
            .name(&name)
            .refused(&[401, 403, 500])
            .await?;
        case.op("DistributionInspect")
            .name(&name)
            .header(AUTH, account())
            .ok()
            .await?;
    }
    Ok(())
}

/// Engines for tests reach no registry that can be searched.
pub(super) async fn refusals(case: &Case<'_>) -> Outcome {
    if !case.facts.engine.is_private() {
        return Ok(());
    }
    let search = case
        .op("ImageSearch")
        .query("term", "127.0.0.1:1/conformance");
    search.refused(&[400, 404, 500, 503]).await?;
    Ok(())
}
