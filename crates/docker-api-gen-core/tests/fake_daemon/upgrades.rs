//! Connections that are taken over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use docker_api_gen_core::{Call, ErrorKind, LogSource, Upgraded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use crate::daemon::{Daemon, frame, json};
use crate::operations::{ATTACH, ATTACH_TYPED, EXEC, EXEC_START, EXEC_TYPED, SESSION};

const SWITCH: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

async fn attach(daemon: &Daemon, tty: bool) -> Upgraded {
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &ATTACH);
    call.path("id", "web");
    call.set_tty(tty);
    call.upgrade().await.unwrap()
}

#[tokio::test]
async fn early_bytes_are_kept_and_half_a_connection_stays_open() {
    let early: &[u8] = b"early bytes, more than nothing";
    for together in 0..=early.len() {
        let daemon = Daemon::start(move |mut peer| async move {
            let request = peer.request().await;
            if request.line().starts_with("GET ") {
                // The question at the end.
                return peer.send(json("404 Not Found", "{}").as_bytes()).await;
            }
            assert_eq!(request.line(), "POST /v1.41/containers/web/attach HTTP/1.1");
            assert_eq!(request.header("connection"), Some("Upgrade"));
            assert_eq!(request.header("upgrade"), Some("tcp"));
            // With the headers, in one write.
            peer.send(&[SWITCH.as_bytes(), &early[..together]].concat())
                .await;
            peer.send(&early[together..]).await;
            // Like `cat`: everything comes back, once the input has ended.
            let input = peer.read_to_end().await;
            peer.send(&input).await;
        });
        let mut io = attach(&daemon, true).await;
        assert!(!io.is_read_only());
        assert_eq!(io.is_tty(), Some(true));
        let mut first = vec![0; early.len()];
        io.read_exact(&mut first).await.unwrap();
        assert_eq!(first, early, "{together} together with the headers");
        io.write_all(b"typed").await.unwrap();
        io.close_stdin().await.unwrap();
        let mut rest = String::new();
        io.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "typed");
    }
}

/// The daemon would hand over the connection all the same, and complain in place of output.
#[tokio::test]
async fn a_finished_exec_is_not_started_again() {
    for told in [None, Some(false), Some(true)] {
        let daemon = Daemon::start(|mut peer| async move {
            let request = peer.request().await;
            assert_eq!(request.line(), "GET /v1.42/exec/e/json HTTP/1.1");
            let exec = r#"{"Running":false,"ExitCode":0,"ProcessConfig":{"tty":false}}"#;
            peer.send(json("200 OK", exec).as_bytes()).await;
            assert_eq!(peer.read().await, b"", "nothing is asked after that");
        });
        let connection = daemon.connection();
        let mut call = Call::new(&connection, &EXEC_START);
        call.path("id", "e");
        if let Some(told) = told {
            call.set_tty(told);
        }
        let error = call.upgrade().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{told:?}: {error}");
    }
}

#[tokio::test]
async fn output_and_input_can_be_used_at_the_same_time() {
    let daemon = Daemon::start(|mut peer| async move {
        peer.request().await;
        peer.send(SWITCH.as_bytes()).await;
        loop {
            let input = peer.read().await;
            if input.is_empty() {
                break peer.send(&frame(2, b"bye")).await;
            }
            peer.send(&frame(1, &input)).await;
        }
    });
    let (mut output, mut input) = attach(&daemon, false).await.into_logs();
    let sent = vec![7_u8; 2 << 20];
    let writing = tokio::spawn({
        let sent = sent.clone();
        async move {
            input.write_all(&sent).await.unwrap();
            input.close_stdin().await.unwrap();
            input
        }
    });
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(piece) = output.try_next().await.unwrap() {
        match piece.stream {
            LogSource::Stdout => stdout.extend_from_slice(&piece.bytes),
            LogSource::Stderr => stderr.extend_from_slice(&piece.bytes),
            other => panic!("{other:?}"),
        }
    }
    writing.await.unwrap();
    assert!(stdout == sent, "{} bytes came back", stdout.len());
    assert_eq!(stderr, b"bye");
}

