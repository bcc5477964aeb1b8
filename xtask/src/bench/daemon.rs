//! A daemon that knows few answers: what the measured programs talk to, to show that they do what they are for, and how
//! fast.

use std::io::{self, BufRead, BufReader, Read, Write};
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

/// The bytes of a log frame of each kind of container, and the length of a chunk of a copy.
pub(crate) const LINE: u64 = 120;
pub(crate) const BLOCK: u64 = 16 * 1024;
const COPY: u64 = 32 * 1024;

/// Lists its two containers, and creates and removes one of them; runs until this program ends.
///
/// Of a container `lines-N` or `blocks-N` it has N bytes of logs, of `file-N` a file `/large`; `/events?since=N` are N
/// events, and the pull of an image `progress-N` has N messages.
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

fn serve(stream: UnixStream) -> io::Result<()> {
    // Programs that are stuck are let go.
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        let mut body = 0;
        while header != "\r\n" {
            header.clear();
            if reader.read_line(&mut header)? == 0 {
                return Ok(());
            }
            let length = header
                .split_once(": ")
                .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            if let Some((_, length)) = length {
                body = length.trim().parse().map_err(io::Error::other)?;
            }
        }
        io::copy(&mut reader.by_ref().take(body), &mut io::sink())?;
        answer(&request, &mut writer)?;
    }
}

fn answer(request: &str, to: &mut impl Write) -> io::Result<()> {
    let mut words = request.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // Not everybody says which version it is.
    let parts = path.split('/').skip(1);
    let parts: Vec<_> = parts.skip_while(|part| part.starts_with("v1.")).collect();
    match (method, &parts[..]) {
        (Some(method), ["_ping"]) => {
            let body = if method == "HEAD" { "" } else { "OK" };
            write!(
                to,
                "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{body}"
            )
        }
        (Some("GET"), ["containers", "json"]) => {
            let containers = IDS.map(|id| {
                serde_json::json!({
                    "Id": id, "Names": ["/web"], "Image": "alpine:latest", "Command": "sleep 1",
                    "Created": 1_700_000_000, "Ports": [], "Labels": {}, "State": "running",
                    "Status": "Up 2 minutes", "Mounts": [],
                })
            });
            json("200 OK", &serde_json::json!(containers), to)
        }
        (Some("POST"), ["containers", "create"]) => {
            let created = serde_json::json!({"Id": IDS[0], "Warnings": []});
            json("201 Created", &created, to)
        }
        (Some("DELETE"), ["containers", _]) => to.write_all(b"HTTP/1.1 204 No Content\r\n\r\n"),
        (Some("GET"), ["containers", id, "json"]) => {
            let config = serde_json::json!({"Id": id, "Config": {"Tty": false}});
            json("200 OK", &config, to)
        }
        (Some("GET"), ["containers", id, "logs"]) => {
            let length = if id.starts_with("lines") { LINE } else { BLOCK };
            let mut frame = vec![1, 0, 0, 0];
            // No more than `BLOCK`.
            frame.extend_from_slice(&(length as u32).to_be_bytes());
            frame.resize(8 + length as usize - 1, b'x');
            frame.push(b'\n');
            let media = "application/vnd.docker.multiplexed-stream";
            stream(media, &frame, number(id) / length, to)
        }
        (Some("GET"), ["events"]) => {
            let event = serde_json::json!({
                "Type": "container", "Action": "start", "scope": "local", "time": 1_700_000_000,
                "timeNano": 1_700_000_000_123_456_789_u64,
                "Actor": {
                    "ID": IDS[0],
                    "Attributes": {"image": "alpine:latest", "name": "web", "com.example.app": "shop"},
                },
            });
            let line = format!("{event}\n");
            stream("application/json", line.as_bytes(), number(query), to)
        }
        (Some("POST"), ["images", "create"]) => {
            let message = serde_json::json!({
                "status": "Downloading", "id": "4f1b2c3d5e6f",
                "progressDetail": {"current": 12_345_678, "total": 23_456_789},
                "progress": "[==========================>                        ]  12.35MB/23.46MB",
            });
            let line = format!("{message}\n");
            stream("application/json", line.as_bytes(), number(query), to)
        }
        (Some(method), ["containers", id, "archive"]) => archive(method, number(id), to),
        _ => {
            let message = format!("page not found: {path}");
            json(
                "404 Not Found",
                &serde_json::json!({ "message": message }),
                to,
            )
        }
    }
}

