//! Waits that miss nothing.

use std::time::Duration;

use docker_api_gen::shortcuts::{Until, WaitCondition};
use docker_api_gen::{Error, ErrorKind};
use tokio::time::timeout;

use super::docker::{Client, types};
use crate::engines;

const PATIENCE: Duration = Duration::from_secs(60);

fn client() -> Client {
    Client::connect(engines::shared()).unwrap()
}

async fn create(client: &Client, script: &str, auto_remove: bool) -> String {
    let body = types::ContainerCreateRequest {
        image: Some("alpine".to_owned()),
        cmd: Some(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()]),
        host_config: Some(types::HostConfig {
            auto_remove: Some(auto_remove),
            ..Default::default()
        }),
        ..Default::default()
    };
    client.containers().create(body).send().await.unwrap().id
}

async fn remove(client: &Client, id: &str) {
    client
        .containers()
        .delete(id)
        .force(true)
        .send()
        .await
        .unwrap();
}

/// Begun before the start: whatever comes between, and however soon the end is.
#[tokio::test]
async fn a_wait_begun_before_the_start_misses_nothing() {
    let client = client();
    for round in 0..15 {
        let id = create(&client, "exit 7", false).await;
        let wait = client.wait(&id).condition(WaitCondition::NextExit);
        let mut waiting = wait.begin().await.unwrap();
        client.containers().start(&id).send().await.unwrap();
        let code = timeout(PATIENCE, waiting.exit_code()).await;
        assert_eq!(code.expect("a code in time").unwrap(), 7, "round {round}");
        // Asked again, it knows.
        assert_eq!(waiting.exit_code().await.unwrap(), 7);
        remove(&client, &id).await;

        let id = create(&client, "exit 8", true).await;
        let wait = client.wait(&id).condition(WaitCondition::Removed);
        let mut waiting = wait.begin().await.unwrap();
        client.containers().start(&id).send().await.unwrap();
        let code = timeout(PATIENCE, waiting.exit_code()).await;
        assert_eq!(code.expect("a code in time").unwrap(), 8, "round {round}");
        let gone = client.containers().inspect(&id).send().await;
        assert!(gone.unwrap_err().is_not_found(), "round {round}");
    }
}

#[tokio::test]
async fn conditions_are_told_apart() {
    let client = client();
    let id = create(&client, "sleep 1; exit 3", false).await;
    // It does not run yet, which is all that the first asks for.
    assert_eq!(client.wait(&id).send().await.unwrap(), 0);
    let mut next = client
        .wait(&id)
        .condition(WaitCondition::NextExit)
        .begin()
        .await
        .unwrap();
    let early = timeout(Duration::from_millis(300), next.exit_code()).await;
    assert!(early.is_err(), "nothing has ended: {early:?}");
    client.containers().start(&id).send().await.unwrap();
    assert_eq!(
        timeout(PATIENCE, next.exit_code()).await.unwrap().unwrap(),
        3
    );
    assert_eq!(client.wait(&id).send().await.unwrap(), 3);
    let mut removed = client
        .wait(&id)
        .condition(WaitCondition::Removed)
        .begin()
        .await
        .unwrap();
    remove(&client, &id).await;
    assert_eq!(
        timeout(PATIENCE, removed.exit_code())
            .await
            .unwrap()
            .unwrap(),
        3
    );
    let error = client.wait(&id).send().await.unwrap_err();
    assert!(
        error.is_not_found() && error.to_string().contains(&id[..12]),
        "{error}"
    );
}

#[tokio::test]
async fn a_wait_that_is_given_up_and_taken_up_again_loses_nothing() {
    let client = client();
    let run = client.run("alpine", ["sh", "-c", "sleep 1; exit 4"]);
    let mut container = run.keep(true).remove_on_drop(true).start().await.unwrap();
    while timeout(Duration::from_millis(20), container.wait())
        .await
        .is_err()
    {}
    assert_eq!(container.wait().await.unwrap(), 4);
}

async fn ready(until: Until, config: serde_json::Value, script: &str) -> Result<(), Error> {
    let client = client();
    let run = client.run("alpine", ["sh", "-c", script]).config(config);
    let container = run.keep(true).remove_on_drop(true).start().await.unwrap();
    container
        .wait_until(until)
        .within(Duration::from_secs(20))
        .send()
        .await
}

fn health(test: &str) -> serde_json::Value {
    let (interval, retries) = (200_000_000, 2);
    serde_json::json!({
        "Healthcheck": {"Test": ["CMD-SHELL", test], "Interval": interval, "Retries": retries}
    })
}

#[tokio::test]
async fn a_container_is_waited_for_until_it_is_healthy() {
    let script = "sleep 1; touch /ready; sleep 1000";
    ready(
        Until::healthy(),
        health("test -e /ready || test ! -e /late"),
        script,
    )
    .await
    .unwrap();
    let error = ready(Until::healthy(), health("false"), script)
        .await
        .unwrap_err();
    assert!(
        error.is_conflict() && error.to_string().contains("unhealthy"),
        "{error}"
    );
    let error = ready(Until::healthy(), serde_json::json!({}), script)
        .await
        .unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("health"), "{error}");
}

#[tokio::test]
async fn a_container_is_waited_for_until_it_listens_or_logs() {
    let nothing = || serde_json::json!({});
    let script =
        "sleep 1; nc -l -p 8080 & echo nothing yet; sleep 1; echo up; echo up >&2; sleep 1000";
    ready(Until::port(8080), nothing(), script).await.unwrap();
    ready(Until::log("up"), nothing(), script).await.unwrap();
    ready(Until::log_times("up", 2), nothing(), script)
        .await
        .unwrap();
    let error = ready(Until::log("never"), nothing(), "echo over; exit 6")
        .await
        .unwrap_err();
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let error = ready(Until::port(81), nothing(), "sleep 1")
        .await
        .unwrap_err();
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let client = client();
    let run = client
        .run("alpine", ["sleep", "1000"])
        .keep(true)
        .remove_on_drop(true);
    let container = run.start().await.unwrap();
    let wait = container
        .wait_until(Until::port(82))
        .within(Duration::from_millis(500));
    assert!(wait.send().await.unwrap_err().is_timeout());
}
