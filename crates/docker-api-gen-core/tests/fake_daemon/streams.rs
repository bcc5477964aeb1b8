//! Answers that flow.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use docker_api_gen_core::{
    Call, Error, ErrorKind, Json, JsonLines, LogFrame, LogSource, LogStream,
};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

use crate::daemon::{Daemon, chunk, chunked, frame, json};
use crate::operations::{LIST, LOGS, LOGS_TYPED, PULL};

/// Starts a pull whose answer is these bytes.
async fn pull(answer: Vec<u8>) -> Result<JsonLines<Json>, Error> {
    let daemon = Daemon::answering(answer);
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &PULL);
    call.query("fromImage", "alpine");
    call.query("tag", "nope");
    let stream = call.json_lines().await;
    // What has begun to come goes on coming.
    tokio::time::sleep(Duration::from_millis(20)).await;
    stream
}

/// Everything up to the end or the first error, and that nothing comes after it.
async fn read(mut stream: JsonLines<Json>) -> (Vec<String>, Option<Error>) {
    let mut items = Vec::new();
    let error = loop {
        match stream.try_next().await {
            Ok(Some(item)) => items.push(item.to_string()),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(stream.next().await.is_none());
    (items, error)
}

fn answer(content_type: &str, chunks: &[&str]) -> Vec<u8> {
    let mut answer = chunked(content_type).into_bytes();
    for text in chunks {
        answer.extend(chunk(text));
    }
    answer.extend(chunk(""));
    answer
}

#[tokio::test]
async fn documents_come_however_they_are_cut() {
    for (content_type, chunks) in [
        ("application/json", &["{\"a\":1}{\"b\":[2]}\n{\"c\":3}"][..]),
        (
            "application/json",
            &["{\"a\"", ":1}{", "\"b\":[2]}\n{\"c\":", "3}"],
        ),
        (
            "application/x-ndjson",
            &["{\"a\":1}\n", "{\"b\":[2]}\n{\"c\":3}\n\n"],
        ),
        (
            "application/jsonl",
            &["{\"a\":1}\r\n{\"b\":[2]}\r\n{\"c\":3}\r\n"],
        ),
        (
            "application/json-seq",
            &["\x1e{\"a\":1}\n\x1e", "{\"b\":[2]}\n\x1e{\"c\":3}\n"],
        ),
    ] {
        let (items, error) = read(pull(answer(content_type, chunks)).await.unwrap()).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(
            items,
            ["{\"a\":1}", "{\"b\":[2]}", "{\"c\":3}"],
            "{chunks:?}"
        );
    }
    let (items, error) = read(pull(answer("application/json", &[])).await.unwrap()).await;
    assert!(items.is_empty() && error.is_none());
}

#[tokio::test]
async fn a_failure_inside_the_stream_ends_it() {
    for (document, message, code) in [
        (
            r#"{"errorDetail":{"code":404,"message":"manifest unknown"},"error":"manifest unknown"}"#,
            "manifest unknown",
            Some(404),
        ),
        (
            r#"{"errorDetail":{"message":"manifest unknown"}}"#,
            "manifest unknown",
            None,
        ),
        (r#"{"error":"manifest unknown"}"#, "manifest unknown", None),
        (
            r#"{ "status" : "x" , "error" : "manifest\u0020unknown" }"#,
            "manifest unknown",
            None,
        ),
    ] {
        let stream = pull(answer(
            "application/json",
            &["{\"status\":\"Pulling\"}\n", document, "{\"late\":1}"],
        ))
        .await;
        let (items, error) = read(stream.unwrap()).await;
        assert_eq!(items, ["{\"status\":\"Pulling\"}"]);
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Stream);
        assert_eq!((error.message(), error.code()), (Some(message), code));
        assert_eq!(error.is_not_found(), code == Some(404));
        assert_eq!(
            error.to_string(),
            "images.pull alpine:nope: manifest unknown (reported inside the progress stream)"
        );
    }
    let stream = pull(answer("application/json", &["{}", r#"{"error":"no"}"#]))
        .await
        .unwrap();
    assert_eq!(stream.finish().await.unwrap_err().kind(), ErrorKind::Stream);
    // Not failures: deeper down, empty, or only something of that name.
    let fine = [
        r#"{"x":{"error":"no"}}"#,
        r#"{"error":""}"#,
        r#"{"error":null,"errorDetail":null}"#,
        r#"["error"]"#,
    ];
    let (items, error) = read(pull(answer("application/json", &fine)).await.unwrap()).await;
    assert_eq!((items.len(), error.is_none()), (4, true));
}

#[tokio::test]
async fn an_end_in_the_middle_is_an_error() {
    let (items, error) = read(
        pull(answer("application/json", &["{\"a\":1}\n{\"b\":"]))
            .await
            .unwrap(),
    )
    .await;
    let error = error.unwrap();
    assert_eq!((items.len(), error.kind()), (1, ErrorKind::Truncated));
    assert_eq!(
        error.to_string(),
        "images.pull alpine:nope: the stream ends in the middle of a JSON document, after 5 bytes of it"
    );
    // The daemon is gone between two documents: only HTTP knows that something is missing.
    let mut cut = chunked("application/json").into_bytes();
    cut.extend(chunk("{\"a\":1}\n"));
    let (items, error) = read(pull(cut).await.unwrap()).await;
    assert_eq!(
        (items.len(), error.unwrap().kind()),
        (1, ErrorKind::Interrupted)
    );
}

#[tokio::test]
async fn a_document_of_another_shape_is_skipped_and_what_is_not_json_is_not() {
    let daemon = Daemon::answering(answer("application/json", &["1 {\"a\":1} 2", " x 3"]));
    let connection = daemon.connection();
    let mut stream = Call::new(&connection, &PULL)
        .json_lines::<i64>()
        .await
        .unwrap();
    assert_eq!(stream.try_next().await.unwrap(), Some(1));
    let error = stream.try_next().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "images.pull: cannot read the answer as an integer: it is an object"
    );
    assert_eq!(stream.try_next().await.unwrap(), Some(2));
    let error = stream.try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotJson);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_stream_that_is_not_json_is_refused() {
    let error = pull(answer("text/html", &["<html>"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotJson);
    assert!(
        error
            .to_string()
            .contains("should be JSON and is a web page (200): \"<html>\""),
        "{error}"
    );
    let error = pull(json("404 Not Found", "{\"message\":\"no such repository\"}").into())
        .await
        .unwrap_err();
    assert!(error.is_not_found());
}

#[tokio::test]
async fn items_come_while_the_daemon_still_works() {
    let go_on = Arc::new(Notify::new());
    let wait = go_on.clone();
    let daemon = Daemon::start(move |mut peer| {
        let wait = wait.clone();
        async move {
            peer.request().await;
            peer.send(chunked("application/json").as_bytes()).await;
            peer.send(&chunk("{\"a\":1}")).await;
            wait.notified().await;
            peer.send(&chunk("{\"b\":2}")).await;
            peer.send(&chunk("")).await;
        }
    });
    let connection = daemon.connection();
    let mut stream = Call::new(&connection, &PULL)
        .json_lines::<Json>()
        .await
        .unwrap();
    assert_eq!(
        stream.try_next().await.unwrap().unwrap().to_string(),
        "{\"a\":1}"
    );
    // Waiting for an item can be given up without losing one.
    tokio::time::timeout(Duration::from_millis(20), stream.try_next())
        .await
        .unwrap_err();
    go_on.notify_one();
    assert_eq!(
        stream.try_next().await.unwrap().unwrap().to_string(),
        "{\"b\":2}"
    );
    assert!(stream.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let closed = Arc::new(Notify::new());
    let tell = closed.clone();
    let daemon = Daemon::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            peer.request().await;
            peer.send(chunked("application/json").as_bytes()).await;
            peer.send(&chunk("{}")).await;
            peer.closed().await;
            tell.notify_one();
        }
    });
    let connection = daemon.connection();
    let mut stream = Call::new(&connection, &PULL)
        .json_lines::<Json>()
        .await
        .unwrap();
    stream.try_next().await.unwrap().unwrap();
    drop(stream);
    closed.notified().await;
    let mut stream = Call::new(&connection, &LIST).bytes().await.unwrap();
    stream.try_next().await.unwrap().unwrap();
    drop(stream);
    closed.notified().await;
    let mut call = Call::new(&connection, &LOGS);
    call.path("id", "web");
    call.set_tty(true);
    drop(call.logs().await.unwrap());
    closed.notified().await;
    assert_eq!(daemon.connections(), 3);
}

#[tokio::test]
async fn bytes_are_the_bytes() {
    let all: Vec<u8> = (0..=255_u8).cycle().take(300_000).collect();
    let mut sent = chunked("application/x-tar").into_bytes();
    for part in all.chunks(7777) {
        sent.extend(chunk(part));
    }
    let cut = sent.clone();
    sent.extend(chunk(""));
    let daemon = Daemon::answering(sent);
    let connection = daemon.connection();
    let bytes = || Call::new(&connection, &LIST).bytes();
    assert_eq!(bytes().await.unwrap().collect(300_000).await.unwrap(), all);
    let error = bytes().await.unwrap().collect(299_999).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(
        error.to_string(),
        "containers.list: the answer is longer than 299999 bytes"
    );
    // Read as a reader reads, in pieces that fit no chunk.
    let mut reader = bytes().await.unwrap();
    let mut first = [0; 1000];
    reader.read_exact(&mut first).await.unwrap();
    let rest = reader.collect(usize::MAX).await.unwrap();
    assert_eq!([&first[..], &rest].concat(), all);

    let daemon = Daemon::answering(cut);
    let connection = daemon.connection();
    let error = Call::new(&connection, &LIST)
        .bytes()
        .await
        .unwrap()
        .collect(usize::MAX)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let mut sink = Vec::new();
    let error = Call::new(&connection, &LIST)
        .bytes()
        .await
        .unwrap()
        .read_to_end(&mut sink)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    assert_eq!(sink.len(), all.len());
}

/// A daemon whose container has or has no terminal, with this answer to the request for its logs.
fn logging(tty: &'static str, content_type: &'static str, chunks: Vec<Vec<u8>>) -> Daemon {
    let chunks = Arc::new(chunks);
    Daemon::start(move |mut peer| {
        let chunks = chunks.clone();
        async move {
            loop {
                let request = peer.request().await;
                if request.line().contains("/containers/web/json ") {
                    peer.send(json("200 OK", &format!("{{\"Config\":{{{tty}}}}}")).as_bytes())
                        .await;
                    continue;
                }
                assert!(
                    request.line().contains("/containers/web/logs?stdout=true "),
                    "{}",
                    request.line()
                );
                let content_type = match content_type {
                    "" => String::new(),
                    content_type => format!("Content-Type: {content_type}\r\n"),
                };
                peer.send(
                    format!("HTTP/1.1 200 OK\r\n{content_type}Transfer-Encoding: chunked\r\n\r\n")
                        .as_bytes(),
                )
                .await;
                for bytes in chunks.iter() {
                    peer.send(&chunk(bytes)).await;
                }
                peer.send(&chunk("")).await;
                break;
            }
        }
    })
}

async fn logs(
    daemon: &Daemon,
    operation: &'static docker_api_gen_core::Operation,
    tty: Option<bool>,
) -> LogStream {
    let connection = daemon.connection();
    let mut call = Call::new(&connection, operation);
    call.path("id", "/web");
    call.query("stdout", &true);
    if let Some(tty) = tty {
        call.set_tty(tty);
    }
    call.logs().await.unwrap()
}

/// Pieces of the same stream put together, and what ended it.
async fn output(mut logs: LogStream) -> (Vec<(LogSource, String)>, Option<Error>) {
    let mut all: Vec<(LogSource, String)> = Vec::new();
    let error = loop {
        match logs.try_next().await {
            Ok(Some(LogFrame { stream, bytes, .. })) => {
                assert!(!bytes.is_empty());
                match all.last_mut() {
                    Some((last, text)) if *last == stream => {
                        text.push_str(&String::from_utf8_lossy(&bytes))
                    }
                    _ => all.push((stream, String::from_utf8_lossy(&bytes).into_owned())),
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(logs.next().await.is_none());
    (all, error)
}

#[tokio::test]
async fn the_kind_of_a_log_is_asked_for_or_told_never_guessed() {
    const MULTIPLEXED: &str = "application/vnd.docker.multiplexed-stream";
    const RAW: &str = "application/vnd.docker.raw-stream";
    let framed = frame(1, b"hi");
    let as_it_is = String::from_utf8_lossy(&framed).into_owned();
    let taken_apart = vec![(LogSource::Stdout, "hi".to_owned())];
    let left_alone = vec![(LogSource::Console, as_it_is)];
    for (operation, content_type, container, told, connections, expected) in [
        // Up to 1.41 the content type says nothing, whatever it says.
        (&LOGS, RAW, "\"Tty\":false", None, 2, &taken_apart),
        (&LOGS, "", "", None, 2, &taken_apart),
        (&LOGS, MULTIPLEXED, "\"Tty\":true", None, 2, &left_alone),
        (&LOGS, RAW, "", Some(false), 1, &taken_apart),
        (&LOGS, RAW, "", Some(true), 1, &left_alone),
        // From 1.42 it is right, where it is there.
        (
            &LOGS_TYPED,
            MULTIPLEXED,
            "\"Tty\":true",
            None,
            1,
            &taken_apart,
        ),
        (&LOGS_TYPED, RAW, "\"Tty\":false", None, 1, &left_alone),
        (&LOGS_TYPED, "", "\"Tty\":true", None, 2, &left_alone),
        (&LOGS_TYPED, "", "", None, 2, &taken_apart),
        (&LOGS_TYPED, MULTIPLEXED, "", Some(true), 1, &left_alone),
    ] {
        let case = format!("{} {content_type} {container} {told:?}", operation.version);
        let daemon = logging(container, content_type, vec![framed.clone()]);
        let (all, error) = output(logs(&daemon, operation, told).await).await;
        assert!(error.is_none(), "{case}: {error:?}");
        assert_eq!(all, *expected, "{case}");
        // Asking first leaves a connection that is used again, asking later needs a second one.
        assert!(daemon.connections() <= connections, "{case}");
    }
}

#[tokio::test]
async fn output_is_kept_apart_however_it_is_cut() {
    let stream = [
        frame(1, b"one\n"),
        frame(2, b""),
        frame(2, b"two\n"),
        frame(1, &[b'x'; 5000]),
        frame(0, b"in"),
    ]
    .concat();
    let expected = vec![
        (LogSource::Stdout, "one\n".to_owned()),
        (LogSource::Stderr, "two\n".to_owned()),
        (LogSource::Stdout, "x".repeat(5000)),
        (LogSource::Stdin, "in".to_owned()),
    ];
    for size in [1, 3, 8, 4096, stream.len()] {
        let chunks = stream.chunks(size).map(<[u8]>::to_vec).collect();
        let (all, error) = output(logs(&logging("", "", chunks), &LOGS, Some(false)).await).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(all, expected, "in chunks of {size}");
    }
}

#[tokio::test]
async fn output_can_be_read_by_lines_or_as_a_whole() {
    let stream = [
        frame(1, b"one\ntw"),
        frame(2, b"oh\n"),
        frame(1, b"o\nrest"),
    ];
    let daemon = logging("", "", vec![stream.concat()]);
    let mut lines = logs(&daemon, &LOGS, Some(false)).await.lines();
    let mut read = Vec::new();
    while let Some(line) = lines.try_next().await.unwrap() {
        read.push((line.stream, line.text().into_owned(), line.ended));
    }
    assert_eq!(
        read,
        [
            (LogSource::Stdout, "one".to_owned(), true),
            (LogSource::Stderr, "oh".to_owned(), true),
            (LogSource::Stdout, "two".to_owned(), true),
            (LogSource::Stdout, "rest".to_owned(), false),
        ]
    );
    let whole = logs(&daemon, &LOGS, Some(false)).await.collect(18).await;
    let whole = whole.unwrap();
    assert_eq!(
        (&whole.stdout[..], &whole.stderr[..]),
        (&b"one\ntwo\nrest"[..], &b"oh\n"[..])
    );
    let error = logs(&daemon, &LOGS, Some(false))
        .await
        .collect(14)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    // What came before the error comes before the error.
    let cut = logging(
        "",
        "",
        vec![[&frame(1, b"one\ntw")[..], &frame(1, b"o")[..4]].concat()],
    );
    let mut lines = logs(&cut, &LOGS, Some(false)).await.lines();
    assert_eq!(lines.try_next().await.unwrap().unwrap().text(), "one");
    assert_eq!(lines.try_next().await.unwrap().unwrap().text(), "tw");
    assert_eq!(
        lines.try_next().await.unwrap_err().kind(),
        ErrorKind::FrameCut
    );
    assert!(lines.next().await.is_none());
}

#[tokio::test]
async fn frames_that_are_wrong_are_said_to_be() {
    for (bytes, kind, says) in [
        (
            frame(1, b"hello")[..10].to_vec(),
            ErrorKind::FrameCut,
            "containers.logs web: the output ends in the middle of a frame: 5 bytes were announced and 2 came",
        ),
        (
            frame(1, b"hello")[..5].to_vec(),
            ErrorKind::FrameCut,
            "containers.logs web: the output ends after 5 of the 8 bytes that begin a frame",
        ),
        (
            [&frame(1, b"hello")[..], b" and more"].concat(),
            ErrorKind::Frame,
            "containers.logs web: the output is not in frames, \"and mor\" stands where one should begin: \
             a frame before it was longer than announced, or the output is a terminal's",
        ),
        (
            frame(3, b"the log driver is broken\n"),
            ErrorKind::Stream,
            "containers.logs web: the log driver is broken (reported inside the log stream)",
        ),
    ] {
        let (_, error) =
            output(logs(&logging("", "", vec![bytes]), &LOGS, Some(false)).await).await;
        let error = error.unwrap();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), says);
    }
}

#[tokio::test]
async fn a_log_that_breaks_off_is_an_error_even_between_frames() {
    for tty in [false, true] {
        let daemon = Daemon::start(|mut peer| async move {
            peer.request().await;
            peer.send(chunked("text/plain").as_bytes()).await;
            peer.send(&chunk(frame(1, b"hi"))).await;
        });
        let (all, error) = output(logs(&daemon, &LOGS, Some(tty)).await).await;
        assert_eq!(all.len(), 1);
        assert_eq!(error.unwrap().kind(), ErrorKind::Interrupted);
    }
}

#[tokio::test]
async fn a_log_without_its_container_is_not_found() {
    let daemon = Daemon::answering(json(
        "404 Not Found",
        "{\"message\":\"No such container: web\"}",
    ));
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &LOGS);
    call.path("id", "web");
    let error = call.logs().await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(
        error.to_string(),
        "containers.logs web: No such container: web (404)"
    );
}

#[tokio::test]
async fn streams_are_streams_and_can_move_between_threads() {
    fn is_stream<
        T: futures_core::Stream<Item = Result<I, Error>> + Send + Sync + Unpin + 'static,
        I,
    >(
        stream: T,
    ) -> T {
        stream
    }
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    fn is_shared<T: Send + Sync + Unpin + 'static>() {}
    is_shared::<docker_api_gen_core::Upgraded>();
    is_shared::<docker_api_gen_core::UpgradedWriter>();
    is_shared::<docker_api_gen_core::Body>();
    is_shared::<docker_api_gen_core::Connection>();
    is_shared::<Error>();
    let daemon = Daemon::answering(json("200 OK", "{}"));
    let connection = daemon.connection();
    is_stream(
        is_send(Call::new(&connection, &LIST).bytes())
            .await
            .unwrap(),
    );
    drop(is_stream(
        is_send(Call::new(&connection, &LIST).json_lines::<Json>())
            .await
            .unwrap(),
    ));
    let mut call = Call::new(&connection, &LOGS_TYPED);
    call.path("id", "web");
    is_stream(is_send(call.logs()).await.unwrap());
    let _: Bytes = is_send(Call::new(&connection, &LIST).bytes())
        .await
        .unwrap()
        .collect(10)
        .await
        .unwrap();
    is_send(Call::new(&connection, &LIST).json::<Json>())
        .await
        .unwrap();
    is_send(Call::new(&connection, &LIST).unit()).await.unwrap();
    drop(is_send(Call::new(&connection, &LIST).upgrade()));
}
