//! A client that speaks whichever version the daemon speaks.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use docker_api_gen_core::history::{
    History, Node, OperationHistory, Outside, Release, Unsaid, Value,
};
use docker_api_gen_core::{
    ApiVersion, Body, Call, Connection, EngineKind, Error, ErrorKind, Limits, Operation,
    Unsupported,
};
use http::Method;
use tokio::task::JoinSet;

use crate::daemon::{Daemon, Received, json, typed};
use crate::operations::LIST;

const fn release(minor: u16, docker: &'static str) -> Release {
    Release {
        api: ApiVersion::new(1, minor),
        docker,
    }
}

/// Four versions: 1.40, 1.41, 1.42, 1.43.
static HISTORY: History = History {
    releases: &[
        release(40, "Docker 19.03"),
        release(41, "Docker 20.10"),
        release(42, "Docker 23.0"),
        release(43, "Docker 24.0"),
    ],
    operations: &[
        &OperationHistory {
            name: "containers.create",
            versions: 0b1111,
            whole: 0,
            query: &[
                Node::leaf("keep", 0b0011, Outside::Renamed("reserved")),
                Node::leaf("platform", 0b1110, Outside::Ignored),
                Node::leaf("reserved", 0b1100, Outside::Renamed("keep")),
            ],
            headers: &[Node::leaf("X-Thing", 0b1000, Outside::Ignored)],
            body: &[Node::new(
                "HostConfig",
                0b1111,
                0,
                Outside::Ignored,
                &[],
                &[
                    Node::leaf("Annotations", 0b1000, Outside::Ignored),
                    Node::leaf("KernelMemory", 0b0011, Outside::Ignored),
                    Node::new(
                        "Mounts",
                        0b1111,
                        0b1000,
                        Outside::Ignored,
                        &[],
                        &[Node::new(
                            "[]",
                            0b1111,
                            0b1000,
                            Outside::Ignored,
                            &[],
                            &[Node::new(
                                "Type",
                                0b1111,
                                0b1000,
                                Outside::Ignored,
                                &[Value::new("image", 0b1000, Outside::Refused)],
                                &[],
                            )],
                        )],
                    ),
                ],
            )],
            unsaid: &[Unsaid {
                place: "HostConfig.IpcMode",
                values: &[(0b0001, "shareable"), (0b1110, "private")],
            }],
        },
        &OperationHistory {
            name: "containers.new",
            versions: 0b1000,
            whole: 0b1000,
            query: &[],
            headers: &[],
            body: &[],
            unsaid: &[],
        },
    ],
};

static CREATE: Operation = Operation {
    id: "ContainerCreate",
    name: "containers.create",
    method: Method::POST,
    path: "/containers/create",
    version: ApiVersion::new(1, 43),
    outcomes: &[],
    unbounded: false,
    tty: None,
};

static NEW: Operation = Operation {
    id: "ContainerNew",
    name: "containers.new",
    method: Method::GET,
    path: "/containers/new",
    version: ApiVersion::new(1, 43),
    outcomes: &[],
    unbounded: false,
    tty: None,
};

type Seen = Arc<Mutex<Vec<String>>>;

/// A daemon that answers each request by its line.
fn daemon(answer: impl Fn(&Received) -> String + Send + Sync + 'static) -> (Daemon, Seen) {
    let seen = Seen::default();
    let (noted, answer) = (seen.clone(), Arc::new(answer));
    let daemon = Daemon::start(move |mut peer| {
        let (noted, answer) = (noted.clone(), answer.clone());
        async move {
            while let Some(request) = peer.next_request().await {
                let line = request.line().trim_end_matches(" HTTP/1.1").to_owned();
                noted.lock().unwrap().push(line);
                peer.send(answer(&request).as_bytes()).await;
            }
        }
    });
    (daemon, seen)
}

fn pong(line: &str, headers: &str) -> String {
    let body = if line.starts_with("HEAD") { "" } else { "OK" };
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 2\r\n\r\n{body}")
}

/// A daemon that speaks versions up to `highest`, and says so with every answer.
fn speaking(highest: &'static str, lowest: &'static str) -> (Daemon, Seen) {
    daemon(move |request| {
        let line = request.line();
        if line.contains("/_ping") {
            return pong(line, &format!("Api-Version: {highest}\r\n"));
        }
        if line.contains(" /version") {
            let report = format!("{{\"ApiVersion\":\"{highest}\",\"MinAPIVersion\":\"{lowest}\"}}");
            return json("200 OK", &report);
        }
        json("200 OK", "[]").replacen("\r\n", &format!("\r\nApi-Version: {highest}\r\n"), 1)
    })
}

