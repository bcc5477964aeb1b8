//! How long things may take, and connections that were closed while nobody looked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use docker_api_gen_core::{Body, Call, Connection, ErrorKind, Limits};

use crate::daemon::{Daemon, PATIENCE, chunk, chunked, json};
use crate::operations::{ARCHIVE_INFO, CREATE, INSPECT, LIST, LOGS, PULL, START};

const SHORT: Duration = Duration::from_millis(200);

fn short() -> Limits {
    Limits {
        headers: Some(SHORT),
        idle: Some(SHORT),
        ..Limits::default()
    }
}

/// A daemon that answers with these pieces, one every so often.
fn dripping(pieces: Vec<Vec<u8>>, pause: Duration) -> Daemon {
    let pieces = Arc::new(pieces);
    Daemon::start(move |mut peer| {
        let pieces = pieces.clone();
        async move {
            while peer.next_request().await.is_some() {
                for piece in pieces.iter() {
                    peer.send(piece).await;
                    tokio::time::sleep(pause).await;
                }
            }
        }
    })
}

fn bytes(text: &str) -> Vec<Vec<u8>> {
    text.bytes().map(|byte| vec![byte]).collect()
}

#[test]
fn the_usual_limits() {
    let limits = Connection::open("unix:///d.sock").unwrap().limits();
    assert_eq!(limits, Limits::default());
    let minute = Some(Duration::from_secs(60));
    assert_eq!(limits.connect, Some(Duration::from_secs(10)));
    assert_eq!((limits.headers, limits.idle), (minute, minute));
}

#[tokio::test]
async fn an_answer_that_never_begins() {
    let daemon = dripping(Vec::new(), SHORT);
    let connection = daemon.connection_with(short());
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        "containers.list: the daemon did not answer within 200ms: allow more time if it is busy"
    );
    // What has no limit can be given one.
    let mut pull = Call::new(&connection, &PULL);
    pull.set_timeout(SHORT / 2);
    let error = pull.bytes().await.unwrap_err();
    assert!(error.to_string().contains("within 100ms"), "{error}");
    // A connection without limits waits for as long as the caller does.
    let connection = daemon.connection_with(Limits::NONE);
    let call = Call::new(&connection, &LIST).unit();
    tokio::time::timeout(SHORT * 2, call).await.unwrap_err();
}

