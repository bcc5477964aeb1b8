//! Images, without a registry.

use serde_json::{Value, json};

use super::{IMAGE, NOBODY, create, tar, untar};
use crate::case::{Case, Outcome};

pub(super) async fn life(case: &Case<'_>) -> Outcome {
    let repo = case.named("life");
    let name = format!("{repo}:one");
    let tag = case.op("ImageTag").name(IMAGE).query("repo", repo.as_str());
    tag.query("tag", "one").ok().await?;
    let inspect = case.op("ImageInspect").name(&name).ok().await?;
    let id = case.text("ImageInspect", &inspect, "/Id")?;
    let list = case.op("ImageList").query("all", true).ok().await?;
    let is_listed = list
        .as_array()
        .into_iter()
        .flatten()
        .any(|image| is_called(image, &name));
    case.check("ImageList", is_listed, format!("{name} is not in {list}"));
    let history = case.op("ImageHistory").name(&name).ok().await?;
    let is_there = history.as_array().is_some_and(|layers| !layers.is_empty());
    case.check(
        "ImageHistory",
        is_there && history[0]["Id"].is_string(),
        format!("{history}"),
    );
    let deleted = case.op("ImageDelete").name(&name).ok().await?;
    let is_untagged = deleted.as_array().into_iter().flatten().any(|item| {
        item["Untagged"]
            .as_str()
            .is_some_and(|text| text.contains(&repo))
    });
    case.check(
        "ImageDelete",
        is_untagged,
        format!("{name} is not in {deleted}"),
    );
    case.op("ImageInspect").name(&name).refused(&[404]).await?;
    // The other names stay.
    let inspect = case.op("ImageInspect").name(IMAGE).ok().await?;
    case.check(
        "ImageDelete",
        inspect["Id"] == id.as_str(),
        "another image has its name",
    );
    Ok(())
}

fn is_called(image: &Value, name: &str) -> bool {
    let tags = image["RepoTags"].as_array().into_iter().flatten();
    tags.filter_map(Value::as_str)
        .any(|tag| tag == name || tag.ends_with(&format!("/{name}")))
}

pub(super) async fn import(case: &Case<'_>) -> Outcome {
    let repo = case.named("import");
    let import = case
        .op("ImageCreate")
        .query("fromSrc", "-")
        .query("repo", repo.as_str());
    let root = tar(&[("hello.txt", b"hello")]);
    let progress = import.query("tag", "one").bytes(root).ok().await?;
    let said = progress
        .as_array()
        .and_then(|lines| lines.last())
        .cloned()
        .unwrap_or_default();
    let id = case.text("ImageCreate", &said, "/status")?;
    let inspect = case.op("ImageInspect").name(&id).ok().await?;
    case.text("ImageInspect", &inspect, "/Id")?;
    case.op("ImageDelete").name(&id).ok().await?;
    Ok(())
}

pub(super) async fn save_and_load(case: &Case<'_>) -> Outcome {
    let repo = case.named("saved");
    for tag in ["one", "two"] {
        let call = case.op("ImageTag").name(IMAGE).query("repo", repo.as_str());
        call.query("tag", tag).ok().await?;
    }
    let (one, two) = (format!("{repo}:one"), format!("{repo}:two"));
    let saved = case.op("ImageGet").name(&one).content().await?;
    let files = case.due("ImageGet", untar(&saved))?;
    let has_manifest = files.iter().any(|(name, _)| name == "manifest.json");
    case.check("ImageGet", has_manifest, "there is no manifest.json");
    let both = case
        .op("ImageGetAll")
        .query("names", json!([one, two]))
        .content()
        .await?;
    let files = case.due("ImageGetAll", untar(&both))?;
    let manifest = files.iter().find(|(name, _)| name == "manifest.json");
    let names = manifest.map(|(_, text)| String::from_utf8_lossy(text).into_owned());
    let names = names.unwrap_or_default();
    let has_both = names.contains(":one") && names.contains(":two");
    case.check(
        "ImageGetAll",
        has_both,
        format!("not both of them: {names}"),
    );
    case.op("ImageDelete").name(&one).ok().await?;
    case.op("ImageDelete").name(&two).ok().await?;
    let load = case
        .op("ImageLoad")
        .query("quiet", true)
        .bytes(both)
        .ok()
        .await?;
    let is_said = load.to_string().contains(&repo);
    case.check(
        "ImageLoad",
        is_said,
        format!("it does not name the image: {load}"),
    );
    case.op("ImageInspect").name(&one).ok().await?;
    case.op("ImageInspect").name(&two).ok().await?;
    Ok(())
}