async fn list(connection: &Connection) -> Result<(), Error> {
    Call::new(connection, &LIST).unit().await
}

fn lines(seen: &Seen) -> Vec<String> {
    std::mem::take(&mut *seen.lock().unwrap())
}

fn version(minor: u16) -> ApiVersion {
    ApiVersion::new(1, minor)
}

#[tokio::test]
async fn the_highest_version_of_both_is_spoken() {
    for (highest, cap, spoken, asks) in [
        ("1.42", None, "1.42", false),
        ("1.43", None, "1.43", false),
        // Whatever it can beyond that.
        ("1.50", None, "1.43", true),
        ("1.999", None, "1.43", true),
        ("2.0", None, "1.43", true),
        ("1.43", Some(version(41)), "1.41", true),
        ("1.42", Some(version(60)), "1.42", false),
    ] {
        let (daemon, seen) = speaking(highest, "1.24");
        let connection = daemon.connection().negotiating(&HISTORY, cap);
        list(&connection).await.unwrap();
        let mut expected = vec!["HEAD /_ping".to_owned()];
        if asks {
            expected.push("GET /version".to_owned());
        }
        expected.push(format!("GET /v{spoken}/containers/json"));
        assert_eq!(lines(&seen), expected, "{highest}");
        let agreed = connection.negotiated().unwrap();
        assert_eq!(agreed.api_version.to_string(), spoken);
        assert_eq!(agreed.daemon_max.unwrap().to_string(), highest);
        list(&connection).await.unwrap();
        assert_eq!(lines(&seen), [format!("GET /v{spoken}/containers/json")]);
    }
}

#[tokio::test]
async fn two_sides_without_a_version_in_common_are_told_apart() {
    for (highest, lowest, cap, sentence) in [
        (
            "1.55",
            "1.44",
            None,
            "the daemon speaks API 1.44 to 1.55, this client speaks API 1.40 to 1.43: \
             update docker-api-gen, or lower the daemon's minimum (DOCKER_MIN_API_VERSION)",
        ),
        (
            "1.55",
            "1.42",
            Some(version(41)),
            "the daemon speaks API 1.42 to 1.55, this client speaks API 1.40 to 1.41 (limited to 1.41): \
             raise the limit",
        ),
        (
            "1.39",
            "1.12",
            None,
            "the daemon speaks API 1.39 and earlier, this client speaks API 1.40 to 1.43: update the daemon",
        ),
    ] {
        let (daemon, seen) = speaking(highest, lowest);
        let connection = daemon.connection().negotiating(&HISTORY, cap);
        let error = list(&connection).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Version);
        assert_eq!(error.to_string(), sentence);
        assert!(!lines(&seen).iter().any(|line| line.contains("/v1.")));
    }
}

#[tokio::test]
async fn a_hundred_first_calls_make_one_negotiation() {
    let (daemon, seen) = speaking("1.42", "1.24");
    let connection = daemon.connection().negotiating(&HISTORY, None);
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let connection = connection.clone();
        calls.spawn(async move { list(&connection).await });
    }
    while let Some(result) = calls.join_next().await {
        result.unwrap().unwrap();
    }
    let lines = lines(&seen);
    assert_eq!(lines[0], "HEAD /_ping");
    let pings = lines.iter().filter(|line| line.contains("_ping"));
    assert_eq!(pings.count(), 1);
    assert_eq!(lines.len(), 101);
}

#[tokio::test]
async fn a_first_call_that_is_given_up_leaves_the_others_theirs() {
    let first = Arc::new(AtomicBool::new(true));
    let (daemon, _) = daemon(move |request| {
        if first.swap(false, Ordering::Relaxed) {
            // Half an answer, and nothing more.
            return "HTTP/1.1 200 OK\r\n".to_owned();
        }
        pong(request.line(), "Api-Version: 1.42\r\n")
    });
    let connection = daemon.connection().negotiating(&HISTORY, None);
    let given_up = tokio::time::timeout(Duration::from_millis(100), list(&connection));
    let other = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        list(&connection).await
    };
    let (given_up, other) = tokio::join!(given_up, other);
    assert!(given_up.is_err());
    other.unwrap();
}

