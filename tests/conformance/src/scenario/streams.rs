//! What containers read and write.

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::{NOBODY, create, start};
use crate::ask::{converse, read_until};
use crate::case::{Case, Outcome};

pub(super) async fn attach(case: &Case<'_>) -> Outcome {
    let stdin = json!({"OpenStdin": true, "StdinOnce": true, "AttachStdin": true});
    let id = create(case, "attach", "cat; echo wrong >&2; exit 4", stdin).await?;
    let attach = case.op("ContainerAttach").id(&id);
    let attach = ["stream", "stdin", "stdout", "stderr"]
        .into_iter()
        .fold(attach, |attach, name| attach.query(name, true));
    let connection = attach.upgraded().await?;
    case.op("ContainerStart").id(&id).ok().await?;
    let written = case.due("ContainerAttach", converse(connection, b"said\n").await)?;
    let is_right = written.out == "said\n" && written.err == "wrong\n";
    case.check("ContainerAttach", is_right, format!("{written:?}"));
    let exit = case.op("ContainerWait").id(&id).ok().await?;
    case.check(
        "ContainerWait",
        exit["StatusCode"] == 4,
        format!("the answer is {exit}"),
    );
    let attach = case.op("ContainerAttach").id(NOBODY).query("stream", true);
    attach.query("stdout", true).refused(&[404]).await?;
    Ok(())
}

pub(super) async fn websocket(case: &Case<'_>) -> Outcome {
    let tty = json!({"Tty": true, "OpenStdin": true});
    let id = start(
        case,
        "websocket",
        "sleep 0.5; echo through a socket; cat",
        tty,
    )
    .await?;
    let attach = || {
        case.op("ContainerAttachWebsocket")
            .query("stream", true)
            .query_if_known("stdout", true)
            .extra("Upgrade", "websocket")
            .extra("Sec-WebSocket-Version", "13")
            .extra("Sec-WebSocket-Key", "Y29uZm9ybWFuY2Ugb25seQ==")
            .extra("Origin", "http://localhost")
    };
    if case.facts.is_podman {
        return Ok(());
    }
    let mut connection = attach().id(&id).query("logs", true).upgraded().await?;
    let read = read_until(&mut connection, b"through a socket").await;
    case.due("ContainerAttachWebsocket", read)?;
    drop(connection);
    attach().id(NOBODY).refused(&[404]).await?;
    case.op("ContainerKill").id(&id).ok().await?;
    Ok(())
}

pub(super) async fn terminal(case: &Case<'_>) -> Outcome {
    let tty = json!({"Tty": true, "OpenStdin": true});
    let id = create(
        case,
        "terminal",
        "read line; stty size; echo \"[$line]\"",
        tty,
    )
    .await?;
    let attach = case.op("ContainerAttach").id(&id);
    let attach = ["stream", "stdin", "stdout"]
        .into_iter()
        .fold(attach, |attach, name| attach.query(name, true));
    let mut connection = attach.upgraded().await?;
    case.check(
        "ContainerAttach",
        connection.is_tty() == Some(true),
        "it is no terminal",
    );
    case.op("ContainerStart").id(&id).ok().await?;
    case.op("ContainerResize")
        .id(&id)
        .query("h", 33)
        .query("w", 99)
        .ok()
        .await?;
    case.due("ContainerAttach", connection.write_all(b"typed\n").await)?;
    let read = read_until(&mut connection, b"[typed]").await;
    let read = case.due("ContainerAttach", read)?;
    let text = String::from_utf8_lossy(&read).into_owned();
    case.check(
        "ContainerResize",
        text.contains("33 99"),
        format!("no such size: {text:?}"),
    );
    let resize = case
        .op("ContainerResize")
        .id(NOBODY)
        .query("h", 33)
        .query("w", 99);
    resize.refused(&[404]).await?;
    Ok(())
}

pub(super) async fn logs(case: &Case<'_>) -> Outcome {
    // A daemon with much to do loses what is said at the very end.
    let script = "echo one; echo two >&2; echo three; sleep 1";
    let id = start(case, "logs", script, json!({})).await?;
    let follow = case.op("ContainerLogs").id(&id).query("follow", true);
    let written = follow
        .query("stdout", true)
        .query("stderr", true)
        .written()
        .await?;
    let is_right = written.out == "one\nthree\n" && written.err == "two\n";
    case.check("ContainerLogs", is_right, format!("{written:?}"));
    // The two outputs come in no order of their own.
    let alone = start(case, "logs-out", "echo one; echo two; sleep 1", json!({})).await?;
    case.op("ContainerWait").id(&alone).ok().await?;
    let tail = case
        .op("ContainerLogs")
        .id(&alone)
        .query("stdout", true)
        .query("tail", "1");
    let written = tail.query("timestamps", true).written().await?;
    let is_right = written.out.starts_with("20") && written.out.ends_with(" two\n");
    case.check("ContainerLogs", is_right, format!("{written:?}"));

    let terminal = start(
        case,
        "logs-tty",
        "echo shown; sleep 1",
        json!({"Tty": true}),
    )
    .await?;
    let follow = case.op("ContainerLogs").id(&terminal).query("follow", true);
    let written = follow.query("stdout", true).written().await?;
    case.check(
        "ContainerLogs",
        written.out == "shown\r\n",
        format!("{written:?}"),
    );

    case.op("ContainerLogs")
        .id(NOBODY)
        .query("stdout", true)
        .refused(&[404])
        .await?;
    // Neither output is asked for.
    case.op("ContainerLogs").id(&id).refused(&[400]).await?;
    Ok(())
}

/// What BuildKit calls back over: HTTP/2, in which the client is served.
pub(super) async fn session(case: &Case<'_>) -> Outcome {
    if !case.has("Session") || case.facts.is_podman {
        return Ok(());
    }
    let session = || {
        case.op("Session")
            .extra("X-Docker-Expose-Session-Uuid", "conformance")
            .extra("X-Docker-Expose-Session-Name", "conformance")
    };
    let mut connection = session().extra("Upgrade", "h2c").upgraded().await?;
    // The daemon is the client of what follows, and says so first.
    case.due(
        "Session",
        read_until(&mut connection, b"PRI * HTTP/2.0").await,
    )?;
    drop(connection);
    session()
        .extra("Upgrade", "nonsense")
        .refused(&[400, 500])
        .await?;
    Ok(())
}