pub(super) async fn commit(case: &Case<'_>) -> Outcome {
    let id = create(case, "commit", "true", json!({})).await?;
    let repo = case.named("commit");
    let commit = case.op("ImageCommit").query("container", id.as_str());
    let commit = commit.query("repo", repo.as_str()).query("tag", "one");
    let body = json!({"Labels": {"conformance": "yes"}});
    let made = commit.query("comment", "a comment").body(body).ok().await?;
    let image = made.get("Id").or(made.get("ID")).and_then(Value::as_str);
    case.check(
        "ImageCommit",
        image.is_some_and(|id| !id.is_empty()),
        format!("{made}"),
    );
    let inspect = case
        .op("ImageInspect")
        .name(&format!("{repo}:one"))
        .ok()
        .await?;
    let comment = &inspect["Comment"];
    case.check(
        "ImageCommit",
        comment == "a comment",
        format!("the comment is {comment}"),
    );
    let commit = case.op("ImageCommit").query("container", NOBODY);
    commit.body(json!({})).refused(&[404]).await?;
    Ok(())
}

pub(super) async fn refusals(case: &Case<'_>) -> Outcome {
    for operation in ["ImageInspect", "ImageHistory", "ImageDelete"] {
        let error = case.op(operation).name(NOBODY).refused(&[404]).await?;
        let is_missing = error.is_not_found() || case.facts.is_podman;
        case.check(operation, is_missing, "it is not called missing");
    }
    case.op("ImageGet")
        .name(NOBODY)
        .refused(&[404, 500])
        .await?;
    case.op("ImageGetAll")
        .query("names", json!([NOBODY]))
        .refused(&[404, 500])
        .await?;
    let tag = || case.op("ImageTag").query("repo", case.named("tag"));
    tag().name(NOBODY).refused(&[404]).await?;
    let wrong = case.op("ImageTag").name(IMAGE).query("repo", "NOT/Valid!");
    wrong.refused(&[400, 500]).await?;
    case.op("ImageLoad")
        .bytes(&b"this is no tar"[..])
        .refused(&[0, 400, 500])
        .await?;
    let list = case
        .op("ImageList")
        .query("filters", json!({"nonsense": ["x"]}));
    list.refused(&[400, 500]).await?;
    // In use.
    let id = create(case, "user", "true", json!({})).await?;
    let inspect = case.op("ImageInspect").name(IMAGE).ok().await?;
    let image = case.text("ImageInspect", &inspect, "/Id")?;
    case.op("ImageDelete").name(&image).refused(&[409]).await?;
    case.op("ContainerDelete").id(&id).ok().await?;
    Ok(())
}

pub(super) async fn prune(case: &Case<'_>) -> Outcome {
    if !case.has("ImagePrune") {
        return Ok(());
    }
    let pruned = case
        .op("ImagePrune")
        .query("filters", case.ours())
        .ok()
        .await?;
    case.check(
        "ImagePrune",
        pruned.is_object(),
        format!("the answer is {pruned}"),
    );
    let nonsense = json!({"nonsense": ["x"]});
    case.op("ImagePrune")
        .query("filters", nonsense)
        .refused(&[400, 500])
        .await?;
    Ok(())
}
