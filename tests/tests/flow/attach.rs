//! Input and output of containers, attached.

use std::time::Duration;

use docker_api_gen::{Body, LogSource, LogStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::docker::Client;
use crate::engines;
use crate::numbered::{Lines, Reader};

const PATIENCE: Duration = Duration::from_secs(30);

fn client() -> Client {
    Client::connect(engines::shared()).unwrap()
}

/// Reads until the output has this in it, and gives all of it.
async fn read_until(output: &mut LogStream, text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        let frame = timeout(PATIENCE, output.try_next()).await;
        let frame = frame.unwrap_or_else(|_| panic!("no {text:?} in {all:?}"));
        let frame = frame.unwrap();
        let frame = frame.unwrap_or_else(|| panic!("it ends without {text:?}: {all:?}"));
        all.push_str(&String::from_utf8_lossy(&frame.bytes));
    }
    all
}

/// 256 MiB in full size.
#[tokio::test]
async fn input_comes_back_whole_and_ends_when_it_is_closed() {
    let size = engines::mebibytes(16, 256);
    let client = client();
    let run = client
        .run("alpine", ["cat"])
        .keep(true)
        .remove_on_drop(true);
    let (mut container, io) = run.start_attached().await.unwrap();
    assert_eq!(io.is_tty(), Some(false));
    let (mut output, mut input) = io.into_logs();
    let before = engines::forget_peak();
    let writing = tokio::spawn(async move {
        let mut reader = Reader::new(size);
        assert_eq!(
            tokio::io::copy(&mut reader, &mut input).await.unwrap(),
            size
        );
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
    assert_eq!(container.wait().await.unwrap(), 0);
    if engines::full() {
        let more = engines::peak_memory() - before;
        println!("{size} bytes there and back: {more} bytes more memory than before");
        assert!(more < 64 << 20, "{more}");
    }
}

/// The same bytes without taking frames apart: what is read is what the daemon sends.
#[tokio::test]
async fn a_terminal_takes_input_and_gives_bytes_as_they_are() {
    let client = client();
    let run = client.run("alpine", ["sh", "-c", "read line; echo got $line; cat"]);
    let run = run.tty(true).keep(true).remove_on_drop(true);
    let (mut container, mut io) = run.start_attached().await.unwrap();
    assert_eq!(io.is_tty(), Some(true));
    io.write_all(b"hello\n").await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"got hello\r\n") {
        let byte = timeout(PATIENCE, io.read_u8()).await;
        seen.push(byte.unwrap_or_else(|_| panic!("{seen:?}")).unwrap());
    }
    // What was typed is shown, then what was answered.
    assert_eq!(seen, b"hello\r\ngot hello\r\n");
    // The end of the input, as a terminal has it.
    io.write_all(b"\x04").await.unwrap();
    let mut rest = Vec::new();
    timeout(PATIENCE, io.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(container.wait().await.unwrap(), 0);
}

#[tokio::test]
async fn a_terminal_has_the_size_that_it_is_given() {
    let client = client();
    let script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.1; done";
    let run = client.run("alpine", ["sh", "-c", script]);
    let run = run.tty(true).keep(true).remove_on_drop(true);
    let (container, io) = run.start_attached().await.unwrap();
    let (mut output, _input) = io.into_logs();
    read_until(&mut output, "ready").await;
    container.resize(33, 77).await.unwrap();
    read_until(&mut output, "33 77").await;
    // The size of a terminal that is none.
    let error = client.containers().resize("nobody", 1, 1).send().await;
    assert!(error.unwrap_err().is_not_found());
}

#[tokio::test]
async fn the_keys_for_it_detach_and_the_container_goes_on() {
    let client = client();
    let run = client.run("alpine", ["sh", "-c", "echo ready; cat"]);
    let config = serde_json::json!({"OpenStdin": true, "Tty": true});
    let run = run.config(config).keep(true).remove_on_drop(true);
    let container = run.start().await.unwrap();
    let attach = client.containers().attach(container.id());
    let attach = attach.stream(true).logs(true).stdin(true).stdout(true);
    let io = attach.detach_keys("ctrl-x,x").send().await.unwrap();
    assert_eq!(io.is_tty(), Some(true));
    let (mut output, mut input) = io.into_logs();
    // What was written before is there.
    read_until(&mut output, "ready").await;
    input.write_all(b"\x18x").await.unwrap();
    let end = async { while output.try_next().await.unwrap().is_some() {} };
    timeout(PATIENCE, end).await.unwrap();
    let state = client.containers().inspect(container.id()).send().await;
    assert_eq!(state.unwrap().state.unwrap().running, Some(true));
}

#[tokio::test]
async fn nothing_that_comes_early_is_lost() {
    let client = client();
    for round in 0..20 {
        let output = client.run("alpine", ["echo", "at once"]).send().await;
        assert_eq!(&output.unwrap().stdout[..], b"at once\n", "round {round}");
    }
}

#[tokio::test]
async fn input_is_given_to_a_command_that_is_run_to_its_end() {
    let client = client();
    let run = client.run("alpine", ["sh", "-c", "wc -c; echo bad >&2; exit 3"]);
    let input = Body::reader(Reader::new(3 << 20));
    let output = run.stdin(input).send().await.unwrap();
    assert_eq!(output.exit_code, 3);
    assert_eq!(&output.stdout[..], b"3145728\n");
    assert_eq!(&output.stderr[..], b"bad\n");
    // One that does not read what it is given is no failure.
    let run = client.run("alpine", ["true"]);
    let input = Body::reader(Reader::new(3 << 20));
    assert_eq!(run.stdin(input).send().await.unwrap().exit_code, 0);
}
