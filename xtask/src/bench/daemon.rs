//! A daemon that knows one answer: what the measured programs talk to, to show that they do what they are for.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// The ids of the containers that it has.
pub(crate) const IDS: [&str; 2] = [
    "4f1b2c3d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809",
    "a0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9f",
];

/// Lists its two containers, and has nothing else; runs until this program ends.
pub(crate) struct Daemon {
    folder: TempDir,
}

impl Daemon {
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for a socket")?;
        let daemon = Self { folder };
        let listener = UnixListener::bind(daemon.folder.path().join("docker.sock"))
            .context("cannot listen on a socket")?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is its own loss.
                thread::spawn(move || serve(stream));
            }
        });
        Ok(daemon)
    }

    /// Its address, as `DOCKER_HOST` has it.
    pub(crate) fn host(&self) -> String {
        format!(
            "unix://{}",
            self.folder.path().join("docker.sock").display()
        )
    }

    /// An address beside it, where nobody listens.
    pub(crate) fn nobody(&self) -> String {
        format!(
            "unix://{}",
            self.folder.path().join("nobody.sock").display()
        )
    }
}

fn serve(stream: UnixStream) -> std::io::Result<()> {
    // Programs that are stuck are let go.
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::from(" ");
        while !header.trim().is_empty() {
            header.clear();
            reader.read_line(&mut header)?;
        }
        let (status, body) = answer(&request);
        write!(
            writer,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
}

fn answer(request: &str) -> (&'static str, String) {
    let target = request.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    if request.starts_with("GET ") && path.ends_with("/containers/json") {
        let containers = IDS.map(|id| {
            serde_json::json!({
                "Id": id, "Names": ["/web"], "Image": "alpine:latest", "Command": "sleep 1", "Created": 1_700_000_000,
                "Ports": [], "Labels": {}, "State": "running", "Status": "Up 2 minutes", "Mounts": [],
            })
        });
        ("200 OK", serde_json::json!(containers).to_string())
    } else {
        let message = format!("page not found: {path}");
        (
            "404 Not Found",
            serde_json::json!({ "message": message }).to_string(),
        )
    }
}
