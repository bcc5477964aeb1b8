//! The proxy between a client and a daemon that do what they like.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_api_gen_traffic::exchange::{self, Exchange};
use docker_api_gen_traffic::record::{Address, Record};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

struct Proxy {
    folder: TempDir,
    stop: oneshot::Sender<()>,
    running: JoinHandle<u64>,
}

impl Proxy {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = |name: &str| Address::Unix(folder.path().join(name));
        let record = Record {
            listen: address("proxy.sock"),
            upstream: address("daemon.sock"),
            out: folder.path().join("traffic.jsonl"),
        };
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let running = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            let ready = move |_: &Address| ready.send(()).unwrap();
            record.run(ready, stopped).await.unwrap()
        });
        started.await.unwrap();
        Self {
            folder,
            stop,
            running,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A daemon that does the same with each connection.
    fn daemon<F>(&self, serve: impl Fn(UnixStream) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = UnixListener::bind(self.path("daemon.sock")).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    }

    async fn client(&self) -> UnixStream {
        UnixStream::connect(self.path("proxy.sock")).await.unwrap()
    }

    /// What was recorded.
    async fn end(self) -> Vec<Exchange> {
        self.stop.send(()).unwrap();
        let written = soon(self.running).await.unwrap();
        assert!(!self.folder.path().join("proxy.sock").exists());
        let exchanges = read(&self.folder.path().join("traffic.jsonl"));
        assert_eq!(exchanges.len() as u64, written);
        exchanges
    }
}

fn read(path: &Path) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    exchange::read(path, |_, exchange| {
        exchanges.push(exchange);
        Ok(())
    })
    .unwrap();
    exchanges
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    timeout(limit, future).await.expect("it takes too long")
}

