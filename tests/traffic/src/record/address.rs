//! Where a proxy listens, and where its daemon is.

use std::fmt;
use std::io;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// `unix:///run/docker.sock` or `tcp://127.0.0.1:2375`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Unix(PathBuf),
    Tcp(String),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(("tcp", address)) if has_port(address) => Ok(Self::Tcp(address.to_owned())),
            _ => Err("an address is unix:///PATH or tcp://HOST:PORT".to_owned()),
        }
    }
}

fn has_port(address: &str) -> bool {
    let port = address.rsplit_once(':');
    port.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl Address {
    pub(super) async fn connect(&self) -> io::Result<Stream> {
        Ok(match self {
            Self::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
            Self::Tcp(address) => Stream::tcp(TcpStream::connect(address).await?)?,
        })
    }
}

/// Waits for connections. A socket in the file system goes with it.
#[derive(Debug)]
pub(super) struct Listener {
    inner: Inner,
    socket: Option<PathBuf>,
}

#[derive(Debug)]
enum Inner {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// On loopback or in the file system: whoever can connect can do what the daemon can.
    pub(super) async fn open(address: &Address) -> Result<Self> {
        let context = || format!("cannot listen on {address}");
        match address {
            Address::Unix(path) => {
                clear(path).await.with_context(context)?;
                let listener = UnixListener::bind(path).with_context(context)?;
                restrict(path).with_context(context)?;
                Ok(Self {
                    inner: Inner::Unix(listener),
                    socket: Some(path.clone()),
                })
            }
            Address::Tcp(text) => {
                let found = text.to_socket_addrs().with_context(context)?;
                let is_loopback = |address: std::net::SocketAddr| address.ip().is_loopback();
                if !found.into_iter().all(is_loopback) {
                    bail!(
                        "cannot listen on {address}: it is open to others; use 127.0.0.1 or a unix socket"
                    );
                }
                Ok(Self {
                    inner: Inner::Tcp(TcpListener::bind(text).await.with_context(context)?),
                    socket: None,
                })
            }
        }
    }

    /// Where it listens; with port 0 asked for, on the port that was found.
    pub(super) fn address(&self) -> Result<Address> {
        Ok(match &self.inner {
            Inner::Unix(_) => Address::Unix(self.socket.clone().unwrap_or_default()),
            Inner::Tcp(listener) => Address::Tcp(listener.local_addr()?.to_string()),
        })
    }

    pub(super) async fn accept(&self) -> io::Result<Stream> {
        Ok(match &self.inner {
            Inner::Unix(listener) => Stream::Unix(listener.accept().await?.0),
            Inner::Tcp(listener) => Stream::tcp(listener.accept().await?.0)?,
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Removes a socket that nobody listens on any more.
async fn clear(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;

    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(());
    };
    let taken = |what| Err(io::Error::new(io::ErrorKind::AddrInUse, what));
    if !metadata.file_type().is_socket() {
        return taken("the file is there already, and is no socket");
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        _ => taken("somebody listens there already"),
    }
}

fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_docker() {
        for text in [
            "unix:///run/docker.sock",
            "tcp://127.0.0.1:2375",
            "tcp://[::1]:0",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "/run/docker.sock",
            "unix://docker.sock",
            "tcp://127.0.0.1",
            "tcp://:1",
            "ssh://h",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
