//! A registry that begins to answer and never ends: pulls and pushes that are under way for as long as one likes.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, setns};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the one image of the registry is made of. The layer is only announced.
const CONFIG: &str = r#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}}"#;
const LAYER: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Listens in the network of the process `pid` for as long as this program runs, and gives the address.
pub(crate) fn start(pid: u32) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    // A network is a thread's own.
    thread::spawn(move || {
        let network = File::open(format!("/proc/{pid}/ns/net")).expect("a network");
        setns(network, CloneFlags::CLONE_NEWNET).expect("the network can be joined");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            sender
                .send(listener.local_addr().expect("an address"))
                .expect("somebody asked");
            while let Ok((stream, _)) = listener.accept().await {
                // A daemon that goes away is what this is for.
                tokio::spawn(async move { serve(stream).await.ok() });
            }
        });
    });
    receiver.recv().expect("the registry starts")
}

async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = Vec::new();
        // TLS is tried first, and has no lines.
        if stream.fill_buf().await?.first() == Some(&0x16) {
            return Ok(());
        }
        if stream.read_until(b'\n', &mut request).await? == 0 {
            return Ok(());
        }
        let mut header = Vec::new();
        while header != b"\r\n" {
            header.clear();
            if stream.read_until(b'\n', &mut header).await? == 0 {
                return Ok(());
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        if method == "POST" || path.ends_with(LAYER) && method == "GET" {
            let begun = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nthat was all";
            if method == "GET" {
                stream.write_all(begun.as_bytes()).await?;
            }
            // Until the daemon goes away.
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await?;
            return Ok(());
        }
        let (status, kind, body) = answer(path);
        let digest = if body.is_empty() {
            String::new()
        } else {
            digest(&body)
        };
        let shown = if method == "HEAD" { "" } else { &body };
        let answer = format!(
            "HTTP/1.1 {status}\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Type: {kind}\r\n\
             Docker-Content-Digest: {digest}\r\nContent-Length: {}\r\n\r\n{shown}",
            body.len(),
        );
        stream.write_all(answer.as_bytes()).await?;
    }
}

fn answer(path: &str) -> (&'static str, &'static str, String) {
    const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    if path == "/v2/" {
        ("200 OK", "application/json", "{}".to_owned())
    } else if path.contains("/manifests/") {
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": CONFIG.len(),
                "digest": digest(CONFIG),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": 100_000_000,
                "digest": LAYER,
            }],
        });
        ("200 OK", MANIFEST, manifest.to_string())
    } else if path.ends_with(&digest(CONFIG)) {
        ("200 OK", "application/octet-stream", CONFIG.to_owned())
    } else {
        ("404 Not Found", "application/json", String::new())
    }
}

fn digest(text: &str) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(text.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
