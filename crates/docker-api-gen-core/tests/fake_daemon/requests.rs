//! What reaches the daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use docker_api_gen_core::{Body, Call, Connection, ErrorKind, Filters, Operation};
use tokio::io::AsyncWriteExt;

use crate::daemon::{Daemon, Received};
use crate::operations::{ARCHIVE_PUT, CREATE, INSPECT, LIST, START};

/// The request as it reached the daemon.
async fn received(operation: &'static Operation, fill: impl FnOnce(&mut Call<'_>)) -> Received {
    let seen = Arc::new(Mutex::new(None));
    let see = seen.clone();
    let daemon = Daemon::start(move |mut peer| {
        let see = see.clone();
        async move {
            let request = peer.request().await;
            *see.lock().unwrap() = Some(request);
            peer.send(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    });
    let connection = daemon.connection();
    let mut call = Call::new(&connection, operation);
    fill(&mut call);
    call.unit().await.unwrap();
    let request = seen.lock().unwrap().take();
    request.unwrap()
}

#[tokio::test]
async fn the_version_is_in_front_of_every_path() {
    let request = received(&START, |call| call.path("id", "web")).await;
    assert_eq!(request.line(), "POST /v1.41/containers/web/start HTTP/1.1");
    assert_eq!(request.header("content-length"), Some("0"));
    assert_eq!(request.header("content-type"), None);
    assert!(
        request
            .header("user-agent")
            .unwrap()
            .starts_with("docker-api-gen/")
    );
    assert!(request.body.is_empty());
}

#[tokio::test]
async fn any_name_arrives_as_that_name() {
    for (name, on_the_wire) in [
        ("web", "web"),
        ("/web", "web"),
        (
            "docker.io/library/alpine:3.20@sha256:ab",
            "docker.io%2Flibrary%2Falpine%3A3.20%40sha256%3Aab",
        ),
        ("a/../b", "a%2F..%2Fb"),
        ("../b", "..%2Fb"),
        ("...", "..."),
        (".a", ".a"),
        ("%2e%2e", "%252e%252e"),
        ("a?b=c#d", "a%3Fb%3Dc%23d"),
        ("a b\tc\r\nd", "a%20b%09c%0D%0Ad"),
        ("a\\b", "a%5Cb"),
        ("é漢🐳", "%C3%A9%E6%BC%A2%F0%9F%90%B3"),
        ("{id}", "%7Bid%7D"),
        (
            "'\"<>|^`[]&+;,=$!*()~_-",
            "%27%22%3C%3E%7C%5E%60%5B%5D%26%2B%3B%2C%3D%24%21%2A%28%29~_-",
        ),
        ("\u{0}\u{7f}", "%00%7F"),
    ] {
        let request = received(&INSPECT, |call| call.path("id", name)).await;
        assert_eq!(
            request.line(),
            format!("GET /v1.41/containers/{on_the_wire}/json HTTP/1.1"),
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn names_that_would_reach_another_operation_are_refused() {
    // Nothing listens here: a request would fail in another way.
    let connection = Connection::open("unix:///nonexistent/d.sock").unwrap();
    for (name, says) in [
        ("", "containers.inspect: the path parameter id is empty"),
        (
            " \t\n",
            "containers.inspect: the path parameter id is empty",
        ),
        ("/", "containers.inspect: the path parameter id is empty"),
        (
            "\u{a0}",
            "containers.inspect: the path parameter id is empty",
        ),
        (
            ".",
            "containers.inspect: \".\" cannot be the path parameter id",
        ),
        (
            "..",
            "containers.inspect: \"..\" cannot be the path parameter id",
        ),
        (
            "/..",
            "containers.inspect: \"..\" cannot be the path parameter id",
        ),
    ] {
        let mut call = Call::new(&connection, &INSPECT);
        call.path("id", name);
        let error = call.unit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{name:?}");
        assert!(error.to_string().starts_with(says), "{name:?}: {error}");
        assert_eq!(error.operation(), Some("containers.inspect"));
        assert_eq!(error.api_version().unwrap().to_string(), "1.41");
    }
    let error = Call::new(&connection, &INSPECT).unit().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "containers.inspect: the path parameter id is missing"
    );
}

#[tokio::test]
async fn the_first_value_that_cannot_be_sent_is_the_error() {
    let connection = Connection::open("unix:///nonexistent/d.sock").unwrap();
    let mut call = Call::new(&connection, &INSPECT);
    call.set_header("bad name", "x");
    call.path("id", "");
    call.query_json("filters", &Some(BTreeMap::from([(vec![1], 2)])));
    let error = call.into_request().unwrap_err();
    assert_eq!(
        error.to_string(),
        "containers.inspect: \"bad name\" is not the name of a header"
    );

    let mut call = Call::new(&connection, &LIST);
    call.set_header("x-secret", "hunter2\n");
    let error = call.into_request().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(
        !format!("{error} {error:?}").contains("hunter2"),
        "{error:?}"
    );

    let mut call = Call::new(&connection, &LIST);
    call.query_json("filters", &Some(BTreeMap::from([(vec![1], 2)])));
    let error = call.into_request().unwrap_err();
    assert_eq!(
        error.to_string(),
        "containers.list: the value of filters cannot be written as JSON"
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn queries_hold_what_was_set_and_nothing_else() {
    let request = received(&LIST, |call| {
        call.query("all", &Some(true));
        call.query("limit", &Some(-1_i64));
        call.query("size", &None::<bool>);
        call.query("names", &Some(vec!["a&b".to_owned(), "c=d".to_owned()]));
        call.query_csv("since", &Some(vec!["x".to_owned(), "y".to_owned()]));
        call.query_csv("before", &None);
        call.query_json("filters", &Some(Filters::new().with("label", "a=b c")));
        call.query_json("platform", &None::<Filters>);
        call.query("tag", "");
        call.query("odd name", "+");
    })
    .await;
    assert_eq!(
        request.line(),
        "GET /v1.41/containers/json?all=true&limit=-1&names=a%26b&names=c%3Dd&since=x%2Cy\
         &filters=%7B%22label%22%3A%5B%22a%3Db%20c%22%5D%7D&tag=&odd%20name=%2B HTTP/1.1"
    );
}

#[tokio::test]
async fn headers_and_json_bodies() {
    let request = received(&CREATE, |call| {
        call.header("X-Text", &Some("a b".to_owned()));
        call.header("X-None", &None::<String>);
        call.header("X-List", &vec!["a".to_owned(), "b".to_owned()]);
        call.header_base64_json(
            "X-Registry-Auth",
            &Some(BTreeMap::from([("password", "p?as>~\u{fc}")])),
        );
        call.set_header("x-text", "over");
        call.json_body(&BTreeMap::from([("Image", "alpine")]));
    })
    .await;
    assert_eq!(request.line(), "POST /v1.41/containers/create HTTP/1.1");
    assert_eq!(request.header("x-text"), Some("over"));
    assert_eq!(request.header("x-none"), None);
    assert_eq!(request.header("x-list"), Some("a,b"));
    // The daemon ignores what is not in the alphabet that is safe in URLs.
    assert_eq!(
        request.header("x-registry-auth"),
        Some("eyJwYXNzd29yZCI6InA_YXM-fsO8In0=")
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.body, br#"{"Image":"alpine"}"#);
}

#[tokio::test]
async fn bodies_are_sent_as_they_come() {
    let (mut writer, reader) = tokio::io::duplex(8);
    let feeding = tokio::spawn(async move {
        for byte in 0..=255_u8 {
            writer.write_all(&[byte; 100]).await.unwrap();
        }
    });
    let request = received(&ARCHIVE_PUT, |call| {
        call.path("id", "web");
        call.body("application/x-tar", Body::reader(reader));
    })
    .await;
    feeding.await.unwrap();
    assert_eq!(request.header("transfer-encoding"), Some("chunked"));
    assert_eq!(request.header("content-type"), Some("application/x-tar"));
    let expected: Vec<u8> = (0..=255_u8).flat_map(|byte| [byte; 100]).collect();
    assert_eq!(request.body, expected);

    let request = received(&ARCHIVE_PUT, |call| {
        call.path("id", "web");
        call.body("application/x-tar", Bytes::from_static(b"tar").into());
    })
    .await;
    assert_eq!(request.header("content-length"), Some("3"));
    assert_eq!(request.body, b"tar");
}

#[tokio::test]
async fn a_body_that_fails_is_named_as_the_cause() {
    let daemon = Daemon::start(|mut peer| async move {
        peer.read_to_end().await;
    });
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &ARCHIVE_PUT);
    call.path("id", "web");
    let reader = tokio_test_reader();
    call.body("application/x-tar", Body::reader(reader));
    let error = call.unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Body, "{error:?}");
    assert_eq!(
        error.to_string(),
        "containers.put_archive web: the body given for the request failed while it was sent"
    );
    let mut source = std::error::Error::source(&error);
    let mut texts = Vec::new();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    assert!(
        texts.iter().any(|text| text.contains("the disk is gone")),
        "{texts:?}"
    );
}

/// Gives some bytes, then an error.
fn tokio_test_reader() -> impl tokio::io::AsyncRead + Send + 'static {
    struct Failing(bool);

    impl tokio::io::AsyncRead for Failing {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buf: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if std::mem::replace(&mut self.0, true) {
                return std::task::Poll::Ready(Err(std::io::Error::other("the disk is gone")));
            }
            buf.put_slice(b"some");
            std::task::Poll::Ready(Ok(()))
        }
    }

    Failing(false)
}

#[tokio::test]
async fn a_request_can_be_looked_at_without_a_daemon() {
    let connection = Connection::open("tcp://192.0.2.1:2375/base").unwrap();
    let mut call = Call::new(&connection, &CREATE);
    call.query("name", "web");
    call.header_base64_json("X-Registry-Auth", &Some("hunter2"));
    call.json_body("hunter2");
    assert!(!format!("{call:?}").contains("hunter2"), "{call:?}");
    let request = call.into_request().unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.path_and_query(),
        "/v1.41/containers/create?name=web"
    );
    assert_eq!(request.headers()["content-type"], "application/json");
    assert!(request.headers()["x-registry-auth"].is_sensitive());
    assert_eq!(request.body().as_bytes(), Some(&b"\"hunter2\""[..]));
    assert!(!format!("{request:?}").contains("web"), "{request:?}");
    assert!(!format!("{request:?}").contains("hunter2"), "{request:?}");
}

#[tokio::test]
async fn a_base_path_goes_in_front_and_is_not_part_of_the_request() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let read = tokio::io::AsyncReadExt::read(&mut stream, &mut head)
            .await
            .unwrap();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    let connection = Connection::open(&format!("tcp://{address}/some/base/")).unwrap();
    let mut call = Call::new(&connection, &START);
    call.path("id", "web");
    call.unit().await.unwrap();
    let head = serving.await.unwrap();
    assert!(
        head.starts_with("POST /some/base/v1.41/containers/web/start HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.to_lowercase().contains(&format!("host: {address}")),
        "{head}"
    );
}

#[tokio::test]
async fn connections_are_used_again() {
    let daemon = Daemon::start(|mut peer| async move {
        for _ in 0..10 {
            peer.request().await;
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}\n")
                .await;
        }
    });
    let connection = daemon.connection();
    for turn in 0..10 {
        let mut call = Call::new(&connection, &LIST);
        call.set_timeout(Duration::from_secs(5));
        match turn % 3 {
            0 => call.unit().await.unwrap(),
            1 => assert_eq!(call.text().await.unwrap(), "{}\n"),
            _ => assert_eq!(
                call.json::<docker_api_gen_core::Json>()
                    .await
                    .unwrap()
                    .to_string(),
                "{}"
            ),
        }
    }
    assert_eq!(daemon.connections(), 1);
}
