//! An answer whose headers have come.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use http::{Method, StatusCode};

use crate::byte_stream::ByteStream;
use crate::call::Sending;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::http_client::Answer;
use crate::limits::Limits;
use crate::origin::Origin;
use crate::wire::Read;

/// The longest answer that is read as one JSON document.
const JSON_LIMIT: usize = 256 * 1024 * 1024;
/// The longest answer that is read as one text.
const TEXT_LIMIT: usize = 16 * 1024 * 1024;
/// How much of a failure's body is read.
const FAILURE_LIMIT: usize = 1024 * 1024;
/// How long a failure's body may take: what came until then has to do.
const FAILURE_TIME: Duration = Duration::from_secs(10);
/// How much of a body that means nothing is read so that the connection can be used again.
const DRAIN_LIMIT: usize = 64 * 1024;

/// An answer of the daemon: its status and headers have come, its body is still to be read.
#[doc(hidden)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: ByteStream,
}

impl Response {
    /// The status: a success, or one that the operation knows as an answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn into_headers(self) -> HeaderMap {
        self.headers
    }

    /// Reads the body as one JSON document.
    pub async fn json<T: Read>(self) -> Result<T, Error> {
        let (text, origin) = self.json_text().await?;
        crate::decode::decode(&text, &origin)
    }

    /// Reads the body as text.
    pub fn text(mut self) -> Sending<'static, String> {
        Box::pin(async move {
            let bytes = self.body.read_all(TEXT_LIMIT).await?;
            String::from_utf8(bytes.into()).map_err(|error| {
                Error::new(ErrorKind::Decode, "the answer is not text in UTF-8")
                    .at(self.body.origin())
                    .with_source(error.utf8_error())
            })
        })
    }

    /// The body as it comes.
    pub fn bytes(self) -> ByteStream {
        self.body
    }

    /// Reads what there is, which means nothing, to its end.
    pub fn unit(mut self) -> Sending<'static, ()> {
        Box::pin(async move {
            let mut left = DRAIN_LIMIT;
            while let Some(chunk) = self.body.try_next().await? {
                match left.checked_sub(chunk.len()) {
                    Some(less) => left = less,
                    // Cheaper to connect anew than to read on.
                    None => break,
                }
            }
            Ok(())
        })
    }

    /// Reads the body that is to be one JSON document.
    pub(crate) fn json_text(self) -> Sending<'static, (Bytes, Origin)> {
        Box::pin(async move {
            let mut this = self.expect_json().await?;
            let text = this.body.read_all(JSON_LIMIT).await?;
            Ok((text, this.body.into_origin()))
        })
    }

    /// Refuses an answer that says it is something else than JSON.
    pub(crate) async fn expect_json(mut self) -> Result<Self, Error> {
        match failure::media_type(&self.headers) {
            // Some answers of old daemons say nothing.
            None => Ok(self),
            Some(media) if is_json(&media) => Ok(self),
            Some(_) => {
                let excerpt = self.body.read_some(FAILURE_LIMIT, FAILURE_TIME).await;
                Err(failure::not_json(
                    self.status,
                    &self.headers,
                    &excerpt,
                    self.body.origin(),
                ))
            }
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status.as_u16())
            .finish_non_exhaustive()
    }
}

/// Turns a status that is no answer to the call's operation into an error.
pub(crate) async fn check(
    answer: Answer,
    limits: Limits,
    origin: &Origin,
) -> Result<Response, Error> {
    let status = answer.status();
    let (parts, body) = answer.into_parts();
    let body = ByteStream::new(body, limits.idle, origin.clone());
    if status.is_success() || origin.operation.outcomes.contains(&status.as_u16()) {
        return Ok(Response {
            status,
            headers: parts.headers,
            body,
        });
    }
    Err(refusal(parts, body, origin).await)
}

fn refusal(
    parts: http::response::Parts,
    mut body: ByteStream,
    origin: &Origin,
) -> Pin<Box<dyn Future<Output = Error> + Send + '_>> {
    Box::pin(async move {
        let text = if origin.operation.method == Method::HEAD {
            Bytes::new()
        } else {
            body.read_some(FAILURE_LIMIT, FAILURE_TIME).await
        };
        let error = failure::status(parts.status, &parts.headers, &text, origin);
        #[cfg(feature = "tracing")]
        crate::trace::failed(&parts.extensions, &error);
        error
    })
}

/// Whether a stream is a terminal's, if its content type says.
pub(crate) fn framing(headers: &HeaderMap) -> Option<bool> {
    match failure::media_type(headers)?.as_str() {
        "application/vnd.docker.multiplexed-stream" => Some(false),
        "application/vnd.docker.raw-stream" => Some(true),
        _ => None,
    }
}

/// Whether `media` is JSON, one document or many.
fn is_json(media: &str) -> bool {
    matches!(
        media,
        "application/json"
            | "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/json-seq"
    ) || media.ends_with("+json")
}

/// Puts chunks together, and leaves one that is alone as it is.
#[derive(Default)]
pub(crate) struct Gathered {
    first: Bytes,
    rest: BytesMut,
}

impl Gathered {
    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    pub(crate) fn push(&mut self, chunk: Bytes) {
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = chunk;
        } else {
            if !self.first.is_empty() {
                self.rest.extend_from_slice(&self.first);
                self.first = Bytes::new();
            }
            self.rest.extend_from_slice(&chunk);
        }
    }

    pub(crate) fn finish(self) -> Bytes {
        if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        }
    }
}
