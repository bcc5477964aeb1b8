//! What those who watch with `tracing` see of requests, and what not.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use docker_api_gen_core::{ApiVersion, Call, Connection, ErrorKind, Operation};
use http::Method;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

const SECRET: &str = "mark-of-a-secret";

static INSPECT: Operation = Operation {
    id: "ContainerInspect",
    name: "containers.inspect",
    method: Method::GET,
    path: "/containers/{id}/json",
    version: ApiVersion::new(1, 41),
    outcomes: &[],
    unbounded: false,
    tty: None,
};

/// A span or an event.
#[derive(Clone, Debug)]
struct Seen {
    target: String,
    name: String,
    level: Level,
    fields: BTreeMap<String, String>,
}

/// Writes down all that there is to see.
#[derive(Clone, Default)]
struct Watcher(Arc<Mutex<Vec<Seen>>>);

impl Watcher {
    fn ours(&self) -> Vec<Seen> {
        let seen = self.0.lock().unwrap();
        let ours = seen.iter().filter(|span| span.target == "docker_api_gen");
        ours.cloned().collect()
    }

    fn at<T>(&self, id: &Id, act: impl FnOnce(&mut Seen) -> T) -> T {
        act(&mut self.0.lock().unwrap()[id.into_u64() as usize - 1])
    }
}

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Subscriber for Watcher {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = BTreeMap::new();
        span.record(&mut Fields(&mut fields));
        let metadata = span.metadata();
        let mut seen = self.0.lock().unwrap();
        seen.push(Seen {
            target: metadata.target().to_owned(),
            name: metadata.name().to_owned(),
            level: *metadata.level(),
            fields,
        });
        Id::from_u64(seen.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.at(span, |seen| values.record(&mut Fields(&mut seen.fields)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let metadata = event.metadata();
        self.0.lock().unwrap().push(Seen {
            target: metadata.target().to_owned(),
            name: "event".to_owned(),
            level: *metadata.level(),
            fields,
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn clone_span(&self, id: &Id) -> Id {
        id.clone()
    }

    fn try_close(&self, _: Id) -> bool {
        false
    }
}

/// A daemon that answers one request with this after a while, and the connection to it.
fn daemon(answer: &'static str, pause: Duration) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("d.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        thread::sleep(pause);
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let connection = Connection::open(&format!("unix://{}", socket.display())).unwrap();
    (folder, connection)
}

fn call<'c>(connection: &'c Connection) -> Call<'c> {
    let mut call = Call::new(connection, &INSPECT);
    call.path("id", SECRET);
    call.query("q", SECRET);
    call.set_header("X-Mine", SECRET);
    call
}

/// Runs `act` where everything is seen.
fn watch(act: impl Future<Output = ()>) -> Vec<Seen> {
    let watcher = Watcher::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tracing::subscriber::with_default(watcher.clone(), || runtime.block_on(act));
    let ours = watcher.ours();
    assert!(!format!("{ours:?}").contains(SECRET), "{ours:?}");
    ours
}

fn duration(seen: &Seen) -> f64 {
    seen.fields["duration_ms"].parse().unwrap()
}

#[test]
fn a_request_is_a_span() {
    let seen = watch(async {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let (_folder, connection) = daemon(answer, Duration::from_millis(30));
        call(&connection).unit().await.unwrap();
    });
    let [span] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    assert_eq!(
        (span.name.as_str(), span.level),
        ("docker request", Level::DEBUG)
    );
    let names: Vec<_> = span.fields.keys().collect();
    assert_eq!(names, ["api_version", "duration_ms", "operation", "status"]);
    assert_eq!(span.fields["operation"], "\"containers.inspect\"");
    assert_eq!(span.fields["api_version"], "1.41");
    assert_eq!(span.fields["status"], "200");
    assert!((30.0..10_000.0).contains(&duration(span)), "{span:?}");
}

#[test]
fn a_failure_has_its_kind() {
    let body = r#"{"message":"no mark-of-a-secret"}"#;
    let seen = watch(async move {
        let answer = "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n{\"message\":\"no mark-of-a-secret\"}";
        assert!(answer.ends_with(body));
        let (_folder, connection) = daemon(answer, Duration::ZERO);
        let error = call(&connection).unit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].fields["status"], "404");
    assert_eq!(seen[0].fields["error"], "NotFound");

    let seen = watch(async {
        let connection = Connection::open("unix:///nowhere/at/all.sock").unwrap();
        call(&connection).unit().await.unwrap_err();
    });
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].fields.get("status"), None);
    assert_eq!(seen[0].fields["error"], "Connect");
    assert!(duration(&seen[0]) < 10_000.0);

    let seen = watch(async {
        let (_folder, connection) = daemon("", Duration::from_secs(1));
        let mut call = call(&connection);
        call.set_timeout(Duration::from_millis(50));
        call.unit().await.unwrap_err();
    });
    assert_eq!(seen[0].fields["error"], "Timeout");
    assert!(duration(&seen[0]) >= 50.0);
}

#[test]
fn a_request_that_is_given_up_has_its_duration() {
    let seen = watch(async {
        let (_folder, connection) = daemon("", Duration::from_secs(1));
        let limit = Duration::from_millis(50);
        assert!(
            tokio::time::timeout(limit, call(&connection).unit())
                .await
                .is_err()
        );
    });
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].fields.get("error"), None);
    assert!(duration(&seen[0]) >= 50.0);
}

#[test]
fn what_is_not_sent_is_not_seen() {
    let seen = watch(async {
        let connection = Connection::open("unix:///nowhere/at/all.sock").unwrap();
        let mut call = Call::new(&connection, &INSPECT);
        call.path("id", "");
        call.unit().await.unwrap_err();
    });
    assert!(seen.is_empty(), "{seen:?}");
}