/// The number behind the last sign that is none.
fn number(text: &str) -> u64 {
    let first = text
        .split('&')
        .find(|part| part.ends_with(|c: char| c.is_ascii_digit()));
    let digits = first
        .unwrap_or(text)
        .rsplit(|c: char| !c.is_ascii_digit())
        .next();
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}

fn json(status: &str, body: &serde_json::Value, to: &mut impl Write) -> io::Result<()> {
    let body = body.to_string();
    write!(
        to,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn begin(media: &str, more: &str, to: &mut impl Write) -> io::Result<()> {
    write!(
        to,
        "HTTP/1.1 200 OK\r\nContent-Type: {media}\r\n{more}Transfer-Encoding: chunked\r\n\r\n"
    )
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// The same item again and again, each in a chunk of its own, as daemons do it.
fn stream(media: &str, item: &[u8], times: u64, to: &mut impl Write) -> io::Result<()> {
    begin(media, "", to)?;
    repeat(&chunk(item), times, to)?;
    to.write_all(b"0\r\n\r\n")
}

/// Many at a time, so that it is not us who are measured.
fn repeat(item: &[u8], times: u64, to: &mut impl Write) -> io::Result<()> {
    let at_once = (256 * 1024 / item.len() as u64).clamp(1, times.max(1));
    let block = item.repeat(at_once as usize);
    for _ in 0..times / at_once {
        to.write_all(&block)?;
    }
    for _ in 0..times % at_once {
        to.write_all(item)?;
    }
    Ok(())
}

/// A file in an archive, or what is said about it.
fn archive(method: &str, size: u64, to: &mut impl Write) -> io::Result<()> {
    use base64::Engine as _;
    let size = size / COPY * COPY;
    let stat = serde_json::json!({
        "name": "large", "size": size, "mode": 0o644, "mtime": "2026-01-01T00:00:00Z", "linkTarget": "",
    });
    let stat = base64::engine::general_purpose::STANDARD.encode(stat.to_string());
    let stat = format!("X-Docker-Container-Path-Stat: {stat}\r\n");
    if method == "HEAD" {
        return write!(to, "HTTP/1.1 200 OK\r\n{stat}Content-Length: 0\r\n\r\n");
    }
    begin("application/x-tar", &stat, to)?;
    let mut header = tar::Header::new_gnu();
    header.set_path("large")?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    to.write_all(&chunk(header.as_bytes()))?;
    repeat(&chunk(&[b'x'; COPY as usize]), size / COPY, to)?;
    to.write_all(&chunk(&[0; 1024]))?;
    to.write_all(b"0\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_paths_and_queries() {
        assert_eq!(number("lines-1024"), 1024);
        assert_eq!(number("since=12"), 12);
        assert_eq!(number("fromImage=progress-7&tag="), 7);
        assert_eq!(number("fromImage=progress-8&tag=latest"), 8);
        assert_eq!(number("nothing"), 0);
    }

    #[test]
    fn as_much_is_sent_as_was_asked_for() {
        for (request, count) in [
            ("GET /v1.41/containers/lines-1200000/logs?stdout=1", 10_000),
            ("GET /v1.41/events?since=10000", 10_000),
            ("POST /v1.41/images/create?fromImage=progress-3", 3),
        ] {
            let mut sent = Vec::new();
            answer(request, &mut sent).unwrap();
            let text = String::from_utf8_lossy(&sent);
            let item = text.matches("\n\r\n").count() - 2;
            assert_eq!(item, count, "{request}");
        }
    }
}
