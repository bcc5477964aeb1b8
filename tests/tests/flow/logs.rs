//! The output of containers, read as logs.

use std::time::Duration;

use docker_api_gen::shortcuts::Running;
use docker_api_gen::{ErrorKind, LogSource, LogStream};

use super::docker::Client;
use crate::engines;
use crate::numbered::{self, LINE, Lines};

fn client() -> Client {
    Client::connect(engines::shared()).unwrap()
}

/// A container that runs a script and is removed with what this gives.
async fn run(client: &Client, script: &str, tty: bool) -> Running {
    let run = client.run("alpine", ["sh", "-c", script]).tty(tty);
    run.keep(true).remove_on_drop(true).start().await.unwrap()
}

/// Reads to the end: what was written to standard output has to be numbered lines, what was written to standard error
/// too. Gives the sizes of both.
async fn check(mut logs: LogStream) -> (u64, u64) {
    let (mut stdout, mut stderr) = (Lines::new(), Lines::new());
    while let Some(frame) = logs.try_next().await.unwrap() {
        match frame.stream {
            LogSource::Stdout => stdout.check(&frame.bytes),
            LogSource::Stderr => stderr.check(&frame.bytes),
            other => panic!("written to {other:?}"),
        }
    }
    (stdout.count(), stderr.count())
}

/// One gibibyte in full size.
#[tokio::test]
async fn every_byte_comes_and_streams_stay_apart() {
    let size = engines::mebibytes(16, 1024);
    let (large, small) = (size / 4 * 3, size / 4);
    let script = format!(
        "{} & {} >&2; wait",
        numbered::script(large),
        numbered::script(small)
    );
    let client = client();
    let mut container = run(&client, &script, false).await;
    // As it is written, and once more when all is there.
    let before = engines::forget_peak();
    assert_eq!(check(container.logs().await.unwrap()).await, (large, small));
    assert_eq!(container.wait().await.unwrap(), 0);
    let logs = client.containers().logs(container.id());
    let logs = logs.stdout(true).stderr(true).send().await.unwrap();
    assert!(!logs.is_tty());
    assert_eq!(check(logs).await, (large, small));
    if engines::full() {
        let more = engines::peak_memory() - before;
        println!("{size} bytes of logs twice: {more} bytes more memory than before");
        assert!(more < 64 << 20, "{more}");
    }
    let logs = client.containers().logs(container.id()).stderr(true);
    assert_eq!(check(logs.send().await.unwrap()).await, (0, small));
    let logs = client.containers().logs(container.id());
    let mut logs = logs
        .stdout(true)
        .stderr(true)
        .tail("1")
        .send()
        .await
        .unwrap();
    let output = logs.collect(1 << 20).await.unwrap();
    assert_eq!((output.stdout.len() + output.stderr.len()) as u64, LINE);
}

#[tokio::test]
async fn what_a_terminal_shows_comes_as_it_is() {
    let client = client();
    let mut container = run(
        &client,
        "echo out; echo err >&2; printf '\\1\\0\\0\\0end'",
        true,
    )
    .await;
    assert_eq!(container.wait().await.unwrap(), 0);
    for told in [None, Some(true)] {
        let mut logs = client.containers().logs(container.id());
        if let Some(tty) = told {
            logs = logs.with_tty(tty);
        }
        let mut logs = logs.stdout(true).stderr(true).send().await.unwrap();
        assert!(logs.is_tty());
        let mut all = Vec::new();
        while let Some(frame) = logs.try_next().await.unwrap() {
            assert_eq!(frame.stream, LogSource::Console);
            all.extend_from_slice(&frame.bytes);
        }
        assert_eq!(all, b"out\r\nerr\r\n\x01\0\0\0end");
    }
}

#[tokio::test]
async fn a_caller_who_is_wrong_about_the_terminal_gets_an_error() {
    let client = client();
    let mut container = run(&client, "echo a line that is no frame", true).await;
    container.wait().await.unwrap();
    let logs = client.containers().logs(container.id()).with_tty(false);
    let mut logs = logs.stdout(true).send().await.unwrap();
    let error = logs.try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Frame, "{error}");
}

#[tokio::test]
async fn lines_are_whole_however_the_daemon_cuts_them() {
    // The daemon keeps lines in pieces of 16 KiB.
    let script =
        "head -c 100000 /dev/zero | tr '\\0' x; echo; echo short; echo error >&2; printf open";
    let client = client();
    let mut container = run(&client, script, false).await;
    container.wait().await.unwrap();
    let mut lines = container.logs().await.unwrap().lines();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(line) = lines.try_next().await.unwrap() {
        match line.stream {
            LogSource::Stderr => stderr.push(line.text().into_owned()),
            _ => stdout.push(line.text().into_owned()),
        }
    }
    assert_eq!(stdout.len(), 3);
    assert!(stdout[0] == "x".repeat(100_000));
    assert_eq!(stdout[1..], ["short", "open"]);
    assert_eq!(stderr, ["error"]);
}

#[tokio::test]
async fn logs_are_followed_from_the_first_byte_to_the_end_of_the_container() {
    let client = client();
    let container = run(&client, "echo first; sleep 1; echo last", false).await;
    let mut lines = container.logs().await.unwrap().lines();
    let first = tokio::time::timeout(Duration::from_secs(20), lines.try_next()).await;
    assert_eq!(first.unwrap().unwrap().unwrap().text(), "first");
    assert_eq!(lines.try_next().await.unwrap().unwrap().text(), "last");
    assert_eq!(lines.try_next().await.unwrap(), None);
}

#[tokio::test]
async fn there_are_no_logs_of_what_is_not_there() {
    let logs = client()
        .containers()
        .logs("nobody")
        .stdout(true)
        .send()
        .await;
    let error = logs.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert!(error.message().unwrap().contains("nobody"), "{error}");
}
