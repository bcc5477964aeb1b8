//! Logs of services and tasks.

use docker_api_gen::LogSource;
use docker_api_gen::filters::TaskFilter;
use xtask::engine::Engine;

use super::docker::{Client, types};
use crate::engines;
use crate::numbered::{self, Lines};

#[tokio::test]
async fn logs_of_services_and_tasks_are_whole() {
    let engine = engines::start(Engine::builder());
    let client = Client::connect(engine.host()).unwrap();
    begin_swarm(&client).await;
    let size = engines::mebibytes(2, 64);
    for tty in [false, true] {
        let script = format!("{}; echo end >&2; sleep 1000", numbered::script(size));
        let (id, task) = start(&client, &format!("logs-{tty}"), script, tty).await;
        let logs = client
            .services()
            .logs(&id)
            .stdout(true)
            .stderr(true)
            .follow(true);
        let of_service = logs.send().await.unwrap();
        let logs = client
            .tasks()
            .logs(&task)
            .stdout(true)
            .stderr(true)
            .follow(true);
        let of_task = logs.send().await.unwrap();
        for mut logs in [of_service, of_task] {
            assert_eq!(logs.is_tty(), tty);
            let (mut lines, mut text) = (Lines::new(), Vec::new());
            loop {
                let frame = logs.try_next().await.unwrap().expect("it goes on");
                match frame.stream {
                    LogSource::Stdout => lines.check(&frame.bytes),
                    LogSource::Stderr => text.extend_from_slice(&frame.bytes),
                    LogSource::Console => text.extend_from_slice(&frame.bytes),
                    LogSource::Stdin => panic!("nothing was typed"),
                }
                // What is written to the one may be told before what was written to the other.
                let is_all = tty || lines.count() == size;
                if is_all && (text.ends_with(b"end\n") || text.ends_with(b"end\r\n")) {
                    break;
                }
            }
            if tty {
                let shown = String::from_utf8(text).unwrap().replace("\r\n", "\n");
                lines.check(shown.strip_suffix("end\n").unwrap().as_bytes());
            } else {
                assert_eq!(text, b"end\n");
            }
            assert_eq!(lines.count(), size);
        }
        client.services().delete(&id).send().await.unwrap();
    }
    let logs = client.services().logs("nobody").stdout(true).send().await;
    assert!(logs.unwrap_err().is_not_found());
    drop(client);
    engine.stop().unwrap();
}

async fn begin_swarm(client: &Client) {
    let init = types::SwarmInitRequest {
        advertise_addr: Some("127.0.0.1".to_owned()),
        listen_addr: Some("127.0.0.1:2377".to_owned()),
        ..Default::default()
    };
    client.swarm().init(init).send().await.unwrap();
}

/// A service that has said something and goes on, and its task, in a new swarm.
pub(crate) async fn talking(client: &Client) -> (String, String) {
    begin_swarm(client).await;
    let script = "echo up; exec sleep 1000".to_owned();
    start(client, "talking", script, false).await
}

/// The ids of a service and of its task, which runs.
async fn start(client: &Client, name: &str, script: String, tty: bool) -> (String, String) {
    let service = types::ServiceSpec {
        name: Some(name.to_owned()),
        task_template: Some(types::TaskSpec {
            container_spec: Some(types::TaskSpecContainerSpec {
                image: Some("alpine:latest".to_owned()),
                command: Some(vec!["sh".to_owned(), "-c".to_owned(), script]),
                tty: Some(tty),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let created = client.services().create(service).send().await.unwrap();
    let id = created.id.unwrap();
    let mut task = String::new();
    engines::eventually("the task runs", async || {
        let list = client.tasks().list().filters(TaskFilter::service(&id));
        let tasks = list.send().await.unwrap();
        let state = |task: &types::Task| task.status.as_ref()?.state.clone();
        let running = tasks
            .into_iter()
            .find(|task| state(task) == Some(types::TaskState::Running));
        task = running.and_then(|task| task.id).unwrap_or_default();
        !task.is_empty()
    })
    .await;
    (id, task)
}
