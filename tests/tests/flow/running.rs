//! Whole programs in one call, and what is left of them: nothing.

use std::time::Duration;

use docker_api_gen::ErrorKind;
use docker_api_gen::filters::{ContainerFilter, EventFilter, EventType};
use docker_api_gen::shortcuts::Mount;

use super::docker::Client;
use crate::engines;

fn client() -> Client {
    Client::connect(engines::shared()).unwrap()
}

fn name(what: &str) -> String {
    format!("flow-{}-{what}", super::docker::API_VERSION.minor())
}

/// The ids of the containers with this label.
async fn labelled(client: &Client, label: &str) -> Vec<String> {
    let list = client.containers().list().all(true);
    let list = list
        .filters(ContainerFilter::label("flow", label))
        .send()
        .await;
    list.unwrap().into_iter().filter_map(|one| one.id).collect()
}

#[tokio::test]
async fn hello_world() {
    let client = client();
    let output = client
        .run("alpine", ["echo", "hello", "world"])
        .send()
        .await
        .unwrap();
    assert_eq!(&output.stdout[..], b"hello world\n");
    assert_eq!((output.exit_code, output.stderr.len()), (0, 0));
    let gone = client.containers().inspect(&output.id).send().await;
    assert!(gone.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_program_has_what_it_was_given() {
    let client = client();
    let (volume, label) = (name("volume"), name("given"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "from outside\n").unwrap();
    let script = "cat /in/file; touch /in/x 2>&1 || echo locked; echo kept > /volume/file; touch /tmpfs/x; \
                  echo $A $(pwd) $(id -u) $(hostname)";
    let run = client
        .run("alpine", ["sh", "-c", script])
        .name(name("given"));
    let run = run
        .env("A", "b")
        .working_dir("/tmp")
        .hostname("me")
        .label("flow", &label);
    let run = run.mount(Mount::bind(folder.path().to_str().unwrap(), "/in").read_only());
    let run = run
        .mount(Mount::volume(&volume, "/volume"))
        .mount(Mount::tmpfs("/tmpfs"));
    let output = run.send().await.unwrap();
    let text = String::from_utf8(output.stdout.to_vec()).unwrap();
    println!("{text}{output:?}");
    assert!(text.starts_with("from outside\n") && text.contains("locked"));
    assert!(text.ends_with("b /tmp 0 me\n"));
    let mount = Mount::volume(&volume, "/v");
    let output = client
        .run("alpine", ["cat", "/v/file"])
        .mount(mount)
        .user("5")
        .send()
        .await;
    assert_eq!(&output.unwrap().stdout[..], b"kept\n");
    assert_eq!(labelled(&client, &label).await, [""; 0]);
    client.volumes().delete(&volume).send().await.unwrap();
}

#[tokio::test]
async fn a_program_that_cannot_start_leaves_nothing() {
    let client = client();
    let label = name("cannot-start");
    let run = client
        .run("alpine", ["/no/such/program"])
        .label("flow", &label);
    let error = run.send().await.unwrap_err();
    assert!(error.message().unwrap().contains("no such file"), "{error}");
    assert_eq!(labelled(&client, &label).await, [""; 0]);
}

#[tokio::test]
async fn one_that_is_given_up_or_says_too_much_leaves_nothing() {
    let client = client();
    let label = name("given-up");
    let run = client
        .run("alpine", ["sleep", "1000"])
        .label("flow", &label)
        .send();
    let given_up = tokio::time::timeout(Duration::from_secs(3), run).await;
    assert!(given_up.is_err());
    let run = client
        .run("alpine", ["yes"])
        .label("flow", &label)
        .output_limit(1 << 20);
    let error = run.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    engines::eventually("no container is left", async || {
        labelled(&client, &label).await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_guard_takes_its_container_along() {
    let client = client();
    let label = name("guard");
    let run = || {
        client
            .run("alpine", ["sleep", "1000"])
            .label("flow", &label)
    };
    let guarded = run().remove_on_drop(true).start().await.unwrap();
    assert_eq!(labelled(&client, &label).await, [guarded.id()]);
    drop(guarded);
    assert_eq!(labelled(&client, &label).await, [""; 0]);
    // Where there is no runtime any more.
    let guarded = run().remove_on_drop(true).start().await.unwrap();
    std::thread::spawn(move || drop(guarded)).join().unwrap();
    assert_eq!(labelled(&client, &label).await, [""; 0]);
    // Without having been asked, or having been told otherwise, it stays.
    let left = run().start().await.unwrap().id().to_owned();
    let detached = run().remove_on_drop(true).start().await.unwrap().detach();
    assert_eq!(labelled(&client, &label).await.len(), 2);
    for id in [left, detached] {
        client
            .containers()
            .delete(&id)
            .force(true)
            .send()
            .await
            .unwrap();
    }
    let removed = run().start().await.unwrap();
    removed.remove().await.unwrap();
    assert_eq!(labelled(&client, &label).await, [""; 0]);
}

#[tokio::test]
async fn a_running_program_is_stopped_in_time() {
    let client = client();
    let script = "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.1; done";
    let run = client
        .run("alpine", ["sh", "-c", script])
        .remove_on_drop(true)
        .keep(true);
    let mut container = run.start().await.unwrap();
    let mut lines = container.logs().await.unwrap().lines();
    assert_eq!(lines.try_next().await.unwrap().unwrap().text(), "up");
    container
        .stop_within(Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(lines.try_next().await.unwrap().unwrap().text(), "bye");
    assert_eq!(container.wait().await.unwrap(), 9);
}

#[tokio::test]
async fn events_and_usage_come_as_they_happen() {
    let client = client();
    let label = name("events");
    let about = [
        EventFilter::kind(EventType::Container),
        EventFilter::label("flow", &label),
    ];
    let mut events = client
        .system()
        .events()
        .filters(about)
        .send()
        .await
        .unwrap();
    let run = client
        .run("alpine", ["sh", "-c", "while :; do :; done"])
        .label("flow", &label);
    let container = run.remove_on_drop(true).start().await.unwrap();
    let mut usage = client.usage(container.id()).stream().await.unwrap();
    // The first measurement has none before it.
    let first = usage.try_next().await.unwrap().unwrap();
    let second = usage.try_next().await.unwrap().unwrap();
    println!("{first:?}\n{second:?}");
    assert!(second.cpu_percent.unwrap() > 5.0 && second.memory > 0 && second.pids > 0);
    assert_ne!(second.read, first.read);
    let one = client.usage(container.id()).send().await.unwrap();
    assert!(one.cpu_percent.unwrap() > 5.0, "{one:?}");
    drop(container);
    let mut actions = Vec::new();
    while !actions.iter().any(|action| action == "destroy") {
        let event = events.try_next().await.unwrap().unwrap();
        actions.extend(event.action);
    }
    assert_eq!(actions[..2], ["create", "start"], "{actions:?}");
    // What is past can be had as well, and ends by itself.
    let past = client
        .system()
        .events()
        .since("1")
        .until("2")
        .send()
        .await
        .unwrap();
    past.finish().await.unwrap();
}