#[tokio::test]
async fn a_frame_cut_off_is_an_error_here_too() {
    let daemon = Daemon::start(|mut peer| async move {
        peer.request().await;
        peer.send(&[SWITCH.as_bytes(), &frame(1, b"hello")[..10]].concat())
            .await;
    });
    let (mut output, _input) = attach(&daemon, false).await.into_logs();
    assert_eq!(output.try_next().await.unwrap().unwrap().bytes, "he");
    let error = output.try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FrameCut);
    assert!(output.next().await.is_none());
}

/// The connection ends between two frames, where only the daemon itself can say whether that was all.
#[tokio::test]
async fn an_end_that_is_the_daemons_is_an_error() {
    for lives in [true, false] {
        let daemon = Daemon::start(move |mut peer| async move {
            let request = peer.request().await;
            if request.line().starts_with("GET ") {
                if lives {
                    peer.send(json("404 Not Found", "{}").as_bytes()).await;
                }
                return;
            }
            peer.send(&[SWITCH.as_bytes(), &frame(1, b"hello")].concat())
                .await;
        });
        let (mut output, _input) = attach(&daemon, false).await.into_logs();
        assert_eq!(output.try_next().await.unwrap().unwrap().bytes, "hello");
        match output.next().await {
            None => assert!(lives),
            Some(Ok(frame)) => panic!("{frame:?}"),
            Some(Err(error)) => {
                assert!(!lives);
                assert_eq!(error.kind(), ErrorKind::Interrupted);
                assert_eq!(
                    error.to_string(),
                    "containers.attach web: the connection ended, and the daemon no longer answers: there may be more output"
                );
            }
        }
        assert!(output.next().await.is_none());
        let mut io = attach(&daemon, true).await;
        let mut bytes = Vec::new();
        let end = io.read_to_end(&mut bytes).await;
        assert_eq!(bytes, frame(1, b"hello"));
        assert_eq!(end.is_ok(), lives);
        // The end stays the end.
        if lives {
            assert_eq!(io.read(&mut [0; 8]).await.unwrap(), 0);
        }
    }
}

/// Closing a socket with something unread in it resets the connection.
#[tokio::test]
async fn input_that_nobody_reads_is_no_failure_of_the_output() {
    for lives in [true, false] {
        let written = Arc::new(Notify::new());
        let written_here = written.clone();
        let daemon = Daemon::start(move |mut peer| {
            let written = written_here.clone();
            async move {
                let request = peer.request().await;
                if request.line().starts_with("GET ") {
                    if lives {
                        peer.send(json("404 Not Found", "{}").as_bytes()).await;
                    }
                    return;
                }
                peer.send(&[SWITCH.as_bytes(), &frame(1, b"hello")].concat())
                    .await;
                written.notified().await;
            }
        });
        let (mut output, mut input) = attach(&daemon, false).await.into_logs();
        input.write_all(b"nobody reads this").await.unwrap();
        written.notify_one();
        assert_eq!(output.try_next().await.unwrap().unwrap().bytes, "hello");
        match output.next().await {
            None => assert!(lives),
            Some(Ok(frame)) => panic!("{frame:?}"),
            Some(Err(error)) => {
                assert!(!lives, "{error:?}");
                assert_eq!(error.kind(), ErrorKind::Interrupted);
            }
        }
        let mut io = attach(&daemon, true).await;
        io.write_all(b"nor this").await.unwrap();
        written.notify_one();
        let mut bytes = Vec::new();
        let end = io.read_to_end(&mut bytes).await;
        assert_eq!(bytes, frame(1, b"hello"));
        assert_eq!(end.is_ok(), lives, "{end:?}");
    }
}

