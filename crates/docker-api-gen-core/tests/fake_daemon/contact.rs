//! The first contact of a client that is pinned to a version.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use docker_api_gen_core::{ApiVersion, Call, Connection, Error, ErrorKind};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::daemon::{Daemon, PATIENCE, json, typed};
use crate::operations::LIST;

const PIN: ApiVersion = ApiVersion::new(1, 41);
const LISTED: &str = "GET /v1.41/containers/json HTTP/1.1";
const PINGED: &str = "GET /v1.41/_ping HTTP/1.1";
const ASKED: &str = "GET /version HTTP/1.1";

/// Asked for once the highest version is known that the daemon speaks.
fn is_question(line: &str) -> bool {
    line.starts_with("GET /v1.") && line.ends_with("/version HTTP/1.1")
}

/// The request lines that a daemon saw.
type Seen = Arc<Mutex<Vec<String>>>;

/// A daemon that answers each request by its line.
fn daemon(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (Daemon, Seen) {
    let seen = Seen::default();
    let (noted, answer) = (seen.clone(), Arc::new(answer));
    let daemon = Daemon::start(move |mut peer| {
        let (noted, answer) = (noted.clone(), answer.clone());
        async move {
            while let Some(request) = peer.next_request().await {
                noted.lock().unwrap().push(request.line().to_owned());
                peer.send(answer(request.line()).as_bytes()).await;
            }
        }
    });
    (daemon, seen)
}

fn pong(version: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nApi-Version: {version}\r\nContent-Length: 2\r\n\r\nOK")
}

fn refusal(text: &str) -> String {
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nApi-Version: 1.52\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}

async fn list(connection: &Connection) -> Result<(), Error> {
    Call::new(connection, &LIST).unit().await
}

#[tokio::test]
async fn concurrent_first_calls_share_one_ping() {
    let (daemon, seen) = daemon(|line| match line {
        PINGED => pong("1.51"),
        _ => json("200 OK", "[]"),
    });
    let connection = daemon.connection().pinned(PIN);
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let connection = connection.clone();
        calls.spawn(async move { list(&connection).await });
    }
    while let Some(result) = calls.join_next().await {
        result.unwrap().unwrap();
    }
    list(&connection).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], PINGED);
    assert_eq!(seen.iter().filter(|line| *line == PINGED).count(), 1);
    assert_eq!(seen.iter().filter(|line| *line == LISTED).count(), 51);
}

#[tokio::test]
async fn a_client_that_is_lazy_does_not_ping() {
    let (daemon, seen) = daemon(|_| json("200 OK", "[]"));
    list(&daemon.connection()).await.unwrap();
    list(&daemon.connection().pinned(PIN).unpinned())
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), [LISTED, LISTED]);
}

