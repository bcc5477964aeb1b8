//! A request that is ready to be sent.

use std::fmt;

use http::{HeaderMap, Method};

use crate::body::Body;

/// A request as it will be sent: everything but the daemon's address.
///
/// Made without any I/O, to be looked at in tests or sent by other means.
pub struct Request {
    pub(crate) method: Method,
    pub(crate) path_and_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl Request {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path with its version and the query, encoded as they are sent: `/v1.41/containers/web/stop?t=5`.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// The headers that the operation sets. Those of every request (`host`, `user-agent`, `content-length`) are
    /// added when it is sent.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What it carries.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Takes what it carries, to send it by other means.
    pub fn into_body(self) -> Body {
        self.body
    }
}

impl fmt::Debug for Request {
    /// Leaves out what can hold secrets: the values of the query, the headers and the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path_and_query.split('?').next().unwrap_or_default();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &path)
            .field(
                "headers",
                &self
                    .headers
                    .keys()
                    .map(http::HeaderName::as_str)
                    .collect::<Vec<_>>(),
            )
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