#[tokio::test]
async fn a_ping_that_says_nothing_is_not_the_end() {
    // An engine that knows GET alone.
    let (old, seen) = daemon(|request| match request.line().split(' ').next() {
        Some("HEAD") => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => pong("GET", "Api-Version: 1.41\r\nServer: Docker/18.06\r\n"),
    });
    let connection = old.connection().negotiating(&HISTORY, None);
    let agreed = connection.negotiate().await.unwrap();
    assert_eq!(agreed.api_version, version(41));
    assert_eq!(agreed.capabilities.engine, EngineKind::Docker);
    assert_eq!(lines(&seen), ["HEAD /_ping", "GET /_ping"]);

    // One that says it in its report alone.
    let (odd, seen) = daemon(|request| match request.line().contains("/version") {
        true => json("200 OK", r#"{"ApiVersion":"1.42"}"#),
        false => pong(request.line(), ""),
    });
    let connection = odd.connection().negotiating(&HISTORY, None);
    let agreed = connection.negotiate().await.unwrap();
    assert_eq!(agreed.api_version, version(42));
    assert_eq!(lines(&seen), ["HEAD /_ping", "GET /_ping", "GET /version"]);

    // One that says it nowhere: the oldest.
    let (silent, _) = daemon(|request| match request.line().contains("/version") {
        true => typed("404 Not Found", "text/plain", "no"),
        false => pong(request.line(), ""),
    });
    let connection = silent.connection().negotiating(&HISTORY, None);
    let agreed = connection.negotiate().await.unwrap();
    assert_eq!(agreed.api_version, version(40));
    assert_eq!(agreed.daemon_max, None);

    // One that is not well, and says it all the same.
    let (ill, _) = daemon(|_| {
        typed("500 Internal Server Error", "text/plain", "ill").replacen(
            "\r\n",
            "\r\nApi-Version: 1.41\r\n",
            1,
        )
    });
    let connection = ill.connection().negotiating(&HISTORY, None);
    let agreed = connection.negotiate().await.unwrap();
    assert_eq!(agreed.api_version, version(41));
}

#[tokio::test]
async fn what_is_no_daemon_is_told_from_one() {
    for (answer, kind, words) in [
        (
            typed("200 OK", "text/html", "<html>Welcome</html>"),
            ErrorKind::Protocol,
            "is no Docker daemon: a ping brings a web page",
        ),
        (
            typed("502 Bad Gateway", "text/html", "<html>502</html>"),
            ErrorKind::Daemon,
            "is there a proxy in between?",
        ),
        (
            "HTTP/1.1 200 OK\r\nApi-Version: abc\r\nContent-Length: 2\r\n\r\nOK".to_owned(),
            ErrorKind::Version,
            "the daemon says that it speaks API \"abc\", which is no version",
        ),
        (String::new(), ErrorKind::Interrupted, "without an answer"),
    ] {
        let daemon = Daemon::start(move |mut peer| {
            let answer = answer.clone();
            async move {
                let head = peer.request().await.line().starts_with("HEAD");
                let end = answer.find("\r\n\r\n").map_or(0, |end| end + 4);
                let sent = if head { &answer[..end] } else { &answer };
                peer.send(sent.as_bytes()).await;
            }
        });
        let connection = daemon.connection().negotiating(&HISTORY, None);
        let error = list(&connection).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        // It may be another one by now.
        assert!(list(&connection).await.is_err());
    }
}

#[tokio::test]
async fn a_daemon_that_does_not_answer_has_a_limit() {
    let silent = Daemon::start(|mut peer| async move {
        peer.request().await;
        peer.closed().await;
    });
    let connection = silent.connection_with(Limits {
        headers: Some(Duration::from_millis(100)),
        ..Limits::default()
    });
    let connection = connection.negotiating(&HISTORY, None);
    let error = connection.negotiate().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

/// Restarted with another window between two calls.
#[tokio::test]
async fn another_daemon_is_negotiated_with_anew() {
    let highest = Arc::new(AtomicUsize::new(43));
    let now = highest.clone();
    let (daemon, seen) = daemon(move |request| {
        let highest = now.load(Ordering::Relaxed);
        let header = format!("Api-Version: 1.{highest}\r\n");
        let line = request.line();
        if line.contains("/_ping") {
            return pong(line, &header);
        }
        let minor = line.split("/v1.").nth(1).and_then(|rest| rest.get(..2));
        let spoken: usize = minor.unwrap().parse().unwrap();
        let answer = if spoken > highest {
            let words = format!(
                "client version 1.{spoken} is too new. Maximum supported API version is 1.{highest}"
            );
            typed("400 Bad Request", "text/plain", &words)
        } else {
            json("200 OK", "{}")
        };
        answer.replacen("\r\n", &format!("\r\n{header}"), 1)
    });
    let connection = daemon.connection().negotiating(&HISTORY, None);
    list(&connection).await.unwrap();
    lines(&seen);

    // Older: the call is sent once more, with all that it has.
    highest.store(41, Ordering::Relaxed);
    let mut create = Call::new(&connection, &CREATE);
    create.query("platform", "linux");
    create.json_body(&serde_json_body(r#"{"HostConfig":{"Memory":1}}"#));
    create.unit().await.unwrap();
    assert_eq!(
        lines(&seen),
        [
            "POST /v1.43/containers/create?platform=linux",
            "HEAD /_ping",
            "POST /v1.41/containers/create?platform=linux"
        ]
    );
    assert_eq!(connection.negotiated().unwrap().renegotiations, 1);

    // Newer: the next call speaks it.
    highest.store(42, Ordering::Relaxed);
    list(&connection).await.unwrap();
    list(&connection).await.unwrap();
    assert_eq!(
        lines(&seen),
        [
            "GET /v1.41/containers/json",
            "HEAD /_ping",
            "GET /v1.42/containers/json"
        ]
    );
    assert_eq!(connection.negotiated().unwrap().renegotiations, 2);

    // What the older one does not have is refused, and not sent again.
    highest.store(40, Ordering::Relaxed);
    let mut create = Call::new(&connection, &CREATE);
    create.query("platform", "linux");
    let error = create.unit().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "containers.create: platform needs API 1.41 (Docker 20.10), this connection speaks 1.40"
    );

    // A body that is there but once is not sent twice.
    highest.store(43, Ordering::Relaxed);
    list(&connection).await.unwrap();
    list(&connection).await.unwrap();
    highest.store(42, Ordering::Relaxed);
    lines(&seen);
    let mut create = Call::new(&connection, &CREATE);
    create.body("application/x-tar", Body::reader(&b"x"[..]));
    let error = create.unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version);
    assert_eq!(
        error.to_string(),
        "the daemon speaks API 1.42 and earlier, and this connection spoke 1.43: send the request again"
    );
    assert_eq!(lines(&seen).len(), 1);
    list(&connection).await.unwrap();
    assert_eq!(lines(&seen), ["HEAD /_ping", "GET /v1.42/containers/json"]);
}

fn serde_json_body(text: &str) -> docker_api_gen_core::Json {
    text.parse().unwrap()
}

/// Everything that can be more than a version has, said at once.
fn everything(connection: &Connection) -> Call<'_> {
    let mut call = Call::new(connection, &CREATE);
    call.query("name", "a&b");
    call.query("platform", "linux");
    call.query("reserved", "5");
    call.set_header("x-thing", "1");
    call.json_body(&serde_json_body(
        r#"{"HostConfig":{"Annotations":{"a":"b"},"KernelMemory":1,"Memory":1,
            "Mounts":[{"Type":"volume"},{"Target":"/x","Type":"image"}]}}"#,
    ));
    call
}

