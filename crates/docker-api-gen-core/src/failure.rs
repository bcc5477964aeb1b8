//! What a failure of the connection, or an answer that is none, means to the caller.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};

use crate::body::BodyError;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::host::{Address, Host};
use crate::http_client::{NoAnswer, Stage};
use crate::origin::Origin;
use crate::scan;
use crate::text::{after, contains, shorten, shorten_bytes};
use crate::version::ApiVersion;

/// How much of an answer that is no message is shown.
const EXCERPT: usize = 200;

/// No answer began within `limit`.
pub(crate) fn late(limit: Duration, origin: &Origin) -> Error {
    let sentence =
        format!("the daemon did not answer within {limit:?}: allow more time if it is busy");
    Error::new(ErrorKind::Timeout, sentence).at(origin)
}

/// Nothing more came within `limit` of an answer that had begun.
pub(crate) fn silent(limit: Duration, origin: &Origin) -> Error {
    let sentence = format!("the daemon stopped in the middle of its answer for {limit:?}");
    Error::new(ErrorKind::Timeout, sentence).at(origin)
}

/// A request that got no answer.
pub(crate) fn send(failed: NoAnswer, connection: &Connection, origin: &Origin) -> Error {
    let NoAnswer { error, stage } = failed;
    let cause: &(dyn StdError + 'static) = &*error;
    let host = connection.host();
    let tls = connection.tls();
    let (kind, sentence) = if let Some(sentence) = tls_failure(cause, connection) {
        (ErrorKind::Tls, sentence)
    } else if let Stage::Connecting | Stage::LateConnecting | Stage::Resolving = stage {
        let limit = connection.limits().connect;
        connect(
            innermost(cause),
            limit.filter(|_| stage == Stage::LateConnecting),
            stage == Stage::Resolving,
            tls.is_some(),
            host,
        )
    } else if find::<BodyError>(cause).is_some() {
        (
            ErrorKind::Body,
            "the body given for the request failed while it was sent".to_owned(),
        )
    } else if find::<hyper::Error>(cause).is_some_and(hyper::Error::is_parse) {
        let hint = match (tls, host.address()) {
            (None, Address::Tcp { .. }) => ", and without TLS?",
            (_, Address::Ssh(_)) => {
                "? Something else may be printed there when ssh runs a command: by .bashrc, for example"
            }
            _ => "?",
        };
        (
            ErrorKind::Protocol,
            format!("what answers at {host} does not speak HTTP: is it a Docker daemon{hint}"),
        )
    } else if is_hang_up(cause) {
        let hint = match tls {
            Some(_) => ": it may want another client certificate",
            None => "",
        };
        (
            ErrorKind::Interrupted,
            format!("the daemon closed the connection without an answer{hint}"),
        )
    } else if stage == Stage::Making {
        (ErrorKind::Input, "the request cannot be sent".to_owned())
    } else {
        (
            ErrorKind::Io,
            format!("the connection to {host} failed before an answer came"),
        )
    };
    Error::new(kind, sentence).at(origin).with_source(error)
}

/// What is wrong with TLS, if that is what is wrong.
#[cfg(feature = "tls")]
fn tls_failure(error: &(dyn StdError + 'static), connection: &Connection) -> Option<String> {
    let tls = connection.tls()?;
    let shows = tls.certificate.is_some() && tls.key.is_some();
    find::<rustls::Error>(error).map(|error| crate::tls::explain(error, connection.host(), shows))
}

#[cfg(not(feature = "tls"))]
fn tls_failure(_: &(dyn StdError + 'static), _: &Connection) -> Option<String> {
    None
}

/// Why no connection came about, and what to do about it. `late` is the limit that passed, if one did.
fn connect(
    why: Option<&io::Error>,
    late: Option<Duration>,
    is_unknown: bool,
    tls: bool,
    host: &Host,
) -> (ErrorKind, String) {
    let no_way = |why: &str| format!("cannot connect to the Docker daemon at {host}: {why}");
    let is_socket = matches!(host.address(), Address::Unix(_) | Address::Pipe(_));
    if let Some(limit) = late {
        return (
            ErrorKind::Timeout,
            no_way(&format!("no answer within {limit:?}")),
        );
    }
    match why.map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) if is_socket => (
            ErrorKind::Connect,
            no_way("no such file; is the daemon running?"),
        ),
        Some(io::ErrorKind::PermissionDenied) if is_socket => (
            ErrorKind::Permission,
            format!(
                "permission denied on {host}: add the user to the group docker, or set DOCKER_HOST"
            ),
        ),
        Some(io::ErrorKind::ConnectionRefused) => (
            ErrorKind::Connect,
            no_way("connection refused; is the daemon running?"),
        ),
        _ if is_unknown => (ErrorKind::Connect, no_way("the host name is not known")),
        Some(io::ErrorKind::UnexpectedEof) if tls => (
            ErrorKind::Connect,
            no_way("it closed the connection while TLS was being agreed upon; does it speak TLS?"),
        ),
        _ => match why {
            Some(why) => (
                ErrorKind::Connect,
                no_way(&shorten(&why.to_string(), EXCERPT)),
            ),
            None => (
                ErrorKind::Connect,
                no_way("the connection could not be made"),
            ),
        },
    }
}

/// Words about a failure inside an answer of success.
pub(crate) fn inside(text: &[u8], pointer: &str, origin: &Origin) -> Result<(), Error> {
    match scan::pointer(text, pointer).and_then(scan::string) {
        Some(message) if !message.trim().is_empty() => {
            let sentence = format!("{} (reported inside the answer)", message.trim());
            Err(Error::new(ErrorKind::Daemon, sentence)
                .at(origin)
                .with_message(message))
        }
        _ => Ok(()),
    }
}

/// An answer that broke off.
pub(crate) fn read(error: impl Into<crate::error::Source>, origin: &Origin) -> Error {
    let sentence = "the daemon closed the connection in the middle of the answer";
    Error::new(ErrorKind::Interrupted, sentence)
        .at(origin)
        .with_source(error)
}

/// A connection that was to be taken over and was not.
pub(crate) fn upgrade(error: hyper::Error, origin: &Origin) -> Error {
    let sentence = "the daemon agreed to hand over the connection, but did not";
    Error::new(ErrorKind::Protocol, sentence)
        .at(origin)
        .with_source(error)
}

/// An answer whose status says that it is none. `body` is what could be read of it, within bounds.
pub(crate) fn status(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    origin: &Origin,
) -> Error {
    let message = message(headers, body);
    let text = message.as_deref().unwrap_or_default();
    let code = status.as_u16();
    if status == StatusCode::BAD_REQUEST && contains(text, "HTTP request to an HTTPS server") {
        let sentence = "the daemon wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to the folder of its \
                        certificates, or use a context that has them";
        return Error::new(ErrorKind::Tls, sentence)
            .at(origin)
            .with_status(status)
            .with_message(text.to_owned());
    }
    if status == StatusCode::BAD_REQUEST && is_version_mismatch(text) {
        return version(Window::in_refusal(text, headers), origin)
            .with_status(status)
            .with_message(text.to_owned());
    }
    let (kind, sentence) = if status == StatusCode::SWITCHING_PROTOCOLS {
        let sentence = "the daemon wants to hand over the connection, which nobody asked for (101)";
        (ErrorKind::Protocol, sentence.to_owned())
    } else if status.is_redirection() {
        let to = headers
            .get(LOCATION)
            .map(|to| shorten_bytes(to.as_bytes(), EXCERPT));
        let to = to.map(|to| format!(" to {to}")).unwrap_or_default();
        (
            ErrorKind::Status,
            format!(
                "the daemon answered with a redirect{to}, and redirects are not followed ({code})"
            ),
        )
    } else if status == StatusCode::NOT_FOUND
        // The last is podman's.
        && matches!(text, "page not found" | "404 page not found" | "Not Found")
    {
        let sentence = format!(
            "the daemon does not know this operation in API {} (404)",
            origin.version
        );
        (ErrorKind::Unsupported, sentence)
    } else if message.is_some() {
        (kind_of(status), format!("{text} ({code})"))
    } else if body.trim_ascii().is_empty() {
        let reason = status
            .canonical_reason()
            .unwrap_or("no known status")
            .to_ascii_lowercase();
        (
            kind_of(status),
            format!("the daemon answered {reason}, without a message ({code})"),
        )
    } else {
        (
            kind_of(status),
            format!(
                "the answer is {}, not the daemon's ({code}): {:?}; is there a proxy in between?",
                content_name(headers),
                shorten_bytes(body, EXCERPT)
            ),
        )
    };
    let error = Error::new(kind, sentence).at(origin).with_status(status);
    match message {
        Some(message) => error.with_message(message),
        None => error,
    }
}

/// An answer of another content type than JSON where JSON is due.
pub(crate) fn not_json(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    origin: &Origin,
) -> Error {
    let sentence = format!(
        "the answer should be JSON and is {} ({}): {:?}",
        content_name(headers),
        status.as_u16(),
        shorten_bytes(body, EXCERPT)
    );
    Error::new(ErrorKind::NotJson, sentence)
        .at(origin)
        .with_status(status)
}

fn kind_of(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        400 => ErrorKind::BadRequest,
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        500..=599 => ErrorKind::Daemon,
        _ => ErrorKind::Status,
    }
}