#[tokio::test]
async fn dropping_it_closes_the_connection() {
    let closed = Arc::new(Notify::new());
    let tell = closed.clone();
    let daemon = Daemon::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            peer.request().await;
            peer.send(SWITCH.as_bytes()).await;
            peer.closed().await;
            tell.notify_one();
        }
    });
    drop(attach(&daemon, true).await);
    closed.notified().await;
    let (output, input) = attach(&daemon, true).await.into_logs();
    drop(input);
    tokio::time::timeout(Duration::from_millis(20), closed.notified())
        .await
        .unwrap_err();
    drop(output);
    closed.notified().await;
}

#[tokio::test]
async fn without_a_switch_there_is_output_to_read_and_nothing_to_write() {
    // The type is what daemons send on this way, whatever comes after it.
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
    let daemon = Daemon::start(move |mut peer| async move {
        let request = peer.request().await;
        if request.line().contains("/json ") {
            return peer
                .send(json("200 OK", "{\"Config\":{\"Tty\":false}}").as_bytes())
                .await;
        }
        peer.send(answer).await;
        peer.send(&frame(1, b"hi")).await;
    });
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &ATTACH_TYPED);
    call.path("id", "web");
    let mut io = call.upgrade().await.unwrap();
    assert!(io.is_read_only());
    assert_eq!(io.is_tty(), Some(false));
    let error = io.write_all(b"x").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    assert!(
        error.to_string().contains("answered 200 and not 101"),
        "{error}"
    );
    io.close_stdin().await.unwrap();
    let (mut output, mut input) = io.into_logs();
    assert!(input.write_all(b"x").await.is_err());
    let piece = output.try_next().await.unwrap().unwrap();
    assert_eq!(
        (piece.stream, &piece.bytes[..]),
        (LogSource::Stdout, &b"hi"[..])
    );
    assert!(output.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn the_kind_of_output_is_known_from_the_type_or_asked_for() {
    for (operation, content_type, container, expected, asked) in [
        (
            &ATTACH_TYPED,
            "application/vnd.docker.multiplexed-stream",
            true,
            false,
            false,
        ),
        (
            &ATTACH_TYPED,
            "application/vnd.docker.raw-stream",
            false,
            true,
            false,
        ),
        (&ATTACH_TYPED, "", true, true, true),
        (
            &ATTACH,
            "application/vnd.docker.raw-stream",
            false,
            false,
            true,
        ),
        (
            &ATTACH,
            "application/vnd.docker.multiplexed-stream",
            true,
            true,
            true,
        ),
    ] {
        let questions = Arc::new(AtomicUsize::new(0));
        let counter = questions.clone();
        let daemon = Daemon::start(move |mut peer| {
            let counter = counter.clone();
            async move {
                let mut request = peer.request().await;
                if request.line().contains("/json ") {
                    counter.fetch_add(1, Ordering::Relaxed);
                    let text = format!("{{\"Config\":{{\"Tty\":{container}}}}}");
                    peer.send(json("200 OK", &text).as_bytes()).await;
                    if operation.version.minor() > 41 {
                        return;
                    }
                    request = peer.request().await;
                }
                assert!(request.line().contains("/attach "), "{}", request.line());
                let switch = SWITCH.replace(
                    "tcp\r\n",
                    &format!("tcp\r\nContent-Type: {content_type}\r\n"),
                );
                peer.send(switch.as_bytes()).await;
                peer.closed().await;
            }
        });
        let connection = daemon.connection();
        let mut call = Call::new(&connection, operation);
        call.path("id", "web");
        let io = call.upgrade().await.unwrap();
        assert_eq!(
            io.is_tty(),
            Some(expected),
            "{} {content_type}",
            operation.version
        );
        assert_eq!(questions.load(Ordering::Relaxed), usize::from(asked));
    }
}

#[tokio::test]
async fn an_operation_without_a_program_has_no_frames() {
    let daemon = Daemon::start(|mut peer| async move {
        let request = peer.request().await;
        assert_eq!(request.header("upgrade"), Some("h2c"));
        peer.send(&[SWITCH.as_bytes(), b"PRI"].concat()).await;
    });
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &SESSION);
    call.set_header("Upgrade", "h2c");
    let io = call.upgrade().await.unwrap();
    assert_eq!(io.is_tty(), None);
    let (mut output, _input) = io.into_logs();
    assert_eq!(
        output.try_next().await.unwrap().unwrap().stream,
        LogSource::Console
    );
}

