//! Connections without TLS.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use crate::error::Source;

/// How long the other side of a TCP connection may be gone before that is asked about.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Where connections go.
pub(crate) enum Target {
    #[cfg(unix)]
    Unix(std::path::PathBuf),
    #[cfg(windows)]
    Pipe(String),
    /// The host and port of a URL.
    Tcp(Uri),
}

/// Makes connections within `limit`.
pub(crate) struct Connector {
    pub(crate) target: Target,
    pub(crate) limit: Option<Duration>,
}

impl Connector {
    pub(crate) async fn connect(&self) -> Result<Io, Source> {
        match self.limit {
            None => self.open().await,
            Some(limit) => match tokio::time::timeout(limit, self.open()).await {
                Ok(connected) => connected,
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            },
        }
    }

    async fn open(&self) -> Result<Io, Source> {
        match &self.target {
            #[cfg(unix)]
            Target::Unix(path) => Ok(Io::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(windows)]
            Target::Pipe(path) => Ok(Io::new(crate::pipe::open(path, self.limit).await?)),
            Target::Tcp(url) => {
                let mut tcp = HttpConnector::new_with_resolver(Resolver);
                tcp.set_nodelay(true);
                tcp.set_keepalive(Some(KEEPALIVE));
                // So that an address that leads nowhere leaves time for the next one.
                tcp.set_connect_timeout(self.limit);
                Ok(Io(Box::new(tcp.call(url.clone()).await?)))
            }
        }
    }
}

/// A connection.
pub(crate) struct Io(Box<dyn Duplex>);

trait Duplex: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Duplex for T {}

impl Io {
    fn new<T>(stream: T) -> Self
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        Self(Box::new(TokioIo::new(stream)))
    }
}

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }
}

impl Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, parts)
    }
}

/// Asks the system for the addresses of a name, and marks its failures as such.
#[derive(Clone)]
struct Resolver;

type Addresses = std::vec::IntoIter<std::net::SocketAddr>;

impl Service<Name> for Resolver {
    type Response = Addresses;
    type Error = UnknownName;
    type Future = Pin<Box<dyn Future<Output = Result<Addresses, UnknownName>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UnknownName>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<_> = found.map_err(UnknownName)?.collect();
            Ok(found.into_iter())
        })
    }
}

/// There is no address to a name.
#[derive(Debug)]
pub(crate) struct UnknownName(io::Error);

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for UnknownName {}