/// What the daemon says: the `message` of its JSON, or its plain text. A web page is no message.
fn message(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let body = body.trim_ascii();
    if let Some(message) = scan::member(body, "message").and_then(scan::string) {
        return Some(message.trim().to_owned()).filter(|message| !message.is_empty());
    }
    let text = std::str::from_utf8(body).ok()?;
    let is_plain = match media_type(headers) {
        // Errors of attach come as streams.
        Some(media) => media == "text/plain" || media.starts_with("application/vnd.docker."),
        None => !text.starts_with(['<', '{', '[']),
    };
    if is_plain && !text.is_empty() {
        Some(text.to_owned())
    } else {
        None
    }
}

/// The content type without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media = value.split(';').next().unwrap_or_default().trim();
    if media.is_empty() {
        None
    } else {
        Some(media.to_ascii_lowercase())
    }
}

pub(crate) fn content_name(headers: &HeaderMap) -> String {
    match media_type(headers).as_deref() {
        Some("text/html" | "application/xhtml+xml") => "a web page".to_owned(),
        Some(media) => shorten(media, 60),
        None => "of no known type".to_owned(),
    }
}

fn is_version_mismatch(message: &str) -> bool {
    contains(message, "client version")
        && (contains(message, "too old") || contains(message, "too new"))
}