fn fixed(minor: u16) -> Connection {
    let connection = Connection::open("tcp://127.0.0.1:1").unwrap();
    connection.speaking(&HISTORY, version(minor)).unwrap()
}

#[test]
fn what_a_version_lacks_is_named_all_at_once() {
    let error = everything(&fixed(40)).into_request().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "containers.create: platform needs API 1.41 (Docker 20.10), X-Thing needs API 1.43 (Docker 24.0), \
         HostConfig.Annotations needs API 1.43 (Docker 24.0), \
         HostConfig.Mounts[1].Type \"image\" needs API 1.43 (Docker 24.0); this connection speaks 1.40"
    );
    let error = everything(&fixed(43)).into_request().unwrap_err();
    assert_eq!(
        error.to_string(),
        "containers.create: HostConfig.KernelMemory exists up to API 1.41 (Docker 20.10), \
         this connection speaks 1.43"
    );
    let error = Call::new(&fixed(42), &NEW).into_request().unwrap_err();
    assert_eq!(
        error.to_string(),
        "containers.new: the operation needs API 1.43 (Docker 24.0), this connection speaks 1.42"
    );
    Call::new(&fixed(43), &NEW).into_request().unwrap();
}

#[test]
fn what_a_version_lacks_can_be_left_out_or_sent() {
    let connection = fixed(40);
    let mut call = everything(&connection);
    call.set_unsupported(Unsupported::Drop);
    let request = call.into_request().unwrap();
    assert_eq!(
        request.path_and_query(),
        "/v1.40/containers/create?name=a%26b&keep=5"
    );
    assert!(request.headers().get("x-thing").is_none());
    let body = String::from_utf8(request.body().as_bytes().unwrap().to_vec()).unwrap();
    assert_eq!(
        body,
        r#"{"HostConfig":{"KernelMemory":1,"Memory":1,"Mounts":[{"Type":"volume"},{"Target":"/x"}]}}"#
    );

    let mut call = everything(&connection);
    call.set_unsupported(Unsupported::Send);
    let request = call.into_request().unwrap();
    assert_eq!(
        request.path_and_query(),
        "/v1.40/containers/create?name=a%26b&platform=linux&reserved=5"
    );

    // For all calls of a client.
    let connection = connection.with_unsupported(Unsupported::Drop);
    everything(&connection).into_request().unwrap();
}

