//! What generated code says about one operation.

use http::Method;

use crate::version::ApiVersion;

/// One operation of one API version: the facts that a request is made from.
#[doc(hidden)]
#[derive(Debug)]
pub struct Operation {
    /// The name in the API's description: `ContainerStop`.
    pub id: &'static str,
    /// The name as users call it: `containers.stop`.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path below the version, with parameters in braces: `/containers/{id}/stop`.
    pub path: &'static str,
    /// The version that goes in front of the path.
    pub version: ApiVersion,
    /// Statuses beside the 2xx that are an answer and no failure: 304 for a container that is stopped already.
    pub outcomes: &'static [u16],
    /// Whether the daemon may take as long as it likes to answer.
    pub unbounded: bool,
    /// Where to learn whether the operation's stream is a terminal's.
    pub tty: Option<TtySource>,
}

/// Where to learn whether a stream is a terminal's, and so comes without frames.
#[doc(hidden)]
#[derive(Debug)]
pub struct TtySource {
    /// The path of the operation that tells, with the same parameter: `/containers/{id}/json`.
    pub path: &'static str,
    /// Where in its answer: `/Config/Tty`.
    pub pointer: &'static str,
    /// Whether the content type of the stream tells as well, which makes the other question needless.
    pub content_type: bool,
}