#[tokio::test]
async fn a_refusal_is_the_daemons() {
    let daemon = Daemon::answering(json(
        "409 Conflict",
        "{\"message\":\"container web is paused\"}",
    ));
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &ATTACH);
    call.path("id", "web");
    call.set_tty(false);
    let error = call.upgrade().await.unwrap_err();
    assert!(error.is_conflict());
    assert_eq!(
        error.to_string(),
        "containers.attach web: container web is paused (409)"
    );
}

#[tokio::test]
async fn an_exec_that_has_run_is_told_from_one_that_has_not() {
    for (exec, has_run) in [
        // Docker, before and after.
        ("{\"Running\":false,\"ExitCode\":null,\"Pid\":0}", false),
        ("{\"Running\":false,\"ExitCode\":0,\"Pid\":265}", true),
        ("{\"Running\":false,\"ExitCode\":0}", true),
        // Podman, before.
        ("{\"Running\":false,\"ExitCode\":0,\"Pid\":0}", false),
    ] {
        let daemon = Daemon::start(move |mut peer| async move {
            let request = peer.request().await;
            assert!(request.line().contains("/json "), "{}", request.line());
            peer.send(json("200 OK", exec).as_bytes()).await;
            if !has_run {
                peer.request().await;
                peer.send(SWITCH.as_bytes()).await;
                peer.closed().await;
            }
        });
        let connection = daemon.connection();
        let mut call = Call::new(&connection, &EXEC);
        call.path("id", "e1");
        match call.upgrade().await {
            Ok(io) => assert!(!has_run && io.is_tty() == Some(false), "{exec}"),
            Err(error) => assert!(has_run && error.is_conflict(), "{exec}: {error}"),
        }
    }
}

#[tokio::test]
async fn an_exec_that_has_ended_meanwhile_is_no_failure() {
    let started = Arc::new(AtomicUsize::new(0));
    let daemon = Daemon::start(move |mut peer| {
        let started = started.clone();
        async move {
            let mut request = peer.request().await;
            while request.line().contains("/json ") {
                // Asked before, it has not run; asked after, it has.
                let text = if started.load(Ordering::SeqCst) == 0 {
                    r#"{"Running":false,"ExitCode":null}"#
                } else {
                    r#"{"Running":false,"ExitCode":0,"Pid":265}"#
                };
                peer.send(json("200 OK", text).as_bytes()).await;
                request = peer.request().await;
                if request.line().starts_with("POST ") {
                    started.fetch_add(1, Ordering::SeqCst);
                    peer.send(SWITCH.as_bytes()).await;
                    peer.send(&frame(1, b"quick")).await;
                    return;
                }
            }
        }
    });
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &EXEC_TYPED);
    call.path("id", "e1");
    let (mut output, _input) = call.upgrade().await.unwrap().into_logs();
    let piece = output.try_next().await.unwrap().unwrap();
    assert_eq!(&piece.bytes[..], b"quick");
}

#[tokio::test]
async fn nothing_is_asked_about_an_exec_that_was_left_alone() {
    let daemon = Daemon::start(|mut peer| async move {
        // Only whether it has run.
        let request = peer.request().await;
        assert!(request.line().starts_with("GET "), "{}", request.line());
        let text = r#"{"Running":false,"ExitCode":null}"#;
        peer.send(json("200 OK", text).as_bytes()).await;
        let request = peer.request().await;
        assert!(request.line().starts_with("POST "), "{}", request.line());
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await;
        assert!(peer.read().await.is_empty(), "it asks");
    });
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &EXEC_TYPED);
    call.path("id", "e1");
    let (mut output, _input) = call.upgrade().await.unwrap().into_logs();
    drop(connection);
    assert!(output.try_next().await.unwrap().is_none());
}