#[test]
fn a_version_that_is_not_spoken_cannot_be_fixed() {
    let connection = Connection::open("tcp://127.0.0.1:1").unwrap();
    let error = connection.speaking(&HISTORY, version(44)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this client does not speak API 1.44, but 1.40 to 1.43"
    );
}

#[tokio::test]
async fn a_refused_call_asks_for_the_version_and_sends_nothing_else() {
    let (daemon, seen) = speaking("1.40", "1.24");
    let connection = daemon.connection().negotiating(&HISTORY, None);
    everything(&connection).unit().await.unwrap_err();
    assert_eq!(lines(&seen), ["HEAD /_ping"]);
    // Input that no version can be told does not even ask.
    let connection = daemon.connection().negotiating(&HISTORY, None);
    let mut call = Call::new(&connection, &CREATE);
    call.set_header("no header", "x");
    let error = call.unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(lines(&seen).is_empty());
}

#[test]
fn what_versions_have_can_be_asked_by_name() {
    let found = HISTORY.lookup("HostConfig.KernelMemory");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].what, "containers.create HostConfig.KernelMemory");
    assert_eq!(found[0].since.api, version(40));
    assert_eq!(found[0].until.unwrap().docker, "Docker 20.10");
    let image = HISTORY.lookup("HostConfig.Mounts[].Type=image");
    assert_eq!(image[0].outside, Outside::Refused);
    assert_eq!(HISTORY.lookup("containers.new")[0].since.api, version(43));
    assert!(HISTORY.lookup("HostConfig").is_empty());
    // All versions have it; not to say it has two meanings.
    let mode = &HISTORY.lookup("HostConfig.IpcMode")[0];
    assert_eq!((mode.since.api, mode.until), (version(40), None));
    let means: Vec<_> = mode
        .unsaid
        .iter()
        .map(|(from, means)| (from.api, *means))
        .collect();
    assert_eq!(
        means,
        [(version(40), "shareable"), (version(41), "private")]
    );
    assert!(
        HISTORY
            .has(version(40), "containers.create HostConfig.IpcMode")
            .unwrap()
    );

    assert!(
        !HISTORY
            .has(version(41), "containers.create HostConfig.Annotations")
            .unwrap()
    );
    assert!(
        HISTORY
            .has(version(43), "containers.create HostConfig.Annotations")
            .unwrap()
    );
    assert!(HISTORY.has(version(40), "containers.create Image").unwrap());
    assert!(!HISTORY.has(version(42), "containers.new anything").unwrap());
    let error = HISTORY.has(version(42), "containers.nwe").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no operation \"containers.nwe\": write it as in containers.stop"
    );

    let floor = HISTORY.floor(["containers.create platform", "containers.create reserved"]);
    assert_eq!(floor.unwrap().docker, "Docker 23.0");
    assert_eq!(HISTORY.floor([]).unwrap().api, version(40));
    let apart = [
        "containers.create HostConfig.KernelMemory",
        "containers.new",
    ];
    let error = HISTORY.floor(apart).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