/// The API versions that a daemon speaks, as far as it says.
#[derive(Clone, Copy, Default)]
pub(crate) struct Window {
    pub(crate) lowest: Option<ApiVersion>,
    pub(crate) highest: Option<ApiVersion>,
}

impl Window {
    /// The lowest or the highest is in the daemon's message, and the highest is in a header.
    pub(crate) fn in_refusal(message: &str, headers: &HeaderMap) -> Self {
        let highest = api_version(headers);
        let named = after(message, "API version is ").and_then(|rest| {
            rest.split([',', ' '])
                .next()?
                .trim_end_matches('.')
                .parse::<ApiVersion>()
                .ok()
        });
        if contains(message, "too old") {
            Self {
                lowest: named,
                highest,
            }
        } else {
            Self {
                lowest: None,
                highest: named.or(highest),
            }
        }
    }

    /// Whether it may speak a version, as far as it says.
    pub(crate) fn contains(self, version: ApiVersion) -> bool {
        self.lowest.is_none_or(|lowest| lowest <= version)
            && self.highest.is_none_or(|highest| version <= highest)
    }

    /// `API 1.44 to 1.52`
    pub(crate) fn speaks(self) -> String {
        match (self.lowest, self.highest) {
            (Some(lowest), Some(highest)) => format!("API {lowest} to {highest}"),
            (Some(lowest), None) => format!("API {lowest} and later"),
            (None, Some(highest)) => format!("API {highest} and earlier"),
            (None, None) => "other versions of the API".to_owned(),
        }
    }

