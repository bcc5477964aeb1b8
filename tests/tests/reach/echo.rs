//! Connections that are taken over, and closed on one side first: the same over every way that is not a plain socket.

use docker_api_gen::v1_41::Client;
use docker_api_gen::{Body, LogSource};
use tokio::io::AsyncWriteExt;

/// Attaches to programs that say what they are told, and ends their input while their output goes on.
pub(crate) async fn is_echoed(client: &Client) {
    // More than fits into the buffers in between.
    let size = 8 << 20;
    let text: Vec<u8> = (0..size).map(|n: usize| (n % 251) as u8).collect();
    let echo = ["sh", "-c", "cat; echo end >&2"];
    let run = client.run("alpine", echo).keep(true).remove_on_drop(true);
    let (mut container, attached) = run.start_attached().await.unwrap();
    let sleeper = client.run("alpine", ["sleep", "1000"]);
    let sleeper = sleeper.remove_on_drop(true).start().await.unwrap();
    let exec = client.exec_run(sleeper.id(), echo);
    let (exec_output, exec_input, exec) = exec.start().await.unwrap().split();
    for (mut output, input) in [attached.into_logs(), (exec_output, exec_input)] {
        let text = text.clone();
        let told = text.clone();
        let telling = tokio::spawn(async move {
            let mut input = input;
            input.write_all(&told).await.unwrap();
            input.close_stdin().await.unwrap();
            input
        });
        let (mut said, mut errors) = (Vec::new(), Vec::new());
        while let Some(frame) = output.try_next().await.unwrap() {
            match frame.stream {
                LogSource::Stdout => said.extend_from_slice(&frame.bytes),
                _ => errors.extend_from_slice(&frame.bytes),
            }
        }
        telling.await.unwrap();
        assert!(said == text, "{} of {size} bytes", said.len());
        assert_eq!(errors, b"end\n");
    }
    assert_eq!(container.wait().await.unwrap(), 0);
    assert_eq!(exec.exit_code().await.unwrap(), 0);
    sleeper.remove().await.unwrap();
}

/// Gives programs more input than they read, which is no failure of theirs.
pub(crate) async fn is_fed_too_much(client: &Client) {
    const ENOUGH: [&str; 3] = ["head", "-c", "6"];
    let food = || Body::from(b"much of".repeat(1 << 20));
    let sleeper = client.run("alpine", ["sleep", "1000"]);
    let sleeper = sleeper.remove_on_drop(true).start().await.unwrap();
    for round in 0..5 {
        let run = client.run("alpine", ENOUGH).stdin(food()).send().await;
        let run = run.unwrap_or_else(|error| panic!("run, round {round}: {error:?}"));
        assert_eq!((&run.stdout[..], run.exit_code), (&b"much o"[..], 0));
        let exec = client.exec_run(sleeper.id(), ENOUGH).stdin(food());
        let exec = exec.send().await;
        let exec = exec.unwrap_or_else(|error| panic!("exec, round {round}: {error:?}"));
        assert_eq!((&exec.stdout[..], exec.exit_code), (&b"much o"[..], 0));
    }
    sleeper.remove().await.unwrap();
}
