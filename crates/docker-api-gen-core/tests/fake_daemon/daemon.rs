//! A daemon that says what a test wants it to say, over a real unix socket.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use docker_api_gen_core::{Connection, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{AbortHandle, JoinHandle};

/// Nothing here takes long: what takes this long hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Daemon {
    folder: PathBuf,
    serving: JoinHandle<()>,
    peers: Arc<Mutex<Vec<AbortHandle>>>,
    connections: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    /// Gives every connection to `script`.
    pub(crate) fn start<F, R>(script: F) -> Self
    where
        F: Fn(Peer) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("dag-core-{}-{number}", std::process::id()));
        Self::at(&folder.join("d.sock"), script)
    }

    /// The same with a socket at this path.
    pub(crate) fn at<F, R>(socket: &Path, script: F) -> Self
    where
        F: Fn(Peer) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let folder = socket.parent().unwrap().to_owned();
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(socket).unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let failures = Arc::new(Mutex::new(Vec::new()));
        let peers = Arc::new(Mutex::new(Vec::new()));
        let (count, failed, abort) = (connections.clone(), failures.clone(), peers.clone());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let served = tokio::spawn(script(Peer {
                    stream,
                    buffer: Vec::new(),
                }));
                abort.lock().unwrap().push(served.abort_handle());
                let failed = failed.clone();
                tokio::spawn(async move {
                    match served.await {
                        Err(error) if error.is_panic() => {
                            failed.lock().unwrap().push(error.to_string());
                        }
                        _ => {}
                    }
                });
            }
        });
        Self {
            folder,
            serving,
            peers,
            connections,
            failures,
        }
    }

    /// Answers one request per connection with these bytes and closes it.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        Self::start(move |mut peer| {
            let answer = answer.clone();
            async move {
                peer.request().await;
                peer.send(&answer).await;
            }
        })
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub(crate) fn connection(&self) -> Connection {
        Connection::open(&self.host()).unwrap()
    }

    pub(crate) fn connection_with(&self, limits: Limits) -> Connection {
        let builder = Connection::builder().ignore_environment();
        builder.host(self.host()).limits(limits).build().unwrap()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("d.sock")
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Daemon {
    /// Closes all connections, as the end of a process would.
    fn drop(&mut self) {
        self.serving.abort();
        for peer in self.peers.lock().unwrap().iter() {
            peer.abort();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        let failures = self.failures.lock().unwrap();
        if !std::thread::panicking() {
            assert!(
                failures.is_empty(),
                "the daemon's script failed: {failures:?}"
            );
        }
    }
}

/// The daemon's end of a connection.
pub(crate) struct Peer {
    stream: UnixStream,
    buffer: Vec<u8>,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Received {
    /// The request line and the headers, byte for byte.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Peer {
    /// Reads one request with its body, unless the client has closed the connection.
    pub(crate) async fn next_request(&mut self) -> Option<Received> {
        if self.buffer.is_empty() && !self.more().await {
            return None;
        }
        Some(self.request().await)
    }

    /// Reads one request with its body.
    pub(crate) async fn request(&mut self) -> Received {
        let end = self.find(b"\r\n\r\n").await;
        let head = String::from_utf8(self.buffer.drain(..end).collect()).unwrap();
        let mut request = Received {
            head,
            body: Vec::new(),
        };
        if let Some(length) = request.header("content-length") {
            let length = length.parse().unwrap();
            self.fill(length).await;
            request.body = self.buffer.drain(..length).collect();
        } else if request.header("transfer-encoding").is_some() {
            loop {
                let end = self.find(b"\r\n").await;
                let size: Vec<u8> = self.buffer.drain(..end).collect();
                let size =
                    usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim(), 16).unwrap();
                self.fill(size + 2).await;
                request
                    .body
                    .extend(self.buffer.drain(..size + 2).take(size));
                if size == 0 {
                    break;
                }
            }
        }
        request
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // The client may have had enough.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Says nothing more.
    pub(crate) async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// What the client sends next, at least one byte; nothing once it has closed its side.
    pub(crate) async fn read(&mut self) -> Vec<u8> {
        if self.buffer.is_empty() {
            self.more().await;
        }
        std::mem::take(&mut self.buffer)
    }

    /// All that the client sends until it closes its side.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.read().await {
                bytes if bytes.is_empty() => return all,
                bytes => all.extend(bytes),
            }
        }
    }

    /// Waits until the client has closed the connection.
    pub(crate) async fn closed(&mut self) {
        let wait = async { while !self.read().await.is_empty() {} };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("the client did not close the connection");
    }

    async fn find(&mut self, mark: &[u8]) -> usize {
        loop {
            if let Some(at) = self
                .buffer
                .windows(mark.len())
                .position(|window| window == mark)
            {
                return at + mark.len();
            }
            assert!(
                self.more().await,
                "the client closed the connection inside a request"
            );
        }
    }

    async fn fill(&mut self, length: usize) {
        while self.buffer.len() < length {
            assert!(
                self.more().await,
                "the client closed the connection inside a request"
            );
        }
    }

    async fn more(&mut self) -> bool {
        let mut chunk = [0; 4096];
        let read = self.stream.read(&mut chunk).await.unwrap_or(0);
        self.buffer.extend_from_slice(&chunk[..read]);
        read > 0
    }
}

/// An answer of JSON.
pub(crate) fn json(status: &str, text: &str) -> String {
    typed(status, "application/json", text)
}

/// An answer of any type.
pub(crate) fn typed(status: &str, content_type: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}

/// The head of an answer in chunks.
pub(crate) fn chunked(content_type: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n")
}

/// One chunk; an empty one ends the answer.
pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A log frame.
pub(crate) fn frame(stream: u8, bytes: &[u8]) -> Vec<u8> {
    [
        &[stream, 0, 0, 0][..],
        &(bytes.len() as u32).to_be_bytes(),
        bytes,
    ]
    .concat()
}