    /// Both are in the daemon's report about itself.
    pub(crate) fn in_report(text: &[u8]) -> Self {
        let version = |name: &str| {
            scan::member(text, name)
                .and_then(scan::string)?
                .parse()
                .ok()
        };
        Self {
            lowest: version("MinAPIVersion"),
            highest: version("ApiVersion"),
        }
    }
}

/// The highest version that the daemon speaks, which it tells with every answer.
pub(crate) fn api_version(headers: &HeaderMap) -> Option<ApiVersion> {
    static NAME: HeaderName = HeaderName::from_static("api-version");
    headers.get(&NAME)?.to_str().ok()?.parse().ok()
}

/// The daemon does not speak the client's version.
pub(crate) fn version(window: Window, origin: &Origin) -> Error {
    let pinned = origin.version;
    let Window { lowest, highest } = window;
    let too_new = highest.is_some_and(|highest| highest < pinned);
    // A daemon that speaks later ones too is known by its lowest.
    let shown = highest.filter(|_| too_new || lowest.is_some());
    let speaks = Window {
        lowest,
        highest: shown,
    }
    .speaks();
    let feature = |version: ApiVersion| format!("v{}_{}", version.major(), version.minor());
    let advice = match (too_new, lowest, highest) {
        (true, _, Some(highest)) => format!(
            "enable the feature {} or earlier, or update the daemon",
            feature(highest)
        ),
        (_, Some(lowest), _) => format!(
            "enable the feature {} or later, or lower the daemon's minimum (DOCKER_MIN_API_VERSION)",
            feature(lowest)
        ),
        _ => "enable the feature of a version that it speaks".to_owned(),
    };
    let sentence =
        format!("the daemon speaks {speaks}, this client is pinned to {pinned}: {advice}");
    Error::new(ErrorKind::Version, sentence)
        .at(origin)
        .with_daemon(highest)
}

/// Whether the other side closed the connection before it answered.
pub(crate) fn is_hang_up(error: &(dyn StdError + 'static)) -> bool {
    if let Some(http) = find::<hyper::Error>(error)
        && (http.is_incomplete_message() || http.is_canceled() || http.is_closed())
    {
        return true;
    }
    find::<io::Error>(error).is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::NotConnected
                | io::ErrorKind::UnexpectedEof
        )
    })
}

/// The I/O error that others may be wrapped around.
fn innermost<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e io::Error> {
    let mut found = find::<io::Error>(error)?;
    while let Some(wrapped) = found.get_ref()
        && let Some(inner) = find::<io::Error>(wrapped)
    {
        found = inner;
    }
    Some(found)
}

/// The first error of type `E` among `error` and its sources.
pub(crate) fn find<'e, E: StdError + 'static>(
    error: &'e (dyn StdError + 'static),
) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An `io::Error` skips what it wraps when asked for its source.
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_there_is_no_connection() {
        let socket: Host = "unix:///run/d.sock".parse().unwrap();
        let tcp: Host = "tcp://box".parse().unwrap();
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(
            connect(Some(&denied), None, false, false, &socket),
            (
                ErrorKind::Permission,
                "permission denied on unix:///run/d.sock: \
                 add the user to the group docker, or set DOCKER_HOST"
                    .to_owned()
            )
        );
        // A firewall, which no group helps against.
        let (kind, text) = connect(Some(&denied), None, false, false, &tcp);
        assert_eq!(kind, ErrorKind::Connect);
        assert_eq!(
            text,
            "cannot connect to the Docker daemon at tcp://box:2375: permission denied"
        );
        let (kind, text) = connect(None, Some(Duration::from_secs(10)), false, false, &tcp);
        assert_eq!(kind, ErrorKind::Timeout);
        assert!(
            text.ends_with("tcp://box:2375: no answer within 10s"),
            "{text}"
        );
    }

    #[test]
    fn finds_what_an_io_error_wraps() {
        let wrapped = io::Error::other(io::Error::other(BodyError::from(io::Error::other("x"))));
        assert!(find::<BodyError>(&wrapped).is_some());
        assert!(find::<hyper::Error>(&wrapped).is_none());
    }
}
