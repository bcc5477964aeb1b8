//! Services of a swarm and their tasks.

use serde_json::{Value, json};

use super::swarm::{can_be, index, inside};
use super::{IMAGE, NOBODY, PATIENT, eventually, lists};
use crate::case::{Case, Outcome, Stop};

const AUTH: &str = "X-Registry-Auth";

fn spec(case: &Case<'_>, replicas: u64) -> Value {
    json!({
        "Name": case.named("service"),
        "Labels": case.label(),
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE, "Command": ["/bin/sh", "-c", PATIENT]},
            "RestartPolicy": {"Condition": "none"},
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
    })
}

async fn create(case: &Case<'_>) -> Result<String, Stop> {
    let made = case.op("ServiceCreate").body(spec(case, 1)).ok().await?;
    case.text("ServiceCreate", &made, "/ID")
}

/// Waits until a task of the service runs; its id.
async fn running(case: &Case<'_>, service: &str) -> Result<String, Stop> {
    let tasks = async || {
        let list = case
            .op("TaskList")
            .query("filters", json!({"service": [service]}));
        list.ok().await
    };
    eventually(case, "TaskList", "a task runs", async || {
        Ok(lists(&tasks().await?, "/Status/State", "running"))
    })
    .await?;
    case.text("TaskList", &tasks().await?, "/0/ID")
}

pub(super) async fn life(case: &Case<'_>) -> Outcome {
    if !can_be(case) {
        return Ok(());
    }
    inside(case, async || {
        let id = create(case).await?;
        let name = case.named("service");
        running(case, &id).await?;
        let list = case
            .op("ServiceList")
            .query_if_known("status", true)
            .ok()
            .await?;
        case.check(
            "ServiceList",
            lists(&list, "/ID", &id),
            format!("{id} is not in {list}"),
        );
        let inspect = case.op("ServiceInspect").id(&name);
        let inspect = inspect.query_if_known("insertDefaults", true).ok().await?;
        case.check(
            "ServiceInspect",
            inspect["ID"] == id.as_str(),
            format!("it is {inspect}"),
        );
        if case.has("ServiceLogs") {
            eventually(
                case,
                "ServiceLogs",
                "it has said that it is ready",
                async || {
                    let logs = case.op("ServiceLogs").id(&id).query("stdout", true);
                    Ok(logs.written().await?.out == "ready\n")
                },
            )
            .await?;
        }
        let version = index(case, "ServiceInspect", &inspect)?;
        let update = |version| {
            let update = case.op("ServiceUpdate").id(&id).query("version", version);
            update.body(spec(case, 2)).header(AUTH, json!({}))
        };
        update(version).ok().await?;
        let inspect = case.op("ServiceInspect").id(&id).ok().await?;
        let replicas = &inspect["Spec"]["Mode"]["Replicated"]["Replicas"];
        case.check(
            "ServiceUpdate",
            replicas == 2,
            format!("{replicas} replicas"),
        );
        // That version is gone.
        update(version).refused(&[400, 409, 500]).await?;
        case.op("ServiceCreate")
            .body(spec(case, 1))
            .refused(&[409])
            .await?;
        case.op("ServiceDelete").id(&id).ok().await?;
        case.op("ServiceInspect").id(&id).refused(&[404]).await?;
        Ok(())
    })
    .await
}

pub(super) async fn refusals(case: &Case<'_>) -> Outcome {
    if !can_be(case) {
        return Ok(());
    }
    inside(case, async || {
        case.op("ServiceInspect").id(NOBODY).refused(&[404]).await?;
        case.op("ServiceDelete").id(NOBODY).refused(&[404]).await?;
        let update = case.op("ServiceUpdate").id(NOBODY).query("version", 1);
        update.body(spec(case, 1)).refused(&[404]).await?;
        let mut nameless = spec(case, 1);
        nameless["Name"] = json!("not a valid name!");
        case.op("ServiceCreate")
            .body(nameless)
            .refused(&[400, 500])
            .await?;
        case.op("TaskInspect").id(NOBODY).refused(&[404]).await?;
        for operation in ["ServiceLogs", "TaskLogs"] {
            if case.has(operation) {
                let logs = case.op(operation).id(NOBODY).query("stdout", true);
                logs.refused(&[404]).await?;
            }
        }
        for operation in ["ServiceList", "TaskList"] {
            let nonsense = json!({"nonsense": ["x"]});
            case.op(operation)
                .query("filters", nonsense)
                .refused(&[400, 500])
                .await?;
        }
        Ok(())
    })
    .await
}

pub(super) async fn tasks(case: &Case<'_>) -> Outcome {
    if !can_be(case) {
        return Ok(());
    }
    inside(case, async || {
        let service = create(case).await?;
        let task = running(case, &service).await?;
        let inspect = case.op("TaskInspect").id(&task).ok().await?;
        let is_right = inspect["ServiceID"] == service.as_str();
        case.check("TaskInspect", is_right, format!("the answer is {inspect}"));
        if case.has("TaskLogs") {
            eventually(
                case,
                "TaskLogs",
                "it has said that it is ready",
                async || {
                    let logs = case.op("TaskLogs").id(&task).query("stdout", true);
                    Ok(logs.written().await?.out == "ready\n")
                },
            )
            .await?;
        }
        case.op("ServiceDelete").id(&service).ok().await?;
        Ok(())
    })
    .await
}
