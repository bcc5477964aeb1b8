//! Connections, and the client of HTTP, that the caller makes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use docker_api_gen_core::{Call, Connection, ConnectionBuilder, ErrorKind, Limits};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::Notify;

use crate::daemon::{Daemon, PATIENCE, json};
use crate::operations::{ATTACH, LIST, SESSION};

fn builder(host: &str) -> ConnectionBuilder {
    Connection::builder().ignore_environment().host(host)
}

#[tokio::test]
async fn connections_are_opened_by_the_caller() {
    let daemon = Daemon::start(|mut peer| async move {
        while let Some(request) = peer.next_request().await {
            assert_eq!(request.line(), "GET /base/v1.41/containers/json HTTP/1.1");
            assert_eq!(request.header("host"), Some("build:2375"));
            peer.send(json("200 OK", "[]").as_bytes()).await;
        }
    });
    let socket = daemon.socket();
    let connection = builder("tcp://build/base")
        .dial(move || UnixStream::connect(socket.clone()))
        .build()
        .unwrap();
    for _ in 0..3 {
        Call::new(&connection, &LIST).unit().await.unwrap();
    }
    assert_eq!(daemon.connections(), 1);
    assert_eq!(connection.host().to_string(), "tcp://build:2375/base");
}

#[tokio::test]
async fn an_opened_connection_can_be_handed_over() {
    let daemon = Daemon::start(|mut peer| async move {
        peer.request().await;
        peer.send(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
            .await;
        let input = peer.read_to_end().await;
        peer.send(&input).await;
        peer.send(b" and goodbye").await;
    });
    let socket = daemon.socket();
    let connection = builder("tcp://build")
        .dial(move || UnixStream::connect(socket.clone()))
        .build()
        .unwrap();
    let call = Call::new(&connection, &SESSION);
    let mut stream = call.upgrade().await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    stream.close_stdin().await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    assert_eq!(all, "hello and goodbye");
}

/// A connection that breaks off after so many bytes were read from it.
struct Breaking {
    stream: UnixStream,
    left: usize,
}

impl AsyncRead for Breaking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the tunnel has caved in")));
        }
        let mut bytes = [0; 1024];
        let room = self.left.min(buf.remaining()).min(bytes.len());
        let mut few = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut few))?;
        buf.put_slice(few.filled());
        self.left -= few.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn one_that_breaks_off_is_no_end() {
    const SWITCH: &[u8] =
        b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nsome output";
    for breaks in [true, false] {
        let daemon = Daemon::start(|mut peer| async move {
            if peer.request().await.line().starts_with("GET ") {
                return peer.send(json("404 Not Found", "{}").as_bytes()).await;
            }
            peer.send(SWITCH).await;
        });
        let socket = daemon.socket();
        let dial = move || {
            let socket = socket.clone();
            async move {
                let stream = UnixStream::connect(socket).await?;
                let left = if breaks { SWITCH.len() } else { usize::MAX };
                Ok(Breaking { stream, left })
            }
        };
        let connection = builder("tcp://build").dial(dial).build().unwrap();
        let mut call = Call::new(&connection, &ATTACH);
        call.path("id", "web");
        call.set_tty(true);
        let (mut output, _input) = call.upgrade().await.unwrap().into_logs();
        assert_eq!(
            output.try_next().await.unwrap().unwrap().bytes,
            "some output"
        );
        match output.next().await {
            None => assert!(!breaks),
            Some(Err(error)) => {
                assert!(breaks, "{error:?}");
                assert_eq!(
                    error.to_string(),
                    "containers.attach web: the connection broke off, there may be more output: \
                     the tunnel has caved in"
                );
            }
            Some(Ok(frame)) => panic!("{frame:?}"),
        }
    }
}

#[tokio::test]
async fn why_none_could_be_opened_is_told() {
    for (kind, expected) in [
        (io::ErrorKind::NotFound, ErrorKind::Connect),
        (io::ErrorKind::PermissionDenied, ErrorKind::Permission),
        (io::ErrorKind::TimedOut, ErrorKind::Timeout),
    ] {
        let dial = move || async move {
            Err::<UnixStream, _>(io::Error::new(kind, "the tunnel\r\nhas caved in"))
        };
        let connection = builder("ssh://build").dial(dial).build().unwrap();
        let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
        assert_eq!(error.kind(), expected);
        let text = error.to_string();
        assert!(
            text.ends_with(
                "cannot connect to the Docker daemon at ssh://build: the tunnel has caved in"
            ),
            "{text}"
        );
    }
}

#[tokio::test]
async fn opening_has_a_limit() {
    let limits = Limits {
        connect: Some(Duration::from_millis(100)),
        ..Limits::default()
    };
    let connection = builder("tcp://build")
        .limits(limits)
        .dial(std::future::pending::<io::Result<UnixStream>>)
        .build()
        .unwrap();
    let start = Instant::now();
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        "containers.list: cannot connect to the Docker daemon at tcp://build:2375: no connection within 100ms"
    );
    assert!(start.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn what_is_dropped_is_closed() {
    let closed = Arc::new(Notify::new());
    let tell = closed.clone();
    let daemon = Daemon::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            peer.request().await;
            peer.closed().await;
            tell.notify_one();
        }
    });
    let socket = daemon.socket();
    let connection = builder("tcp://build")
        .dial(move || UnixStream::connect(socket.clone()))
        .build()
        .unwrap();
    let mut call = Call::new(&connection, &LIST);
    call.set_timeout(Duration::from_millis(200));
    assert!(call.unit().await.unwrap_err().is_timeout());
    let closing = tokio::time::timeout(PATIENCE / 2, closed.notified());
    closing.await.expect("the connection is still open");
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn requests_are_sent_by_the_callers_client() {
    // Where TLS is a feature, a client of others' making wants to know the provider.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let daemon = Daemon::start(|mut peer| async move {
        while let Some(request) = peer.next_request().await {
            let agent = request.header("user-agent").unwrap();
            assert!(agent.starts_with("mine docker-api-gen/"), "{agent}");
            assert_eq!(request.header("x-mine"), Some("too"));
            assert_eq!(request.header("host"), Some("build"));
            peer.send(json("200 OK", "[]").as_bytes()).await;
        }
    });
    let client = reqwest::Client::builder()
        .http1_only()
        .unix_socket(daemon.socket())
        .build()
        .unwrap();
    let connection = builder("http://build")
        .http_client(client)
        .user_agent("mine")
        .header("x-mine", "too")
        .build()
        .unwrap();
    for _ in 0..2 {
        Call::new(&connection, &LIST).unit().await.unwrap();
    }
    assert_eq!(daemon.connections(), 1);
}
