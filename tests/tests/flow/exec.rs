//! Commands in containers that run.

use std::time::Duration;

use docker_api_gen::shortcuts::Running;
use docker_api_gen::{ErrorKind, LogSource};
use tokio::time::timeout;

use super::docker::{Client, types};
use crate::engines;
use crate::numbered::{Lines, Reader};

fn client() -> Client {
    Client::connect(engines::shared()).unwrap()
}

/// A container to run commands in.
async fn container(client: &Client) -> Running {
    let run = client.run("alpine", ["sleep", "1000"]);
    run.keep(true).remove_on_drop(true).start().await.unwrap()
}

#[tokio::test]
async fn a_command_is_run_to_its_end() {
    let client = client();
    let container = container(&client).await;
    let script = "echo $A in $(pwd) as $(id -u); echo bad >&2; exit 5";
    let exec = container.exec(["sh", "-c", script]).env("A", "b");
    let exec = exec.working_dir("/tmp").user("7");
    let output = exec.send().await.unwrap();
    assert_eq!(&output.stdout[..], b"b in /tmp as 7\n");
    assert_eq!(&output.stderr[..], b"bad\n");
    assert_eq!(output.exit_code, 5);
    let output = client
        .exec_run(container.id(), ["wc", "-c"])
        .stdin("four")
        .send()
        .await;
    assert_eq!(&output.unwrap().stdout[..], b"4\n");
    for round in 0..20 {
        let output = container.exec(["echo", "at once"]).send().await.unwrap();
        assert_eq!(&output.stdout[..], b"at once\n", "round {round}");
    }
}

/// 256 MiB in full size.
#[tokio::test]
async fn input_comes_back_whole_and_ends_when_it_is_closed() {
    let size = engines::mebibytes(4, 256);
    let client = client();
    let container = container(&client).await;
    let (mut output, mut input, handle) = container.exec(["cat"]).start().await.unwrap().split();
    let writing = tokio::spawn(async move {
        tokio::io::copy(&mut Reader::new(size), &mut input)
            .await
            .unwrap();
        input.close_stdin().await.unwrap();
        input
    });
    let mut lines = Lines::new();
    while let Some(frame) = output.try_next().await.unwrap() {
        assert_eq!(frame.stream, LogSource::Stdout);
        lines.check(&frame.bytes);
    }
    assert_eq!(lines.count(), size);
    writing.await.unwrap();
    assert_eq!(handle.exit_code().await.unwrap(), 0);
}

#[tokio::test]
async fn a_terminal_has_the_size_that_it_is_given() {
    let client = client();
    let container = container(&client).await;
    let script = "while :; do stty size; sleep 0.1; done";
    let exec = container.exec(["sh", "-c", script]).tty(true);
    let (mut output, _input, handle) = exec.start().await.unwrap().split();
    assert!(output.is_tty());
    handle.resize(44, 99).await.unwrap();
    let mut shown = String::new();
    while !shown.contains("44 99\r\n") {
        let frame = timeout(Duration::from_secs(30), output.try_next()).await;
        let frame = frame
            .expect("the size changes")
            .unwrap()
            .expect("it goes on");
        assert_eq!(frame.stream, LogSource::Console);
        shown.push_str(&String::from_utf8_lossy(&frame.bytes));
    }
}

#[tokio::test]
async fn a_missing_command_is_an_error_with_the_daemons_words() {
    let client = client();
    let container = container(&client).await;
    for tty in [false, true] {
        let error = container.exec(["/no/such/program"]).tty(tty).send().await;
        let error = error.unwrap_err();
        let message = error.message().expect("the daemon says why");
        assert!(message.contains("no such file or directory"), "{error}");
        assert!(message.contains("/no/such/program"), "{error}");
    }
    // A command that ends with the same code is no failure to start it.
    let output = container.exec(["sh", "-c", "exit 127"]).send().await;
    assert_eq!(output.unwrap().exit_code, 127);
}

#[tokio::test]
async fn an_exec_runs_once() {
    let client = client();
    let container = container(&client).await;
    let id = container.exec(["true"]).detach().await.unwrap();
    engines::eventually("the command ends", async || {
        let exec = client.exec().inspect(&id).send().await.unwrap();
        exec.running == Some(false)
    })
    .await;
    for tty in [None, Some(false)] {
        let mut start = client.exec().start(&id, types::ExecStartRequest::default());
        if let Some(tty) = tty {
            start = start.with_tty(tty);
        }
        let error = match start.send().await {
            Err(error) => error,
            Ok(io) => {
                let output = io.into_logs().0.collect(1 << 20).await;
                panic!("a finished exec was started again, tty {tty:?}: {output:?}")
            }
        };
        println!("{error}");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
    let error = client
        .exec()
        .start("nobody", types::ExecStartRequest::default());
    assert!(error.send().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn nothing_runs_in_a_container_that_does_not() {
    let client = client();
    let container = container(&client).await;
    container.kill("KILL").await.unwrap();
    engines::eventually("the container ends", async || {
        let state = client.containers().inspect(container.id()).send().await;
        state.unwrap().state.unwrap().running == Some(false)
    })
    .await;
    let error = container.exec(["true"]).send().await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert!(error.message().unwrap().contains("not running"), "{error}");
}
