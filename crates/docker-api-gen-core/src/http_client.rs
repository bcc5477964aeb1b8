//! The client of HTTP.
//!
//! What needs no TLS goes through hyper alone: a request then costs little more than its bytes, and a program that talks
//! to a local daemon is built without reqwest and all that it brings. TLS is reqwest's, and so is a client of the
//! caller's.

#[cfg(feature = "reqwest")]
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
#[cfg(feature = "reqwest")]
use http::uri::{self, Uri};
#[cfg(feature = "reqwest")]
use http_body::Body as _;
use http_body::Frame;

use crate::body::Body;
use crate::direct::{self, Direct};
use crate::error::Source;

/// An answer whose headers have come.
pub(crate) type Answer = http::Response<AnswerBody>;

/// Sends requests over connections that it keeps for later.
pub(crate) enum HttpClient {
    Direct(Direct),
    /// With a URL whose scheme, host and port are those of every request.
    #[cfg(feature = "reqwest")]
    Reqwest(reqwest::Client, Uri),
}

impl HttpClient {
    /// Whether connections are to a socket of this machine, with nothing else in between.
    pub(crate) fn is_socket(&self) -> bool {
        match self {
            HttpClient::Direct(client) => client.is_socket(),
            #[cfg(feature = "reqwest")]
            HttpClient::Reqwest(..) => false,
        }
    }

    /// One that speaks TLS, over `socket` if there is one.
    #[cfg(feature = "tls")]
    pub(crate) fn with_tls(
        tls: rustls::ClientConfig,
        root: Uri,
        socket: Option<std::path::PathBuf>,
        limit: Option<std::time::Duration>,
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
        Ok(Self::Reqwest(builder.build()?, root))
    }

    /// Sends a request, whose URL is a path alone, and waits for the headers of its answer.
    pub(crate) async fn send(&self, request: http::Request<Body>) -> Result<Answer, NoAnswer> {
        match self {
            Self::Direct(client) => client.send(request).await,
            #[cfg(feature = "reqwest")]
            Self::Reqwest(client, root) => {
                let (mut parts, body) = request.into_parts();
                let mut url = uri::Parts::from(root.clone());
                url.path_and_query = parts.uri.into_parts().path_and_query;
                parts.uri = Uri::from_parts(url).map_err(NoAnswer::making)?;
                let request = http::Request::from_parts(parts, body.into_reqwest());
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

#[cfg(feature = "reqwest")]
impl NoAnswer {
    fn making(error: impl Into<Source>) -> Self {
        Self {
            error: error.into(),
            stage: Stage::Making,
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
    Direct(direct::Incoming),
    #[cfg(feature = "reqwest")]
    Reqwest(reqwest::Body),
}

impl AnswerBody {
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Source>>> {
        match self {
            Self::Direct(body) => body.poll_frame(cx),
            #[cfg(feature = "reqwest")]
            Self::Reqwest(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|error| error.without_url().into()),
        }
    }
}
