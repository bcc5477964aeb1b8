//! Input and output of containers over a WebSocket.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::docker::Client;
use crate::engines;

const PATIENCE: Duration = Duration::from_secs(30);

/// There is no WebSocket in this library, but the connection is handed over to one.
#[tokio::test]
async fn a_websocket_is_for_the_caller_to_speak() {
    let client = Client::connect(engines::shared()).unwrap();
    let run = client.run("alpine", ["sh", "-c", "echo ready; cat"]);
    let config = serde_json::json!({"OpenStdin": true});
    let run = run.config(config).keep(true).remove_on_drop(true);
    let container = run.start().await.unwrap();
    let attach = client.containers().attach_websocket(container.id());
    let attach = attach.stream(true).logs(true);
    let attach = attach.with_header("upgrade", "websocket");
    let attach = attach.with_header("sec-websocket-version", "13");
    let attach = attach.with_header("sec-websocket-key", "MDEyMzQ1Njc4OWFiY2RlZg==");
    let attach = attach.with_header("origin", "http://localhost");
    let mut io = attach.send().await.unwrap();
    // A frame: its kind, its length, masked or not, and what is in it.
    let mut frame = [0; 8];
    let read = timeout(PATIENCE, io.read_exact(&mut frame)).await;
    read.unwrap().unwrap();
    assert_eq!(frame[1..], *b"\x06ready\n", "{frame:?}");
    io.write_all(b"\x82\x83\0\0\0\0hi\n").await.unwrap();
    let read = timeout(PATIENCE, io.read_exact(&mut frame[..5])).await;
    read.unwrap().unwrap();
    assert_eq!(frame[1..5], *b"\x03hi\n", "{frame:?}");
}
