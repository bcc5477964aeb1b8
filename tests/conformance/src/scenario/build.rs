//! Building images, with the classic builder.

use serde_json::{Value, json};

use super::tar;
use crate::case::{Case, Outcome};

pub(super) async fn build(case: &Case<'_>) -> Outcome {
    let file = b"FROM alpine:latest\nARG WHO\nRUN echo built by $WHO\nLABEL conformance=yes\n";
    let name = format!("{}:one", case.named("build"));
    let progress = case
        .op("ImageBuild")
        .query("t", json!([name]))
        .query("buildargs", json!({"WHO": "us"}))
        .query("labels", case.label())
        .query("rm", true)
        .query("forcerm", true)
        .query("nocache", true)
        .bytes(tar(&[("Dockerfile", file)]))
        .ok()
        .await?;
    let said: String = progress
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|line| line["stream"].as_str())
        .collect();
    case.check(
        "ImageBuild",
        said.contains("built by us"),
        format!("it says {said:?}"),
    );
    let inspect = case.op("ImageInspect").name(&name).ok().await?;
    let label = inspect["Config"]["Labels"]
        .get("conformance")
        .and_then(Value::as_str);
    case.check(
        "ImageBuild",
        label == Some("yes"),
        "the image has no such label",
    );
    Ok(())
}

pub(super) async fn failures(case: &Case<'_>) -> Outcome {
    let failing = tar(&[("Dockerfile", b"FROM alpine:latest\nRUN exit 9\n")]);
    let build = case
        .op("ImageBuild")
        .query("rm", true)
        .query("forcerm", true);
    let error = build
        .query("labels", case.label())
        .bytes(failing)
        .refused(&[0, 500])
        .await?;
    let has_code = error.code() == Some(9) || case.facts.is_podman;
    case.check("ImageBuild", has_code, format!("no code 9: {error:?}"));
    let empty = case.op("ImageBuild").bytes(tar(&[("nothing", b"")]));
    empty.refused(&[0, 400, 500]).await?;
    Ok(())
}

pub(super) async fn cancel_and_prune(case: &Case<'_>) -> Outcome {
    if case.facts.is_podman {
        return Ok(());
    }
    if case.has("BuildPrune") {
        let pruned = case.op("BuildPrune").ok().await?;
        case.check(
            "BuildPrune",
            pruned.is_object(),
            format!("the answer is {pruned}"),
        );
    }
    if case.takes("BuildPrune", "filters") {
        let prune = case
            .op("BuildPrune")
            .query("filters", json!({"until": ["nonsense"]}));
        prune.refused(&[400, 500]).await?;
    }
    if case.has("BuildCancel") {
        // Whoever is not there is cancelled already.
        case.op("BuildCancel")
            .query("id", "conformance-nobody")
            .ok()
            .await?;
        case.op("BuildCancel")
            .query("id", "")
            .refused(&[400, 500])
            .await?;
    }
    Ok(())
}
