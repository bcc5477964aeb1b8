//! A stream of JSON documents.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use crate::byte_stream::ByteStream;
use crate::decode;
use crate::error::{Error, ErrorKind};
use crate::json_documents::{self, Documents, Fault};
use crate::origin::Origin;
use crate::scan;
use crate::shortcuts::Progress;
use crate::wire::Read;

/// A stream of JSON documents: events, statistics, the progress of a pull, push or build.
///
/// A failure that the daemon reports inside the stream, as it does for everything that goes wrong after the first
/// progress message, is an `Err` of the kind [`Stream`](ErrorKind::Stream) and the last item. So is an end in the
/// middle of a document ([`Truncated`](ErrorKind::Truncated)) or of the connection
/// ([`Interrupted`](ErrorKind::Interrupted)): an end without an `Err` is success.
///
/// A document that cannot be read as `T` is an `Err` of the kind [`Decode`](ErrorKind::Decode), and the stream goes on
/// behind it. A document may have 16 MiB. Dropping the stream ends the request.
#[must_use = "a failure shows only when the stream is read to its end: see `finish`"]
pub struct JsonLines<T> {
    source: Source,
    item: PhantomData<fn() -> T>,
}

impl<T: Read> JsonLines<T> {
    pub(crate) fn new(bytes: ByteStream) -> Self {
        let source = Source {
            bytes,
            documents: Documents::default(),
            input: Bytes::new(),
            done: false,
        };
        Self {
            source,
            item: PhantomData,
        }
    }

    /// The next item, or `None` at the end. Giving up the wait loses nothing.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// The next item, or `None` at the end, with the error first: for `while let Some(item) = stream.try_next().await?`.
    pub async fn try_next(&mut self) -> Result<Option<T>, Error> {
        self.next().await.transpose()
    }

    /// Reads to the end, for those who only want to know whether it went well.
    pub async fn finish(mut self) -> Result<(), Error> {
        while self.try_next().await?.is_some() {}
        Ok(())
    }

    /// The same messages as those of every pull, push, build and load, whatever type they were to be read as.
    pub fn into_progress(self) -> JsonLines<Progress> {
        JsonLines {
            source: self.source,
            item: PhantomData,
        }
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        loop {
            if !self.source.done
                && let Some(item) = self.source.documents.take_whole(&mut self.source.input)
            {
                return Poll::Ready(Some(Ok(item)));
            }
            let item = match ready!(self.source.poll_document(cx)) {
                Found::Input => continue,
                Found::End => None,
                Found::Failure(error) => Some(Err(error)),
                Found::Document(document) => {
                    let item = decode::decode(&document, self.source.bytes.origin());
                    // Where one document is not even JSON, nobody knows where the next begins.
                    self.source.done |=
                        matches!(&item, Err(error) if error.kind() != ErrorKind::Decode);
                    Some(item)
                }
            };
            return Poll::Ready(item);
        }
    }
}

impl<T: Read> Stream for JsonLines<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl<T> fmt::Debug for JsonLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.source.bytes.origin().operation.id;
        f.debug_struct("JsonLines")
            .field("operation", &operation)
            .finish_non_exhaustive()
    }
}

/// What does not depend on the type of the items.
struct Source {
    bytes: ByteStream,
    documents: Documents,
    input: Bytes,
    done: bool,
}

/// What comes next in a stream.
enum Found {
    /// A document that does not report a failure.
    Document(Bytes),
    /// More to look at.
    Input,
    /// Nothing comes after it.
    Failure(Error),
    End,
}

impl Source {
    fn poll_document(&mut self, cx: &mut Context<'_>) -> Poll<Found> {
        if self.done {
            return Poll::Ready(Found::End);
        }
        let found = match self.documents.next(&mut self.input) {
            Ok(None) => match ready!(self.bytes.poll_chunk(cx)) {
                Some(Ok(chunk)) => {
                    self.input = chunk;
                    return Poll::Ready(Found::Input);
                }
                Some(Err(error)) => {
                    self.done = true;
                    return Poll::Ready(Found::Failure(error));
                }
                None => {
                    self.done = true;
                    self.documents.finish()
                }
            },
            found => found,
        };
        let origin = self.bytes.origin();
        let failure = match found {
            Ok(None) => return Poll::Ready(Found::End),
            Ok(Some(document)) => match reported(&document, origin) {
                None => return Poll::Ready(Found::Document(document)),
                Some(error) => error,
            },
            Err(fault) => faulty(&fault, origin),
        };
        self.done = true;
        Poll::Ready(Found::Failure(failure))
    }
}

/// The failure that a document of the stream reports.
fn reported(document: &[u8], origin: &Origin) -> Option<Error> {
    let detail = scan::member(document, "errorDetail");
    let message = detail
        .and_then(|detail| scan::member(detail, "message"))
        .or_else(|| scan::member(document, "error"))
        .and_then(scan::string)
        .unwrap_or_default();
    let code = detail
        .and_then(|detail| scan::member(detail, "code"))
        .and_then(decode::value);
    if message.trim().is_empty() && code.is_none() {
        return None;
    }
    let said = if message.trim().is_empty() {
        "a failure without a message"
    } else {
        message.trim()
    };
    let sentence = format!("{said} (reported inside the progress stream)");
    Some(
        Error::new(ErrorKind::Stream, sentence)
            .at(origin)
            .with_code(code)
            .with_message(message),
    )
}

fn faulty(fault: &Fault, origin: &Origin) -> Error {
    let (kind, sentence) = match fault {
        Fault::TooLong => (
            ErrorKind::TooLarge,
            format!(
                "a JSON document in the stream is longer than {} MiB",
                json_documents::LIMIT >> 20
            ),
        ),
        Fault::CutOff(bytes) => (
            ErrorKind::Truncated,
            format!("the stream ends in the middle of a JSON document, after {bytes} bytes of it"),
        ),
    };
    Error::new(kind, sentence).at(origin)
}
