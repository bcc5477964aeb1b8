//! Engines that go away, and come back.

use std::fs;
use std::time::Duration;

use docker_api_gen::ErrorKind;
use docker_api_gen::v1_41::types::ContainerCreateRequest;

use crate::world::{OLD, PORT, Test, World, client, to};

pub(crate) const TESTS: &[Test] = &[
    Test {
        name: "faults::a_restart_between_two_calls_goes_unnoticed",
        needs: OLD,
        run: a_restart_between_two_calls_goes_unnoticed,
    },
    Test {
        name: "faults::a_restart_in_the_middle_of_a_call_is_an_error",
        needs: OLD,
        run: a_restart_in_the_middle_of_a_call_is_an_error,
    },
    Test {
        name: "faults::a_daemon_that_was_killed_is_said_to_be_gone",
        needs: OLD,
        run: a_daemon_that_was_killed_is_said_to_be_gone,
    },
    Test {
        name: "faults::a_socket_that_was_removed_is_said_to_be_missing",
        needs: OLD,
        run: a_socket_that_was_removed_is_said_to_be_missing,
    },
];

fn hosts(world: &World) -> [String; 2] {
    [
        world.old().host().to_owned(),
        format!("tcp://127.0.0.1:{PORT}"),
    ]
}

fn a_restart_between_two_calls_goes_unnoticed(world: &World) {
    let engine = world.old();
    world.within(engine, || async {
        let clients = hosts(world).map(|host| client(to(&host)));
        for client in &clients {
            // Several connections, all of them idle when the daemon goes.
            let (one, two, three) = tokio::join!(
                client.containers().list().send(),
                client.images().list().send(),
                client.volumes().list().send(),
            );
            one.unwrap();
            two.unwrap();
            three.unwrap();
        }
        engine.restart().unwrap();
        for client in &clients {
            client.containers().list().send().await.unwrap();
            // What is not safe to repeat needs a connection that is known to be good, which there is now.
            let container = ContainerCreateRequest {
                image: Some("alpine".to_owned()),
                ..Default::default()
            };
            let made = client.containers().create(container).send().await.unwrap();
            client.containers().delete(&made.id).send().await.unwrap();
        }
    });
}

fn a_restart_in_the_middle_of_a_call_is_an_error(world: &World) {
    let engine = world.old();
    world.within(engine, || async {
        for host in hosts(world) {
            let client = client(to(&host));
            let running = client
                .run("alpine", ["sh", "-c", "echo begun; sleep 1000"])
                .remove_on_drop(true)
                .start()
                .await
                .unwrap();
            let mut logs = running.logs().await.unwrap();
            let begun = logs.try_next().await.unwrap().unwrap();
            assert_eq!(begun.bytes, "begun\n");
            let mut events = client.system().events().send().await.unwrap();
            let waiting = tokio::spawn({
                let client = client.clone();
                let id = running.id().to_owned();
                async move { client.containers().wait(&id).send().await }
            });
            tokio::time::sleep(Duration::from_millis(300)).await;
            engine.kill().unwrap();

            let error = waiting.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
            let error = loop {
                match logs.try_next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("the log ended as if it were complete"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
            let error = loop {
                match events.try_next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("the events ended as if they were complete"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");

            engine.restart().unwrap();
            let id = running.id().to_owned();
            drop(running);
            let removed = client.containers().delete(&id).force(true).send().await;
            let is_gone = match &removed {
                Ok(()) => true,
                Err(error) => error.is_not_found() || error.is_conflict(),
            };
            assert!(is_gone, "{removed:?}");
        }
    });
}

fn a_daemon_that_was_killed_is_said_to_be_gone(world: &World) {
    let engine = world.old();
    world.within(engine, || async {
        let clients = hosts(world).map(|host| (client(to(&host)), host));
        for (client, _) in &clients {
            client.containers().list().send().await.unwrap();
        }
        engine.kill().unwrap();
        for (client, host) in &clients {
            let error = client.containers().list().send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connect);
            assert_eq!(
                error.to_string(),
                format!(
                    "cannot connect to the Docker daemon at {host}: connection refused; is the daemon running?"
                )
            );
        }
        engine.restart().unwrap();
        for (client, _) in &clients {
            client.containers().list().send().await.unwrap();
        }
    });
}

fn a_socket_that_was_removed_is_said_to_be_missing(world: &World) {
    let engine = world.old();
    world.within(engine, || async {
        let host = engine.host();
        let known = client(to(host));
        known.containers().list().send().await.unwrap();
        fs::remove_file(host.strip_prefix("unix://").unwrap()).unwrap();
        let error = client(to(host)).containers().list().send().await;
        assert_eq!(
            error.unwrap_err().to_string(),
            format!(
                "cannot connect to the Docker daemon at {host}: no such file; is the daemon running?"
            )
        );
        // A connection that is open needs no socket.
        known.containers().list().send().await.unwrap();
        engine.restart().unwrap();
        client(to(host)).containers().list().send().await.unwrap();
    });
}