#[tokio::test]
async fn headers_that_come_a_byte_at_a_time() {
    let daemon = dripping(bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"), SHORT / 4);
    let connection = daemon.connection_with(short());
    let start = Instant::now();
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(start.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_body_that_comes_a_byte_at_a_time_is_waited_for() {
    let mut pieces = vec![chunked("application/json").into_bytes()];
    pieces.extend(bytes("[\"a\"]").iter().map(chunk));
    pieces.push(chunk(""));
    let daemon = dripping(pieces, SHORT / 3);
    let connection = daemon.connection_with(short());
    let list: Vec<String> = Call::new(&connection, &LIST).json().await.unwrap();
    assert_eq!(list, ["a"]);
}

#[tokio::test]
async fn silence_after_the_headers() {
    let half = json("200 OK", "[1,2]").replace("2]", "").into_bytes();
    let daemon = dripping(vec![half], SHORT);
    let connection = daemon.connection_with(short());
    let start = Instant::now();
    let error = Call::new(&connection, &LIST)
        .json::<Vec<String>>()
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(
        error.to_string(),
        "containers.list: the daemon stopped in the middle of its answer for 200ms"
    );
    assert!(start.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn silence_in_a_stream_has_no_limit_unless_it_is_given_one() {
    let frames = vec![
        chunked("application/octet-stream").into_bytes(),
        chunk("one"),
        Vec::new(),
        chunk("two"),
        chunk(""),
    ];
    let daemon = dripping(frames, SHORT * 2);
    let connection = daemon.connection_with(short());
    let mut call = Call::new(&connection, &PULL);
    let all = call_bytes(call).await.unwrap();
    assert_eq!(all, b"onetwo");
    call = Call::new(&connection, &PULL);
    call.set_idle_timeout(SHORT);
    let error = call_bytes(call).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");

    let mut call = Call::new(&connection, &LOGS);
    call.path("id", "web");
    call.set_tty(true);
    let mut logs = call.logs().await.unwrap();
    assert_eq!(logs.try_next().await.unwrap().unwrap().bytes, "one");
    assert_eq!(logs.try_next().await.unwrap().unwrap().bytes, "two");
}

async fn call_bytes(call: Call<'_>) -> Result<Vec<u8>, docker_api_gen_core::Error> {
    Ok(call.bytes().await?.collect(1000).await?.to_vec())
}

#[tokio::test]
async fn whoever_reads_slowly_is_not_taken_for_a_slow_daemon() {
    let mut pieces = vec![chunked("application/json").into_bytes()];
    pieces.extend((0..8).map(|_| chunk(vec![b'x'; 100_000])));
    pieces.push(chunk(""));
    let daemon = dripping(pieces, Duration::from_millis(1));
    let connection = daemon.connection_with(short());
    let mut body = Call::new(&connection, &LIST).bytes().await.unwrap();
    let mut length = 0;
    while length < 300_000 {
        // Asks, does not wait, and comes back after longer than the daemon may be silent.
        if let Ok(bytes) = tokio::time::timeout(Duration::ZERO, body.try_next()).await {
            length += bytes.unwrap().unwrap().len();
        }
        tokio::time::sleep(SHORT + SHORT / 4).await;
    }
    length += body.collect(1_000_000).await.unwrap().len();
    assert_eq!(length, 800_000);
}

#[tokio::test]
async fn connecting_has_its_own_limit() {
    // A listener whose queue is full answers nobody.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    let full = loop {
        match std::net::TcpStream::connect_timeout(&address, SHORT) {
            Ok(stream) if queue.len() < 5000 => queue.push(stream),
            Ok(_) => break false,
            Err(_) => break true,
        }
    };
    if !full {
        eprintln!("skipped: no queue is ever full here");
        return;
    }
    let connection = Connection::builder()
        .ignore_environment()
        .host(format!("tcp://{address}"))
        .limits(Limits {
            connect: Some(SHORT),
            ..Limits::default()
        })
        .build()
        .unwrap();
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        format!(
            "containers.list: cannot connect to the Docker daemon at tcp://{address}: no answer within 200ms"
        )
    );
}

/// A daemon that answers the first request of each connection, closes it at the second, and notes them all.
fn forgetful(open: usize) -> (Daemon, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let closed = Arc::new(AtomicUsize::new(0));
    let noted = seen.clone();
    let daemon = Daemon::start(move |mut peer| {
        let (noted, closed) = (noted.clone(), closed.clone());
        async move {
            let mut answered = false;
            while let Some(request) = peer.next_request().await {
                noted.lock().unwrap().push(request.line().to_owned());
                if answered && closed.fetch_add(1, Ordering::Relaxed) < open {
                    return;
                }
                peer.send(json("200 OK", "[]").as_bytes()).await;
                answered = true;
            }
        }
    });
    (daemon, seen)
}

#[tokio::test]
async fn a_connection_closed_while_idle_does_not_fail_what_is_safe_to_repeat() {
    for operation in [&LIST, &INSPECT, &ARCHIVE_INFO] {
        let (daemon, seen) = forgetful(1);
        let connection = daemon.connection();
        Call::new(&connection, &LIST).unit().await.unwrap();
        let mut call = Call::new(&connection, operation);
        if operation.path.contains("{id}") {
            call.path("id", "web");
        }
        let answer = call.response().await;
        answer.unwrap();
        assert_eq!(daemon.connections(), 2);
        assert_eq!(seen.lock().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn several_connections_closed_while_idle() {
    let (daemon, _) = forgetful(2);
    let connection = daemon.connection();
    let (one, other) = tokio::join!(
        Call::new(&connection, &LIST).unit(),
        Call::new(&connection, &LIST).unit()
    );
    one.unwrap();
    other.unwrap();
    assert_eq!(daemon.connections(), 2);
    Call::new(&connection, &LIST).unit().await.unwrap();
    assert_eq!(daemon.connections(), 3);
}

#[tokio::test]
async fn what_is_not_safe_is_not_repeated() {
    let (daemon, seen) = forgetful(2);
    let connection = daemon.connection();
    Call::new(&connection, &LIST).unit().await.unwrap();
    let mut create = Call::new(&connection, &CREATE);
    create.body("application/json", Body::from("{}"));
    let error = create.unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    Call::new(&connection, &LIST).unit().await.unwrap();
    let mut start = Call::new(&connection, &START);
    start.path("id", "web");
    let error = start.unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let seen = seen.lock().unwrap();
    let posts = seen.iter().filter(|line| line.starts_with("POST"));
    assert_eq!(posts.count(), 2);
}

#[tokio::test]
async fn a_daemon_that_never_answers_is_not_asked_again() {
    let daemon = Daemon::start(async |mut peer| {
        peer.request().await;
    });
    let connection = daemon.connection();
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(daemon.connections(), 1);
}

#[tokio::test]
async fn a_daemon_that_was_restarted() {
    let (daemon, _) = forgetful(0);
    let connection = daemon.connection();
    Call::new(&connection, &LIST).unit().await.unwrap();
    let socket = daemon.socket();
    drop(daemon);
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    let _again = Daemon::at(&socket, |mut peer| async move {
        peer.request().await;
        peer.send(json("200 OK", "[]").as_bytes()).await;
    });
    Call::new(&connection, &LIST).unit().await.unwrap();
}

#[tokio::test]
async fn idle_connections_are_used_again() {
    let (daemon, _) = forgetful(0);
    let connection = daemon.connection();
    for _ in 0..5 {
        Call::new(&connection, &LIST).unit().await.unwrap();
    }
    assert_eq!(daemon.connections(), 1);
}
