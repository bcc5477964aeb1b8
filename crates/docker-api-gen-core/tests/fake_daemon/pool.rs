//! Connections between two requests.

use std::sync::Arc;
use std::time::Duration;

use docker_api_gen_core::{Body, Call};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::daemon::{Daemon, PATIENCE};
use crate::operations::{ARCHIVE_PUT, LIST};

const NOTHING: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[]\n";

#[tokio::test]
async fn one_that_nobody_uses_for_long_is_closed() {
    let closed = Arc::new(Notify::new());
    let tell = closed.clone();
    let daemon = Daemon::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            while peer.next_request().await.is_some() {
                peer.send(NOTHING).await;
            }
            tell.notify_one();
        }
    });
    let connection = daemon.connection();
    let pass = async |seconds| {
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        tokio::time::resume();
    };
    Call::new(&connection, &LIST).unit().await.unwrap();
    pass(80).await;
    Call::new(&connection, &LIST).unit().await.unwrap();
    // It counts from the last use.
    pass(80).await;
    Call::new(&connection, &LIST).unit().await.unwrap();
    assert_eq!(daemon.connections(), 1);
    pass(100).await;
    timeout(PATIENCE, closed.notified()).await.expect("closed");
    Call::new(&connection, &LIST).unit().await.unwrap();
    assert_eq!(daemon.connections(), 2);
}

#[tokio::test]
async fn one_whose_request_goes_on_after_the_answer_keeps_nobody_waiting_and_is_closed() {
    let closed = Arc::new(Notify::new());
    let tell = closed.clone();
    let daemon = Daemon::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            let head = peer.read().await;
            if !head.starts_with(b"PUT ") {
                return peer.send(NOTHING).await;
            }
            peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 14\r\n\r\n{\"message\":\"\"}")
                .await;
            peer.read_to_end().await;
            tell.notify_one();
        }
    });
    let connection = daemon.connection();
    let (mut writer, reader) = tokio::io::duplex(64);
    writer.write_all(b"the beginning").await.unwrap();
    let mut call = Call::new(&connection, &ARCHIVE_PUT);
    call.path("id", "web");
    call.body("application/x-tar", Body::reader(reader));
    let error = call.unit().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 400);
    let start = Instant::now();
    Call::new(&connection, &LIST).unit().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    timeout(PATIENCE, closed.notified()).await.expect("closed");
    // Nobody reads what would be sent.
    assert!(writer.write_all(&[0; 128]).await.is_err());
}

#[tokio::test]
async fn one_with_an_answer_that_was_not_read_is_closed() {
    let daemon = Daemon::start(move |mut peer| async move {
        peer.request().await;
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[")
            .await;
        peer.closed().await;
    });
    let connection = daemon.connection();
    for turn in 1..=3 {
        let answer = Call::new(&connection, &LIST).response().await.unwrap();
        drop(answer);
        assert_eq!(daemon.connections(), turn);
    }
}
