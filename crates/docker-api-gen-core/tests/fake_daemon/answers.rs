//! What becomes of answers, good and bad.

use std::collections::BTreeMap;
use std::time::Duration;

use docker_api_gen_core::wire::{FieldValue, MapAccess, ReadFields};
use docker_api_gen_core::{Base64Bytes, Call, Error, ErrorKind, Json};

use crate::daemon::{Daemon, chunk, chunked, json, typed};
use crate::operations::{ARCHIVE_INFO, INSPECT, LIST, PULL, START};

#[derive(Debug, Default)]
struct Container {
    id: Option<String>,
    host_config: Option<HostConfig>,
}

#[derive(Debug, Default)]
struct HostConfig {
    shm_size: Option<i64>,
    nano_cpus: i32,
    ulimits: Vec<Ulimit>,
    unlock_key: String,
    sysctls: BTreeMap<String, String>,
    data: Base64Bytes,
}

#[derive(Debug, Default)]
struct Ulimit {
    soft: Option<i64>,
}

/// As generated code reads its types.
macro_rules! fields {
    ($type:ident { $($name:literal: $field:ident),* }) => {
        impl ReadFields for $type {
            fn read_field<'de, M: MapAccess<'de>>(
                &mut self,
                name: &str,
                value: FieldValue<'_, M>,
            ) -> Result<(), M::Error> {
                match name {
                    $($name => value.read(&mut self.$field),)*
                    _ => value.skip(),
                }
            }
        }

        docker_api_gen_core::readable!($type);
    };
}

fields!(Container { "Id": id, "HostConfig": host_config });
fields!(HostConfig {
    "ShmSize": shm_size,
    "NanoCpus": nano_cpus,
    "Ulimits": ulimits,
    "UnlockKey": unlock_key,
    "Sysctls": sysctls,
    "Data": data
});
fields!(Ulimit { "Soft": soft });

async fn inspect(answer: impl Into<Vec<u8>>) -> Result<Container, Error> {
    let daemon = Daemon::answering(answer);
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &INSPECT);
    call.path("id", "web");
    call.json().await
}

async fn failure(answer: impl Into<Vec<u8>>) -> Error {
    inspect(answer).await.unwrap_err()
}

#[tokio::test]
async fn json_is_read_whole_or_in_chunks() {
    let text = r#"{"Id":"ab","HostConfig":{"ShmSize":64,"Ulimits":[{"Soft":1}]},"New":[{}]}"#;
    let container = inspect(json("200 OK", text)).await.unwrap();
    assert_eq!(container.id.as_deref(), Some("ab"));
    assert_eq!(container.host_config.unwrap().shm_size, Some(64));
    let (head, tail) = text.split_at(20);
    let answer = [
        chunked("application/json; charset=utf-8").into(),
        chunk(head),
        chunk(tail),
        chunk(""),
    ]
    .concat();
    let container = inspect(answer).await.unwrap();
    assert_eq!(container.host_config.unwrap().ulimits[0].soft, Some(1));
    // Old daemons leave the type out here and there; up to the end of the connection is also an answer.
    let container = inspect(format!("HTTP/1.1 200 OK\r\n\r\n{text}"))
        .await
        .unwrap();
    assert_eq!(container.host_config.unwrap().nano_cpus, 0);
}

