//! The one error type.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use crate::origin::Origin;
use crate::version::ApiVersion;

pub(crate) type Source = Box<dyn StdError + Send + Sync>;

/// How much of a message the one line of an error holds. [`Error::message`] has all of it.
const SHOWN: usize = 1000;

/// Why a call failed.
///
/// [`Display`](fmt::Display) is one sentence that says what happened, where, and what to do about it where that is
/// known; it does not repeat the [`source`](StdError::source). Programs branch on [`kind`](Error::kind) and the
/// `is_…` methods, not on the text.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    sentence: String,
    origin: Option<Origin>,
    status: Option<StatusCode>,
    code: Option<i64>,
    message: Option<String>,
    daemon: Option<ApiVersion>,
    /// Shared by calls that failed for the same reason at the same time.
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What sort of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value given by the caller cannot be sent. Nothing was sent.
    Input,
    /// The daemon's address cannot be used.
    Host,
    /// What `docker` is configured by cannot be used: a variable, a file, a context.
    Config,
    /// There is no connection to the daemon: no such socket, connection refused, unknown host.
    Connect,
    /// The daemon's socket exists, but this user may not open it.
    Permission,
    /// TLS could not be agreed upon: a certificate that is not trusted, missing, expired or of another host, or a
    /// peer that does not speak TLS, or speaks nothing else.
    Tls,
    /// Nothing came within the time allowed.
    Timeout,
    /// The daemon does not speak the API version of this client.
    Version,
    /// The API version in use, or this daemon, has no such operation or option.
    Unsupported,
    /// The daemon found the request wrong (400).
    BadRequest,
    /// The daemon, or the registry it asked, wants credentials (401).
    Unauthorized,
    /// The daemon refuses (403).
    Forbidden,
    /// There is no such container, image, network and so on (404).
    NotFound,
    /// The request does not fit the state of things (409): a name in use, a container that is running.
    Conflict,
    /// The daemon failed (5xx).
    Daemon,
    /// Any other status that is not an answer.
    Status,
    /// A failure reported inside a stream that had begun well: a pull, push or build.
    Stream,
    /// The answer is JSON, but not of the type that is due.
    Decode,
    /// The answer is not JSON though it should be: a web page, for example.
    NotJson,
    /// The answer ended in the middle of a JSON document, or was empty where one is due.
    Truncated,
    /// The connection was closed before or in the middle of the answer.
    Interrupted,
    /// A log stream is not in frames though it should be.
    Frame,
    /// A log stream ended in the middle of a frame.
    FrameCut,
    /// The answer is larger than the limit.
    TooLarge,
    /// The other side does not speak HTTP as it should.
    Protocol,
    /// The body given by the caller failed while it was sent.
    Body,
    /// An archive from the daemon could not be unpacked: a file could not be written, or an entry was refused.
    Archive,
    /// What the answer was to be written to failed.
    Output,
    /// Any other failure of the connection.
    Io,
}

impl Error {
    /// An error of `kind` that says `sentence`.
    #[doc(hidden)]
    pub fn new(kind: ErrorKind, sentence: impl Into<String>) -> Self {
        Self::make(kind, sentence.into())
    }

    /// Apart, so that its code is not where every error is made.
    #[cold]
    #[inline(never)]
    fn make(kind: ErrorKind, sentence: String) -> Self {
        Self(Box::new(Inner {
            kind,
            sentence,
            origin: None,
            status: None,
            code: None,
            message: None,
            daemon: None,
            source: None,
        }))
    }

    /// The same failure, as it meets another call.
    pub(crate) fn again(&self, origin: &Origin) -> Self {
        let inner = &self.0;
        Self(Box::new(Inner {
            kind: inner.kind,
            sentence: inner.sentence.clone(),
            origin: Some(origin.clone()),
            status: inner.status,
            code: inner.code,
            message: inner.message.clone(),
            daemon: inner.daemon,
            source: inner.source.clone(),
        }))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn at(mut self, origin: &Origin) -> Self {
        self.0.origin = Some(origin.clone());
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_code(mut self, code: Option<i64>) -> Self {
        self.0.code = code;
        self
    }

    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.0.message = Some(message);
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    pub(crate) fn with_daemon(mut self, version: Option<ApiVersion>) -> Self {
        self.0.daemon = version;
        self
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// What the daemon itself said, in full, if it said something.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The code that came with a failure inside a stream: the exit code of a build step, for example.
    pub fn code(&self) -> Option<i64> {
        self.0.code
    }

    /// The operation that failed, as in `containers.stop`.
    pub fn operation(&self) -> Option<&str> {
        self.0.origin.as_ref().map(|origin| origin.operation.name)
    }

    /// The API version that the request spoke.
    pub fn api_version(&self) -> Option<ApiVersion> {
        self.0.origin.as_ref().map(|origin| origin.version)
    }

    /// The highest API version that the daemon speaks, where that is not the one of the request
    /// ([`ErrorKind::Version`]).
    pub fn daemon_api_version(&self) -> Option<ApiVersion> {
        self.0.daemon
    }

    /// Whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound || self.is_stream_code(404)
    }

    /// Whether the request does not fit the state of things, such as a name in use.
    pub fn is_conflict(&self) -> bool {
        self.0.kind == ErrorKind::Conflict || self.is_stream_code(409)
    }

    /// Whether credentials are missing or not accepted.
    pub fn is_unauthorized(&self) -> bool {
        self.0.kind == ErrorKind::Unauthorized || self.is_stream_code(401)
    }

    /// Whether the daemon, or the registry it asked, refuses whoever asks.
    pub fn is_forbidden(&self) -> bool {
        self.0.kind == ErrorKind::Forbidden || self.is_stream_code(403)
    }

    /// Whether the daemon does not speak the API version of the client.
    pub fn is_version_mismatch(&self) -> bool {
        self.0.kind == ErrorKind::Version
    }

    /// Whether the daemon could not be reached at all.
    pub fn is_connect(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Connect | ErrorKind::Permission | ErrorKind::Tls
        )
    }

    /// Whether nothing came within the time allowed.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    fn is_stream_code(&self, code: i64) -> bool {
        self.0.kind == ErrorKind::Stream && self.0.code == Some(code)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // These are about the daemon as a whole: the operation that happened to meet them does not matter.
        let general = matches!(
            self.0.kind,
            ErrorKind::Host
                | ErrorKind::Config
                | ErrorKind::Connect
                | ErrorKind::Permission
                | ErrorKind::Tls
                | ErrorKind::Version
        );
        if let (false, Some(origin)) = (general, &self.0.origin) {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&crate::text::shorten(&self.0.sentence, SHOWN))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &self.0.kind)
            .field("text", &format_args!("\"{self}\""));
        if let Some(origin) = &self.0.origin {
            debug
                .field("operation", &origin.operation.id)
                .field("api_version", &format_args!("{}", origin.version));
        }
        if let Some(status) = &self.0.status {
            debug.field("status", &status.as_u16());
        }
        if let Some(code) = &self.0.code {
            debug.field("code", code);
        }
        if let Some(source) = &self.0.source {
            debug.field("source", &format_args!("\"{source}\""));
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}