/// Reads until the text ends like this.
async fn until(stream: &mut UnixStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let mut byte = [0];
        let read = soon(stream.read(&mut byte)).await.unwrap();
        assert_eq!(read, 1, "ended after {:?}", String::from_utf8_lossy(&text));
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

async fn to_end(stream: &mut UnixStream) -> String {
    let mut text = String::new();
    soon(stream.read_to_string(&mut text)).await.unwrap();
    text
}

async fn say(stream: &mut UnixStream, text: &str) {
    soon(stream.write_all(text.as_bytes())).await.unwrap();
}

fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_connection_is_kept_and_nothing_in_it_changed() {
    let proxy = Proxy::start().await;
    let request = "GET /v1.41/info HTTP/1.1\r\nhOsT: x\r\nX-Odd:  y\r\n\r\n";
    proxy.daemon(move |mut stream| async move {
        for n in 0..2 {
            assert_eq!(until(&mut stream, "\r\n\r\n").await, request);
            say(&mut stream, &json(&format!("{{\"NCPU\":{n}}}"))).await;
        }
    });
    let mut client = proxy.client().await;
    for n in 0..2 {
        say(&mut client, request).await;
        assert_eq!(
            until(&mut client, "}").await,
            json(&format!("{{\"NCPU\":{n}}}"))
        );
    }
    assert_eq!(to_end(&mut client).await, "");
    let exchanges = proxy.end().await;
    assert_eq!(exchanges.len(), 2);
    assert_eq!(
        exchanges[1].resp.as_ref().unwrap().documents()[0]["NCPU"],
        1
    );
    assert!(!exchanges[1].client_gone);
}

#[tokio::test]
async fn streams_pass_as_they_come_in_both_directions() {
    let proxy = Proxy::start().await;
    proxy.daemon(|mut stream| async move {
        until(&mut stream, "\r\n\r\n").await;
        say(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
        until(&mut stream, "2\r\n{}\r\n").await;
        say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        say(&mut stream, "7\r\n{\"id\":\"\r\n1\r\n\"\r\n").await;
        until(&mut stream, "0\r\n\r\n").await;
        say(&mut stream, "2\r\n}\n\r\n0\r\n\r\n").await;
        assert_eq!(to_end(&mut stream).await, "");
    });
    let mut client = proxy.client().await;
    say(
        &mut client,
        "POST /v1.41/build HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    .await;
    until(&mut client, "100 Continue\r\n\r\n").await;
    say(&mut client, "2\r\n{}\r\n").await;
    until(&mut client, "1\r\n\"\r\n").await;
    say(&mut client, "0\r\n\r\n").await;
    until(&mut client, "0\r\n\r\n").await;
    drop(client);
    let exchanges = proxy.end().await;
    assert_eq!(exchanges.len(), 1);
    assert!(!exchanges[0].client_gone);
    assert_eq!(exchanges[0].resp.as_ref().unwrap().bytes, Some(10));
}

#[tokio::test]
async fn an_upgraded_connection_can_be_ended_on_one_side() {
    let proxy = Proxy::start().await;
    proxy.daemon(|mut stream| async move {
        until(&mut stream, "\r\n\r\n{}").await;
        say(
            &mut stream,
            "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        )
        .await;
        let typed = to_end(&mut stream).await;
        say(&mut stream, &typed.to_uppercase()).await;
    });
    let mut client = proxy.client().await;
    say(&mut client, "POST /v1.41/exec/a/start HTTP/1.1\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}").await;
    until(&mut client, "\r\n\r\n").await;
    say(&mut client, "secret").await;
    soon(client.shutdown()).await.unwrap();
    assert_eq!(to_end(&mut client).await, "SECRET");
    drop(client);
    let exchanges = proxy.end().await;
    let exchange = &exchanges[0];
    assert!(exchange.hijacked && !exchange.client_gone);
    assert_eq!(exchange.status, Some(101));
    assert_eq!(exchange.req.as_ref().unwrap().documents().len(), 1);
    assert!(!serde_json::to_string(exchange).unwrap().contains("SECRET"));
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_a_502() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client().await;
    say(
        &mut client,
        "POST /v1.41/containers/create HTTP/1.1\r\nContent-Length: 9999\r\n\r\n{",
    )
    .await;
    let answer = to_end(&mut client).await;
    assert!(
        answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("cannot reach the daemon at unix:///"),
        "{answer}"
    );
    drop(client);

    let mut client = proxy.client().await;
    say(&mut client, "HEAD /_ping HTTP/1.1\r\n\r\n").await;
    let answer = to_end(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "no body: {answer}");
    drop(client);

    // One that comes up later is found, and one that hangs up is as good as none.
    proxy.daemon(|mut stream| async move {
        until(&mut stream, "\r\n\r\n").await;
    });
    let mut client = proxy.client().await;
    say(&mut client, "GET /v1.41/info HTTP/1.1\r\n\r\n").await;
    let answer = to_end(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(answer.contains("hung up without an answer"), "{answer}");
    drop(client);

    let exchanges = proxy.end().await;
    let statuses: Vec<_> = exchanges.iter().map(|exchange| exchange.status).collect();
    assert_eq!(statuses, [Some(502); 3]);
    assert!(exchanges[0].more.contains_key("error"));
    assert!(exchanges[0].req.as_ref().unwrap().more.contains_key("cut"));
}

#[tokio::test]
async fn a_client_that_leaves_is_noted_and_the_daemon_learns_of_it() {
    let proxy = Proxy::start().await;
    let (learned, learns) = oneshot::channel::<()>();
    let learned = std::sync::Arc::new(std::sync::Mutex::new(Some(learned)));
    proxy.daemon(move |mut stream| {
        let learned = learned.lock().unwrap().take();
        async move {
            until(&mut stream, "\r\n\r\n").await;
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            say(&mut stream, "11\r\n{\"status\":\"die\"}\n\r\n").await;
            to_end(&mut stream).await;
            drop(learned);
        }
    });
    let mut client = proxy.client().await;
    say(&mut client, "GET /v1.41/events HTTP/1.1\r\n\r\n").await;
    until(&mut client, "}\n").await;
    drop(client);
    assert!(soon(learns).await.is_err());
    // The connection has ended on both sides; the proxy sees that in its own time.
    while std::fs::metadata(proxy.path("traffic.jsonl"))
        .unwrap()
        .len()
        == 0
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let exchanges = proxy.end().await;
    assert!(exchanges[0].client_gone);
    let body = exchanges[0].resp.as_ref().unwrap();
    assert_eq!(body.documents().len(), 1);
    assert!(body.more.contains_key("cut"));
}

#[tokio::test]
async fn many_connections_are_served_and_those_that_go_on_end_with_the_recording() {
    let proxy = Proxy::start().await;
    proxy.daemon(|mut stream| async move {
        let request = until(&mut stream, "\r\n\r\n").await;
        if request.contains("/events") {
            say(
                &mut stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}\n",
            )
            .await;
            to_end(&mut stream).await;
            return;
        }
        say(&mut stream, &json("[]")).await;
        to_end(&mut stream).await;
    });
    let mut clients = Vec::new();
    for n in 0..50 {
        let mut client = proxy.client().await;
        let path = if n % 5 == 0 { "events" } else { "images/json" };
        say(&mut client, &format!("GET /v1.41/{path} HTTP/1.1\r\n\r\n")).await;
        clients.push(client);
    }
    for (n, client) in clients.iter_mut().enumerate() {
        until(client, if n % 5 == 0 { "{}\n" } else { "[]" }).await;
    }
    let exchanges = proxy.end().await;
    assert_eq!(exchanges.len(), 50);
    let cut = |exchange: &&Exchange| exchange.resp.as_ref().unwrap().more.contains_key("cut");
    assert_eq!(exchanges.iter().filter(cut).count(), 10);
    assert!(exchanges.iter().all(|exchange| !exchange.client_gone));
    for client in &mut clients {
        assert_eq!(to_end(client).await, "");
    }
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let proxy = Proxy::start().await;
    let record = |listen: &str, out: &str| Record {
        listen: Address::Unix(proxy.path(listen)),
        upstream: Address::Unix(proxy.path("daemon.sock")),
        out: proxy.path(out),
    };
    std::fs::write(proxy.path("old.jsonl"), "{}").unwrap();
    let refused = async |record: Record| {
        let run = record.run(|_| panic!("it listens"), std::future::pending());
        format!("{:#}", soon(run).await.unwrap_err())
    };
    let error = refused(record("other.sock", "old.jsonl")).await;
    assert!(
        error.ends_with("old.jsonl is there already: name another file, or remove it"),
        "{error}"
    );
    let error = refused(record("proxy.sock", "new.jsonl")).await;
    assert!(error.ends_with("somebody listens there already"), "{error}");
    let error = refused(record("old.jsonl", "new.jsonl")).await;
    assert!(
        error.ends_with("the file is there already, and is no socket"),
        "{error}"
    );
    let mut public = record("x", "new.jsonl");
    public.listen = Address::Tcp("0.0.0.0:0".to_owned());
    let error = refused(public).await;
    assert!(error.contains("open to others"), "{error}");
    assert_eq!(
        std::fs::read_to_string(proxy.path("old.jsonl")).unwrap(),
        "{}"
    );
}