#[tokio::test]
async fn a_value_of_another_type_is_named_with_its_place() {
    for (text, says) in [
        (
            r#"{"HostConfig":{"ShmSize":"64m"}}"#,
            "cannot read HostConfig.ShmSize as an integer: \"64m\"",
        ),
        (
            "{\n  \"Id\": \"é\",\n  \"HostConfig\": {\n    \"ShmSize\": 1.5\n  }\n}",
            "cannot read HostConfig.ShmSize as an integer: 1.5",
        ),
        (
            r#"{"HostConfig":{"ShmSize":1,"NanoCpus":99999999999}}"#,
            "cannot read HostConfig.NanoCpus as an integer of 32 bits: 99999999999",
        ),
        (
            r#"{"HostConfig":{"ShmSize":1,"Ulimits":[{"Soft":1},{"Soft":[2]}]}}"#,
            "cannot read HostConfig.Ulimits[1].Soft as an integer: it is a list",
        ),
        (
            r#"{"HostConfig":{"ShmSize":1,"Ulimits":{"a":1}}}"#,
            "cannot read HostConfig.Ulimits as a list: it is an object",
        ),
        (
            r#"{"HostConfig":{"UnlockKey":12345}}"#,
            "cannot read HostConfig.UnlockKey as a string: (not shown)",
        ),
        (
            r#"{"HostConfig":{"Sysctls":{"net.a":"1","net.b":2}}}"#,
            "cannot read HostConfig.Sysctls[\"net.b\"] as a string: 2",
        ),
        (
            r#"{"HostConfig":{"Data":"hunter2!"}}"#,
            "cannot read HostConfig.Data as text in base64: (not shown)",
        ),
        (
            r#"{"Id":["x"]}"#,
            "cannot read Id as a string: it is a list",
        ),
        (
            r#"{"Id":{}}"#,
            "cannot read Id as a string: it is an object",
        ),
        (r#"{"Id":true,"x":1}"#, "cannot read Id as a string: true"),
        (
            r#"[1]"#,
            "cannot read the answer as an object: it is a list",
        ),
        (r#"7"#, "cannot read the answer as an object: 7"),
    ] {
        let error = failure(json("200 OK", text)).await;
        assert_eq!(error.kind(), ErrorKind::Decode, "{text}");
        assert_eq!(
            error.to_string(),
            format!("containers.inspect web: {says}"),
            "{text}"
        );
    }
    let long = format!(
        r#"{{"HostConfig":{{"ShmSize":"{}"}}}}"#,
        "x".repeat(100_000)
    );
    let error = failure(json("200 OK", &long)).await;
    assert!(error.to_string().len() < 300, "{error}");
    assert!(format!("{error:?}").len() < 600, "{error:?}");
}

#[tokio::test]
async fn half_a_json_is_half_a_json() {
    let error = failure(json("200 OK", r#"{"Id":"ab","HostConfig":{"Shm"#)).await;
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(
        error.to_string(),
        "containers.inspect web: the answer ends in the middle of a JSON document, after 29 bytes"
    );
    for text in ["", " \n"] {
        let error = failure(json("200 OK", text)).await;
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert_eq!(
            error.to_string(),
            "containers.inspect web: the answer is empty where JSON is due"
        );
    }
}

#[tokio::test]
async fn what_is_not_json_is_said_to_be_what_it_is() {
    let page = "<!DOCTYPE html>\n<html><body>Sign in to the network</body></html>";
    let error = failure(typed("200 OK", "text/html; charset=utf-8", page)).await;
    assert_eq!(error.kind(), ErrorKind::NotJson);
    assert_eq!(
        error.to_string(),
        "containers.inspect web: the answer should be JSON and is a web page (200): \
         \"<!DOCTYPE html> <html><body>Sign in to the network</body></html>\""
    );
    let error = failure(typed("200 OK", "application/octet-stream", "{}")).await;
    assert_eq!(error.kind(), ErrorKind::NotJson);
    assert!(
        error
            .to_string()
            .contains("is application/octet-stream (200): \"{}\""),
        "{error}"
    );
    // Without a type, the text itself has to tell.
    let error = failure(format!("HTTP/1.1 200 OK\r\n\r\n{page}")).await;
    assert_eq!(error.kind(), ErrorKind::NotJson);
    assert!(
        error
            .to_string()
            .contains("should be JSON and is not: \"<!DOCTYPE html>"),
        "{error}"
    );
    for text in [
        r#"{"Id":"hunter2" "x"}"#,
        r#"{"Id":"hunter2"}}"#,
        r#"{"Id":"hunter2"} {}"#,
    ] {
        let error = failure(json("200 OK", text)).await;
        assert_ne!(error.kind(), ErrorKind::Truncated, "{text}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{text}: {error}");
    }
    let error = failure(json("200 OK", "{\"a\":\"\u{1}\"}")).await;
    assert_eq!(error.kind(), ErrorKind::NotJson);
    assert!(
        error.to_string().contains("the answer is not valid JSON, "),
        "{error}"
    );
}

#[tokio::test]
async fn a_page_of_any_size_shows_its_beginning() {
    let page = format!("<html>{}</html>", "x".repeat(3 << 20));
    let error = failure(typed("502 Bad Gateway", "text/html", &page)).await;
    assert_eq!(error.kind(), ErrorKind::Daemon);
    assert_eq!(error.status().unwrap(), 502);
    assert_eq!(error.message(), None);
    let text = error.to_string();
    assert!(text.starts_with(
        "containers.inspect web: the answer is a web page, not the daemon's (502): \"<html>xx"
    ));
    assert!(
        text.ends_with("…\"; is there a proxy in between?"),
        "{text}"
    );
    assert!(text.chars().count() < 350, "{text}");
}

#[tokio::test]
async fn the_daemons_words_become_the_error() {
    for (status, kind) in [
        ("400 Bad Request", ErrorKind::BadRequest),
        ("401 Unauthorized", ErrorKind::Unauthorized),
        ("403 Forbidden", ErrorKind::Forbidden),
        ("404 Not Found", ErrorKind::NotFound),
        ("409 Conflict", ErrorKind::Conflict),
        ("418 I'm a teapot", ErrorKind::Status),
        ("500 Internal Server Error", ErrorKind::Daemon),
        ("503 Service Unavailable", ErrorKind::Daemon),
    ] {
        let code: u16 = status[..3].parse().unwrap();
        for answer in [
            json(status, "{\"message\":\"No such thing: web\"}\n"),
            typed(status, "text/plain; charset=utf-8", "No such thing: web\n"),
            typed(
                status,
                "application/vnd.docker.raw-stream",
                "No such thing: web\r\n",
            ),
            format!("HTTP/1.1 {status}\r\n\r\nNo such thing: web"),
            // The end of a failure may be missing.
            format!(
                "HTTP/1.1 {status}\r\nContent-Length: 999\r\n\r\n{{\"message\":\"No such thing: web\"}}"
            ),
        ] {
            let error = failure(answer.clone()).await;
            assert_eq!(error.kind(), kind, "{answer}");
            assert_eq!(error.status().unwrap().as_u16(), code);
            assert_eq!(error.message(), Some("No such thing: web"), "{answer}");
            assert_eq!(
                error.to_string(),
                format!("containers.inspect web: No such thing: web ({code})")
            );
            assert_eq!(error.is_not_found(), code == 404);
            assert_eq!(error.is_conflict(), code == 409);
        }
        let error = failure(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!((error.kind(), error.message()), (kind, None));
        assert!(
            error
                .to_string()
                .ends_with(&format!(", without a message ({code})")),
            "{error}"
        );
    }
    let error = failure(json(
        "500 Internal Server Error",
        r#"{"message":"a\u001b[31m\nb"}"#,
    ))
    .await;
    assert_eq!(error.to_string(), "containers.inspect web: a [31m b (500)");
    let error = failure(json("500 Internal Server Error", r#"{"cause":"x"}"#)).await;
    assert_eq!((error.kind(), error.message()), (ErrorKind::Daemon, None));
    assert!(
        error.to_string().contains(r#""{\"cause\":\"x\"}""#),
        "{error}"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let answer =
        "HTTP/1.1 301 Moved Permanently\r\nLocation: /v1.41/elsewhere\r\nContent-Length: 0\r\n\r\n";
    let daemon = Daemon::answering(answer);
    let connection = daemon.connection();
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!(
        error.to_string(),
        "containers.list: the daemon answered with a redirect to /v1.41/elsewhere, and redirects are not followed (301)"
    );
    assert_eq!(daemon.connections(), 1);
}

#[tokio::test]
async fn outcomes_are_answers() {
    for (status, outcome) in [("204 No Content", 204), ("304 Not Modified", 304)] {
        let daemon = Daemon::answering(format!("HTTP/1.1 {status}\r\nX-Told: yes\r\n\r\n"));
        let connection = daemon.connection();
        let mut call = Call::new(&connection, &START);
        call.path("id", "web");
        let response = call.response().await.unwrap();
        assert_eq!(response.status().as_u16(), outcome);
        assert_eq!(response.headers()["x-told"], "yes");
        response.unit().await.unwrap();
    }
    // Only where the operation knows it.
    let error = failure("HTTP/1.1 304 Not Modified\r\n\r\n").await;
    assert_eq!(
        (error.kind(), error.status().unwrap().as_u16()),
        (ErrorKind::Status, 304)
    );
}

#[tokio::test]
async fn a_failed_head_has_no_body_to_wait_for() {
    // The length is that of a body which HEAD leaves out.
    let daemon = Daemon::start(|mut peer| async move {
        let request = peer.request().await;
        assert_eq!(
            request.line(),
            "HEAD /v1.41/containers/web/archive?path=%2Fx HTTP/1.1"
        );
        peer.send(b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n").await;
        peer.closed().await;
    });
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &ARCHIVE_INFO);
    call.path("id", "web");
    call.query("path", "/x");
    let error = tokio::time::timeout(Duration::from_secs(5), call.head())
        .await
        .unwrap()
        .unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(
        error.to_string(),
        "containers.archive_info web: the daemon answered not found, without a message (404)"
    );
    drop(connection);
}

#[tokio::test]
async fn a_head_gives_its_headers() {
    let daemon = Daemon::answering(
        "HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: e30=\r\nContent-Length: 9\r\n\r\n",
    );
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &ARCHIVE_INFO);
    call.path("id", "web");
    assert_eq!(
        call.head().await.unwrap()["x-docker-container-path-stat"],
        "e30="
    );
}

#[tokio::test]
async fn a_version_that_the_daemon_does_not_speak_is_explained() {
    let old = "client version 1.41 is too old. Minimum supported API version is 1.44, \
               please upgrade your client to a newer version";
    let new = "client version 1.41 is too new. Maximum supported API version is 1.39";
    let plain = |text: &str, header: &str| {
        let length = text.len();
        format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n{header}Content-Length: {length}\r\n\r\n{text}"
        )
    };
    for (answer, says) in [
        (
            plain(old, "Api-Version: 1.52\r\n"),
            "the daemon speaks API 1.44 to 1.52, this client is pinned to 1.41: enable the feature v1_44 or later, \
             or lower the daemon's minimum (DOCKER_MIN_API_VERSION)",
        ),
        (
            json("400 Bad Request", &format!("{{\"message\":\"{old}\"}}")),
            "the daemon speaks API 1.44 and later, this client is pinned to 1.41: enable the feature v1_44 or later, \
             or lower the daemon's minimum (DOCKER_MIN_API_VERSION)",
        ),
        (
            plain(new, "Api-Version: 1.39\r\n"),
            "the daemon speaks API 1.39 and earlier, this client is pinned to 1.41: enable the feature v1_39 or \
             earlier, or update the daemon",
        ),
    ] {
        let error = failure(answer).await;
        assert_eq!(error.kind(), ErrorKind::Version);
        assert_eq!(error.to_string(), says);
        assert!(error.message().unwrap().starts_with("client version"));
    }
}

#[tokio::test]
async fn an_operation_that_the_daemon_does_not_have_is_not_a_thing_that_is_missing() {
    for answer in [
        json("404 Not Found", r#"{"message":"page not found"}"#),
        typed("404 Not Found", "text/plain", "404 page not found\n"),
        // Podman's.
        typed("404 Not Found", "text/plain; charset=utf-8", "Not Found\n"),
    ] {
        let error = failure(answer).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(!error.is_not_found());
        assert_eq!(
            error.to_string(),
            "containers.inspect web: the daemon does not know this operation in API 1.41 (404)"
        );
    }
}

#[tokio::test]
async fn hanging_up_is_said_with_when() {
    for (answer, says) in [
        (
            "",
            "containers.inspect web: the daemon closed the connection without an answer",
        ),
        (
            "HTTP/1.1 200 O",
            "containers.inspect web: the daemon closed the connection without an answer",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"Id\":",
            "containers.inspect web: the daemon closed the connection in the middle of the answer",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"Id\":\r\n",
            "containers.inspect web: the daemon closed the connection in the middle of the answer",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"I",
            "containers.inspect web: the daemon closed the connection in the middle of the answer",
        ),
        // A whole document, and still something is missing.
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
            "containers.inspect web: the daemon closed the connection in the middle of the answer",
        ),
    ] {
        let error = failure(answer).await;
        assert_eq!(
            error.kind(),
            ErrorKind::Interrupted,
            "{answer:?}: {error:?}"
        );
        assert_eq!(error.to_string(), says);
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn what_is_not_http_is_named() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        "\x15\x03\x01\x00\x02\x02\x16",
        "HTTP/9.9 200 OK\r\n\r\n",
    ] {
        let error = failure(answer).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("d.sock does not speak HTTP: is it a Docker daemon?"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_switch_that_nobody_asked_for_is_no_answer() {
    let error =
        failure("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n").await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error.to_string(),
        "containers.inspect web: the daemon wants to hand over the connection, which nobody asked for (101)"
    );
}

#[tokio::test]
async fn nothing_waits_longer_than_allowed() {
    let daemon = Daemon::start(|mut peer| async move {
        peer.request().await;
        peer.closed().await;
    });
    let connection = daemon.connection();
    let mut call = Call::new(&connection, &LIST);
    call.set_timeout(Duration::from_millis(50));
    let error = call.json::<Json>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        "containers.list: the daemon did not answer within 50ms: allow more time if it is busy"
    );
    let mut call = Call::new(&connection, &PULL);
    call.query("fromImage", "alpine");
    call.query("tag", "3");
    call.set_timeout(Duration::from_millis(50));
    let error = call.json_lines::<Json>().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("images.pull alpine:3: the daemon did not answer"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn operations_without_a_limit_of_their_own_have_sixty_seconds() {
    let daemon = Daemon::start(|mut peer| async move {
        peer.request().await;
        // Paused time jumps ahead whenever everybody waits.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        peer.send(json("200 OK", "{}").as_bytes()).await;
    });
    let connection = daemon.connection();
    let before = tokio::time::Instant::now();
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(before.elapsed().as_secs(), 60);
    Call::new(&connection, &PULL)
        .json_lines::<Json>()
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();
}

#[tokio::test]
async fn giving_up_ends_the_request() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = std::sync::Arc::new(std::sync::Mutex::new(Some(tell)));
    let daemon = Daemon::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            peer.request().await;
            peer.closed().await;
            let tell = tell.lock().unwrap().take();
            let _ = tell.unwrap().send(());
        }
    });
    let connection = daemon.connection();
    let call = Call::new(&connection, &PULL).json::<Json>();
    let _ = tokio::time::timeout(Duration::from_millis(50), call)
        .await
        .unwrap_err();
    told.await.unwrap();
}
