//! Files in and out of containers.

use serde_json::json;

use super::{NOBODY, create, start, tar, untar};
use crate::case::{Case, Outcome};

pub(super) async fn copy(case: &Case<'_>) -> Outcome {
    let id = create(case, "copy", "true", json!({})).await?;
    let sent = tar(&[("hello.txt", b"hello")]);
    let put = case.op("PutContainerArchive").id(&id).query("path", "/tmp");
    put.bytes(sent.clone()).ok().await?;
    let head = case.op("ContainerArchiveInfo").id(&id);
    head.query("path", "/tmp/hello.txt").ok().await?;
    let got = case
        .op("ContainerArchive")
        .id(&id)
        .query("path", "/tmp/hello.txt");
    let files = case.due("ContainerArchive", untar(&got.content().await?))?;
    let is_same = files == [("hello.txt".to_owned(), b"hello".to_vec())];
    case.check(
        "ContainerArchive",
        is_same,
        format!("other files: {files:?}"),
    );

    for operation in ["ContainerArchive", "ContainerArchiveInfo"] {
        let missing = case.op(operation).id(&id).query("path", "/no/such");
        missing.refused(&[404]).await?;
        case.op(operation)
            .id(NOBODY)
            .query("path", "/")
            .refused(&[404])
            .await?;
    }
    let put = case
        .op("PutContainerArchive")
        .id(NOBODY)
        .query("path", "/tmp");
    put.bytes(sent.clone()).refused(&[404]).await?;
    if !case.facts.is_podman {
        // Podman makes the folder.
        let put = case
            .op("PutContainerArchive")
            .id(&id)
            .query("path", "/no/such");
        put.bytes(sent).refused(&[404]).await?;
    }
    Ok(())
}

pub(super) async fn export(case: &Case<'_>) -> Outcome {
    let id = start(
        case,
        "export",
        "echo changed > /tmp/new; rm /etc/hosts; true",
        json!({}),
    )
    .await?;
    case.op("ContainerWait").id(&id).ok().await?;
    let changes = case.op("ContainerChanges").id(&id).ok().await?;
    let is_new = changes
        .as_array()
        .into_iter()
        .flatten()
        .any(|change| change["Path"] == "/tmp/new" && change["Kind"] == 1);
    case.check(
        "ContainerChanges",
        is_new,
        format!("no new file in {changes}"),
    );
    let files = case.op("ContainerExport").id(&id).content().await?;
    let files = case.due("ContainerExport", untar(&files))?;
    let is_there = files
        .iter()
        .any(|(name, content)| name.ends_with("tmp/new") && content == b"changed\n");
    case.check("ContainerExport", is_there, "the new file is not there");
    Ok(())
}
