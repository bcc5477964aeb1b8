//! The client of HTTP.
//!
//! What needs no TLS goes through hyper alone: a request then costs little more than its bytes, and a program that talks
//! to a local daemon is built without reqwest and all that it brings. TLS is reqwest's, and so is a client of the
//! caller's.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tower_service::Service;

use crate::body::{Body, Sent};
use crate::error::Source;
use crate::failure::find;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(90);

/// How long the other side of a TCP connection may be gone before that is asked about.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// An answer whose headers have come.
pub(crate) type Answer = http::Response<AnswerBody>;

/// Sends requests over connections that it keeps for later.
pub(crate) enum HttpClient {
    Direct(legacy::Client<Connector, Sent>),
    #[cfg(feature = "reqwest")]
    Reqwest(reqwest::Client),
}

/// Where connections go without TLS.
pub(crate) enum Target {
    #[cfg(unix)]
    Unix(std::path::PathBuf),
    #[cfg(windows)]
    Pipe(String),
    /// What the URL says.
    Tcp,
}

impl HttpClient {
    /// One that connects within `limit`, and keeps no more than `spare` connections that nobody uses.
    pub(crate) fn direct(target: Target, limit: Option<Duration>, spare: Option<usize>) -> Self {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new());
        builder.pool_idle_timeout(IDLE);
        if let Some(spare) = spare {
            builder.pool_max_idle_per_host(spare);
        }
        Self::Direct(builder.build(Connector::new(target, limit)))
    }

    /// One that speaks TLS, over `socket` if there is one.
    #[cfg(feature = "tls")]
    pub(crate) fn with_tls(
        tls: rustls::ClientConfig,
        socket: Option<std::path::PathBuf>,
        limit: Option<Duration>,
        spare: Option<usize>,
    ) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            // Connections are taken over, which HTTP/2 does not know.
            .http1_only()
            .tls_backend_preconfigured(tls)
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(limit) = limit {
            builder = builder.connect_timeout(limit);
        }
        if let Some(spare) = spare {
            builder = builder.pool_max_idle_per_host(spare);
        }
        #[cfg(unix)]
        if let Some(socket) = socket {
            builder = builder.unix_socket(socket);
        }
        #[cfg(not(unix))]
        let _ = socket;
        builder.build().map(Self::Reqwest)
    }

    /// Sends a request and waits for the headers of its answer.
    pub(crate) async fn send(&self, request: http::Request<Body>) -> Result<Answer, NoAnswer> {
        match self {
            Self::Direct(client) => match client.request(request.map(Sent)).await {
                Ok(answer) => Ok(answer.map(AnswerBody::Direct)),
                Err(error) => Err(NoAnswer::from(error)),
            },
            #[cfg(feature = "reqwest")]
            Self::Reqwest(client) => {
                let request = request.map(Body::into_reqwest);
                let answer = client.execute(reqwest::Request::try_from(request)?).await?;
                let answer = http::Response::<reqwest::Body>::from(answer);
                Ok(answer.map(AnswerBody::Reqwest))
            }
        }
    }
}

/// Why a request got no answer.
pub(crate) struct NoAnswer {
    pub(crate) error: Source,
    pub(crate) stage: Stage,
}

/// What a request failed in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stage {
    /// It is none that can be sent.
    Making,
    /// There is no connection, as the time for one ran out.
    LateConnecting,
    /// There is no connection, as nobody knows the host's name.
    Resolving,
    /// There is no connection.
    Connecting,
    /// There was one.
    Sending,
}

impl From<legacy::Error> for NoAnswer {
    fn from(error: legacy::Error) -> Self {
        let is_late = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
        let stage = if !error.is_connect() {
            Stage::Sending
        } else if find::<UnknownName>(&error).is_some() {
            Stage::Resolving
        } else if find(&error).is_some_and(is_late) {
            Stage::LateConnecting
        } else {
            Stage::Connecting
        };
        Self {
            error: error.into(),
            stage,
        }
    }
}

#[cfg(feature = "reqwest")]
impl From<reqwest::Error> for NoAnswer {
    fn from(error: reqwest::Error) -> Self {
        let stage = if error.is_builder() {
            Stage::Making
        } else if !error.is_connect() {
            Stage::Sending
        } else if error.is_timeout() {
            Stage::LateConnecting
        } else if error.is_dns() {
            Stage::Resolving
        } else {
            Stage::Connecting
        };
        Self {
            // The URL would be in its text, and a query can hold secrets.
            error: error.without_url().into(),
            stage,
        }
    }
}

/// The body of an answer.
pub(crate) enum AnswerBody {
    Direct(Incoming),
    #[cfg(feature = "reqwest")]
    Reqwest(reqwest::Body),
}

impl AnswerBody {
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Source>>> {
        match self {
            Self::Direct(body) => Pin::new(body).poll_frame(cx).map_err(Source::from),
            #[cfg(feature = "reqwest")]
            Self::Reqwest(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|error| error.without_url().into()),
        }
    }
}

/// Makes connections without TLS.
#[derive(Clone)]
pub(crate) struct Connector {
    target: Arc<Target>,
    tcp: HttpConnector<Resolver>,
    limit: Option<Duration>,
}

type Connecting = Pin<Box<dyn Future<Output = Result<Io, Source>> + Send>>;

impl Connector {
    fn new(target: Target, limit: Option<Duration>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        // So that an address that leads nowhere leaves time for the next one.
        tcp.set_connect_timeout(limit);
        Self {
            target: Arc::new(target),
            tcp,
            limit,
        }
    }

    async fn connect(mut self, to: Uri) -> Result<Io, Source> {
        match &*self.target {
            #[cfg(unix)]
            Target::Unix(path) => Ok(Io::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(windows)]
            Target::Pipe(path) => Ok(Io::new(crate::pipe::open(path, self.limit).await?)),
            Target::Tcp => Ok(Io(Box::new(self.tcp.call(to).await?))),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Io;
    type Error = Source;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Source>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Connecting {
        let limit = self.limit;
        let connecting = self.clone().connect(to);
        Box::pin(async move {
            match limit {
                None => connecting.await,
                Some(limit) => match tokio::time::timeout(limit, connecting).await {
                    Ok(connected) => connected,
                    Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
                },
            }
        })
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

impl Connection for Io {
    fn connected(&self) -> Connected {
        Connected::new()
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
struct UnknownName(io::Error);

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for UnknownName {}
