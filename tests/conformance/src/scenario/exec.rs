//! Programs in running containers.

use serde_json::json;

use super::{NOBODY, PATIENT, create, start};
use crate::ask::converse;
use crate::case::{Case, Outcome};

pub(super) async fn run(case: &Case<'_>) -> Outcome {
    let id = start(case, "exec", PATIENT, json!({})).await?;
    let body = json!({
        "AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
        "Cmd": ["/bin/sh", "-c", "cat; echo wrong >&2; exit 5"],
    });
    let made = case.op("ContainerExec").id(&id).body(body).ok().await?;
    let exec = case.text("ContainerExec", &made, "/Id")?;
    let start = || {
        case.op("ExecStart")
            .id(&exec)
            .body(json!({"Detach": false, "Tty": false}))
    };
    let connection = start().upgraded().await?;
    let written = case.due("ExecStart", converse(connection, b"said\n").await)?;
    let is_right = written.out == "said\n" && written.err == "wrong\n";
    case.check("ExecStart", is_right, format!("{written:?}"));
    let inspect = case.op("ExecInspect").id(&exec).ok().await?;
    let is_right = inspect["Running"] == false && inspect["ExitCode"] == 5;
    case.check("ExecInspect", is_right, format!("the answer is {inspect}"));

    let body = json!({"Cmd": ["/bin/sh", "-c", "echo aside > /tmp/aside"]});
    let made = case.op("ContainerExec").id(&id).body(body).ok().await?;
    let exec = case.text("ContainerExec", &made, "/Id")?;
    case.op("ExecStart")
        .id(&exec)
        .body(json!({"Detach": true}))
        .ok()
        .await?;
    if case.facts.is_podman {
        // Nobody tells it that a program that is left alone has ended.
        return Ok(());
    }
    super::eventually(
        case,
        "ExecInspect",
        "the detached program ends",
        async || {
            let inspect = case.op("ExecInspect").id(&exec).ok().await?;
            Ok(inspect["Running"] == false && inspect["ExitCode"] == 0)
        },
    )
    .await
}

pub(super) async fn terminal(case: &Case<'_>) -> Outcome {
    let id = start(case, "exec-tty", PATIENT, json!({})).await?;
    let body = json!({
        "AttachStdin": true, "AttachStdout": true, "Tty": true,
        "Cmd": ["/bin/sh", "-c", "read line; stty size; echo \"[$line]\""],
    });
    let made = case.op("ContainerExec").id(&id).body(body).ok().await?;
    let exec = case.text("ContainerExec", &made, "/Id")?;
    let start = case
        .op("ExecStart")
        .id(&exec)
        .body(json!({"Detach": false, "Tty": true}));
    let mut connection = start.upgraded().await?;
    let resize = |exec: &str| case.op("ExecResize").id(exec).query("h", 33).query("w", 99);
    resize(&exec).ok().await?;
    let sent = tokio::io::AsyncWriteExt::write_all(&mut connection, b"typed\n").await;
    case.due("ExecStart", sent)?;
    let read = crate::ask::read_until(&mut connection, b"[typed]").await;
    let read = case.due("ExecStart", read)?;
    let text = String::from_utf8_lossy(&read).into_owned();
    case.check(
        "ExecResize",
        text.contains("33 99"),
        format!("no such size: {text:?}"),
    );
    resize(NOBODY).refused(&[404]).await?;
    Ok(())
}

pub(super) async fn refusals(case: &Case<'_>) -> Outcome {
    let body = || json!({"AttachStdout": true, "Cmd": ["true"]});
    case.op("ContainerExec")
        .id(NOBODY)
        .body(body())
        .refused(&[404])
        .await?;
    case.op("ExecInspect").id(NOBODY).refused(&[404]).await?;
    let start_nobody = case
        .op("ExecStart")
        .id(NOBODY)
        .body(json!({"Detach": false}));
    start_nobody.refused(&[404]).await?;
    let id = create(case, "exec-idle", PATIENT, json!({})).await?;
    // It does not run.
    case.op("ContainerExec")
        .id(&id)
        .body(body())
        .refused(&[409])
        .await?;
    case.op("ContainerStart").id(&id).ok().await?;
    let nothing = case
        .op("ContainerExec")
        .id(&id)
        .body(json!({"AttachStdout": true}));
    nothing.refused(&[400, 500]).await?;
    let absent = json!({"AttachStdout": true, "Cmd": ["/no/such/program"]});
    let made = case.op("ContainerExec").id(&id).body(absent).ok().await?;
    let exec = case.text("ContainerExec", &made, "/Id")?;
    if !case.facts.is_podman {
        // The failure comes as a status, or as words in the output and an exit code.
        let start = case.op("ExecStart").id(&exec).body(json!({"Detach": true}));
        start.refused(&[400, 500]).await?;
    }
    Ok(())
}
