//! Connections between two requests.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use docker_api_gen_core::{Body, ByteStream, Call, Error, ErrorKind};
use futures_core::Stream;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
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

/// While an answer is read, whoever reads it has the connection go on.
#[tokio::test]
async fn one_that_was_read_from_is_watched_again() {
    let closed = Arc::new(Notify::new());
    let tell = closed.clone();
    let daemon = Daemon::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            peer.request().await;
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
                .await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            peer.send(b"1\r\nb\r\n0\r\n\r\n").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            peer.finish().await;
            peer.closed().await;
            tell.notify_one();
        }
    });
    let connection = daemon.connection();
    let bytes = Call::new(&connection, &LIST).bytes().await.unwrap();
    assert_eq!(all(bytes).await.unwrap(), b"ab");
    timeout(PATIENCE, closed.notified()).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_runtime_is_gone_is_not_used_again() {
    let daemon = Daemon::start(|mut peer| async move {
        while peer.next_request().await.is_some() {
            peer.send(NOTHING).await;
        }
    });
    let connection = daemon.connection();
    for turn in 1..=3 {
        let connection = connection.clone();
        elsewhere(move |runtime| {
            let call = async { timeout(PATIENCE, Call::new(&connection, &LIST).unit()).await };
            runtime.block_on(call).expect("an answer").unwrap();
        })
        .await;
        assert_eq!(daemon.connections(), turn);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_runtime_is_gone_has_not_ended() {
    let daemon = Daemon::start(|mut peer| async move {
        peer.request().await;
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            .await;
        peer.closed().await;
    });
    let connection = daemon.connection();
    let bytes = elsewhere(move |runtime| {
        runtime.block_on(async {
            let mut bytes = Call::new(&connection, &LIST).bytes().await.unwrap();
            assert_eq!(bytes.try_next().await.unwrap().unwrap(), "a");
            bytes
        })
    })
    .await;
    let error = timeout(PATIENCE, all(bytes))
        .await
        .expect("an end")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}

/// The answer is read from within the connection then, by what sends the request.
#[tokio::test]
async fn an_answer_can_be_what_its_own_request_goes_on_with() {
    let daemon = Daemon::start(|mut peer| async move {
        let head = peer.read().await;
        assert!(head.starts_with(b"PUT "));
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        for piece in ["a", "b", "c"] {
            peer.send(format!("1\r\n{piece}\r\n").as_bytes()).await;
            let mut back = Vec::new();
            while !back.ends_with(format!("1\r\n{piece}\r\n").as_bytes()) {
                back.extend(peer.read().await);
            }
        }
        peer.send(b"0\r\n\r\n").await;
        peer.closed().await;
    });
    let connection = daemon.connection();
    let (give, take) = tokio::sync::oneshot::channel();
    let mut call = Call::new(&connection, &ARCHIVE_PUT);
    call.path("id", "web");
    call.body("application/x-tar", Body::stream(Later::Waiting(take)));
    let back = call.bytes().await.unwrap();
    let (end, ended) = tokio::sync::oneshot::channel();
    assert!(give.send((back, end)).is_ok());
    timeout(PATIENCE, ended).await.expect("an end").unwrap();
}

type Given = (ByteStream, tokio::sync::oneshot::Sender<()>);

/// A body that is still to be given.
enum Later {
    Waiting(tokio::sync::oneshot::Receiver<Given>),
    Given(Given),
    Ended,
}

impl Stream for Later {
    type Item = std::io::Result<bytes::Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Self::Waiting(waiting) = &mut *self {
            let given = ready!(Pin::new(waiting).poll(cx)).unwrap();
            *self = Self::Given(given);
        }
        let Self::Given((bytes, _)) = &mut *self else {
            return Poll::Ready(None);
        };
        let piece = ready!(Pin::new(bytes).poll_next(cx));
        if piece.is_none()
            && let Self::Given((_, end)) = std::mem::replace(&mut *self, Self::Ended)
        {
            end.send(()).unwrap();
        }
        Poll::Ready(piece.map(|piece| piece.map_err(std::io::Error::other)))
    }
}

async fn all(mut bytes: ByteStream) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while let Some(chunk) = bytes.try_next().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

/// Does something with a runtime of its own, which is gone afterwards.
async fn elsewhere<T: Send + 'static>(work: impl FnOnce(&Runtime) -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        work(&runtime.enable_all().build().unwrap())
    });
    done.await.unwrap()
}