#[tokio::test]
async fn a_mismatch_names_both_windows_and_nothing_else_is_sent() {
    let old = "client version 1.41 is too old. Minimum supported API version is 1.44, \
               please upgrade your client to a newer version";
    let new = "client version 1.41 is too new. Maximum supported API version is 1.39";
    let report = |lowest: &str, highest: &str| {
        json(
            "200 OK",
            &format!(r#"{{"Version":"x","ApiVersion":"{highest}","MinAPIVersion":"{lowest}"}}"#),
        )
    };
    let nothing = || typed("403 Forbidden", "text/plain", "no");
    for (ping, version, says, highest) in [
        (
            refusal(old),
            report("1.44", "1.52"),
            "the daemon speaks API 1.44 to 1.52, this client is pinned to 1.41: enable the feature v1_44 or later, \
             or lower the daemon's minimum (DOCKER_MIN_API_VERSION)",
            (1, 52),
        ),
        (
            refusal(old),
            nothing(),
            "the daemon speaks API 1.44 to 1.52, this client is pinned to 1.41: enable the feature v1_44 or later, \
             or lower the daemon's minimum (DOCKER_MIN_API_VERSION)",
            (1, 52),
        ),
        (
            refusal(new),
            report("1.12", "1.39"),
            "the daemon speaks API 1.12 to 1.39, this client is pinned to 1.41: enable the feature v1_39 or earlier, \
             or update the daemon",
            (1, 39),
        ),
        (
            refusal(new),
            nothing(),
            "the daemon speaks API 1.39 and earlier, this client is pinned to 1.41: enable the feature v1_39 or earlier, \
             or update the daemon",
            (1, 39),
        ),
        // Podman answers everything, and says what it can do.
        (
            pong("1.40"),
            report("1.24", "1.40"),
            "the daemon speaks API 1.24 to 1.40, this client is pinned to 1.41: enable the feature v1_40 or earlier, \
             or update the daemon",
            (1, 40),
        ),
        (
            pong("1.40"),
            nothing(),
            "the daemon speaks API 1.40 and earlier, this client is pinned to 1.41: enable the feature v1_40 or earlier, \
             or update the daemon",
            (1, 40),
        ),
    ] {
        let (daemon, seen) = daemon(move |line| match line {
            PINGED => ping.clone(),
            line if is_question(line) => version.clone(),
            _ => json("200 OK", "[]"),
        });
        let connection = daemon.connection().pinned(PIN);
        let error = list(&connection).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Version);
        assert!(error.is_version_mismatch());
        assert_eq!(error.to_string(), says);
        assert_eq!(error.operation(), Some("containers.list"));
        assert_eq!(
            error.daemon_api_version(),
            Some(ApiVersion::new(highest.0, highest.1))
        );
        let question = format!("GET /v1.{}/version HTTP/1.1", highest.1);
        assert_eq!(*seen.lock().unwrap(), [PINGED, &question]);
        // The daemon may be another by now.
        list(&connection).await.unwrap_err();
        assert_eq!(seen.lock().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn what_keeps_the_ping_away_may_let_the_call_pass() {
    for answer in [
        typed("403 Forbidden", "text/html", "<html>no</html>"),
        typed("404 Not Found", "text/plain", "404 page not found"),
        typed("500 Internal Server Error", "text/plain", "oops"),
        typed("200 OK", "text/html", "<html>hello</html>"),
        "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n".to_owned(),
        pong("not a version"),
    ] {
        let (daemon, seen) = daemon(move |line| match line {
            PINGED => answer.clone(),
            _ => json("200 OK", "[]"),
        });
        let connection = daemon.connection().pinned(PIN);
        list(&connection).await.unwrap();
        list(&connection).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [PINGED, LISTED, LISTED]);
    }
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_wait_for_it() {
    let pings = Arc::new(AtomicUsize::new(0));
    let count = pings.clone();
    let daemon = Daemon::start(move |mut peer| {
        let count = count.clone();
        async move {
            peer.request().await;
            count.fetch_add(1, Ordering::Relaxed);
            peer.closed().await;
        }
    });
    let connection = daemon.connection().pinned(PIN);
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let connection = connection.clone();
        calls.spawn(async move {
            let mut call = Call::new(&connection, &LIST);
            call.set_timeout(Duration::from_millis(300));
            call.unit().await.unwrap_err()
        });
    }
    while let Some(error) = calls.join_next().await {
        let error = error.unwrap();
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(
            error.to_string(),
            "containers.list: the daemon did not answer within 300ms: allow more time if it is busy"
        );
    }
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());

    // There is nothing to wait for where nobody is.
    let connection = Connection::open("unix:///nonexistent/d.sock")
        .unwrap()
        .pinned(PIN);
    let (one, other) = tokio::join!(list(&connection), list(&connection));
    for error in [one.unwrap_err(), other.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn somebody_else_goes_on_where_the_first_gives_up() {
    let slow = Arc::new(Notify::new());
    let pings = Arc::new(AtomicUsize::new(0));
    let (wait, count) = (slow.clone(), pings.clone());
    let daemon = Daemon::start(move |mut peer| {
        let (wait, count) = (wait.clone(), count.clone());
        async move {
            while let Some(request) = peer.next_request().await {
                if request.line() == PINGED && count.fetch_add(1, Ordering::Relaxed) == 0 {
                    wait.notify_one();
                    return peer.closed().await;
                }
                let answer = match request.line() {
                    PINGED => pong("1.51"),
                    _ => json("200 OK", "[]"),
                };
                peer.send(answer.as_bytes()).await;
            }
        }
    });
    let connection = daemon.connection().pinned(PIN);
    let first = tokio::spawn({
        let connection = connection.clone();
        async move { list(&connection).await }
    });
    slow.notified().await;
    let second = tokio::spawn({
        let connection = connection.clone();
        async move { list(&connection).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.abort();
    tokio::time::timeout(PATIENCE, second)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(pings.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_report_tells_of_both_sides() {
    const NEW: &str = r#"{"Platform":{"Name":"Docker Engine"},"Components":[
        {"Name":"Engine","Version":"28.5.2","Details":{"ApiVersion":"1.51","MinAPIVersion":"1.24"}},
        {"Name":"containerd","Version":"1.7.24","Details":{"GitCommit":"1.7.24~ds1"}}],
        "Version":"28.5.2","ApiVersion":"1.51","MinAPIVersion":"1.24","GitCommit":"abc","GoVersion":"go1.24",
        "Os":"linux","Arch":"amd64","KernelVersion":"6.1","BuildTime":"2026-01-01"}"#;
    const OLD: &str = r#"{"Version":"1.13.1","ApiVersion":"1.26","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64","Experimental":false}"#;
    for (answer, min, max, version, says) in [
        (
            NEW,
            ApiVersion::new(1, 24),
            ApiVersion::new(1, 51),
            "28.5.2",
            "Server: Docker Engine\n Engine:\n  Version:          28.5.2\n  Go version:       go1.24\n  \
             Git commit:       abc\n  Built:            2026-01-01\n  Kernel:           6.1\n  \
             API version:      1.51 (minimum version 1.24)\n  OS/Arch:          linux/amd64\n containerd:\n  \
             Version:          1.7.24\n  Git commit:       1.7.24~ds1\n",
        ),
        (
            OLD,
            ApiVersion::new(1, 12),
            ApiVersion::new(1, 26),
            "1.13.1",
            "Server:\n Engine:\n  Version:          1.13.1\n  Experimental:     false\n  \
             API version:      1.26 (minimum version 1.12)\n  OS/Arch:          linux/amd64\n",
        ),
    ] {
        let (daemon, seen) = daemon(move |_| json("200 OK", answer));
        let connection = daemon.connection();
        let report = connection.version_report(PIN).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [ASKED]);
        assert_eq!(report.client_api_version(), PIN);
        assert_eq!(report.client_version(), env!("CARGO_PKG_VERSION"));
        assert_eq!(report.daemon_version(), Some(version));
        assert_eq!(report.daemon_api_version(), Some(max));
        assert_eq!(report.daemon_min_api_version(), Some(min));
        let shown = report.to_string();
        assert!(
            shown.starts_with("Client: docker-api-gen\n Version: "),
            "{shown}"
        );
        assert!(shown.contains(" API version:      1.41\n"), "{shown}");
        assert!(
            shown.contains(&format!(" Daemon:           {}\n", connection.host())),
            "{shown}"
        );
        assert!(shown.ends_with(says), "{shown}");
    }
}

/// Run by the test below, in a process with variables of its own.
#[test]
#[ignore = "run by another test"]
fn with_a_variable() {
    let connection = || Connection::builder().host("tcp://127.0.0.1:1");
    let error = connection().build().unwrap().pin(PIN).unwrap_err();
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::Version);
    connection()
        .build()
        .unwrap()
        .pin(ApiVersion::new(1, 44))
        .unwrap();
    connection()
        .ignore_api_version_variable()
        .build()
        .unwrap()
        .pin(PIN)
        .unwrap();
    connection()
        .ignore_environment()
        .build()
        .unwrap()
        .pin(PIN)
        .unwrap();
    Connection::open("tcp://127.0.0.1:1")
        .unwrap()
        .pin(PIN)
        .unwrap();
    // A client over a connection that exists already learns of it with its first call.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime
        .block_on(list(&connection().build().unwrap().pinned(PIN)))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version);
}

#[test]
fn a_variable_that_asks_for_another_version_is_an_error_that_names_both() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "contact::with_a_variable",
            "--ignored",
            "--nocapture",
        ])
        .env("DOCKER_API_VERSION", "1.44")
        .env("DOCKER_CONFIG", "/nonexistent")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains(
            "DOCKER_API_VERSION asks for API 1.44, and this client is pinned to 1.41: unset it, use the client of the \
             feature v1_44, or have it ignored (ConnectionBuilder::ignore_api_version_variable)"
        ),
        "{text}"
    );
}
