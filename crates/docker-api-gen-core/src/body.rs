//! What a request carries.

use std::error::Error as StdError;
use std::fmt;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};

use crate::blocking;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};

/// How much is asked of a reader at a time, at most.
const READ_SIZE: usize = 64 * 1024;

type BoxStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What a request carries: bytes in memory, or a stream that is sent as it comes and never held as a whole.
pub struct Body(Inner);

enum Inner {
    Bytes(Bytes),
    Stream(SharedStream),
}

/// A body that is begun when it is first asked for, which is when there is a runtime to read it on.
enum Late {
    Not(Option<Box<dyn FnOnce() -> Body + Send>>),
    Begun(Body),
}

impl Stream for Late {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Late::Not(start) = &mut *self
            && let Some(start) = start.take()
        {
            *self = Late::Begun(start());
        }
        match &mut *self {
            Late::Begun(body) => body.poll_next(cx),
            Late::Not(_) => Poll::Ready(None),
        }
    }
}

/// The mutex is never locked: it makes the stream `Sync`, which is what a future that holds a request while it waits
/// needs in order to move between threads.
type SharedStream = Mutex<BoxStream>;

impl Body {
    /// Nothing.
    pub fn empty() -> Self {
        Self(Inner::Bytes(Bytes::new()))
    }

    /// What `stream` gives, chunk by chunk. An error of the stream ends the request with
    /// [`ErrorKind::Body`](crate::ErrorKind::Body).
    pub fn stream<S>(stream: S) -> Self
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        Self(Inner::Stream(Mutex::new(Box::pin(stream))))
    }

    /// A file, up to its end.
    ///
    /// It is opened now, and read as it is sent, on a thread for such work.
    pub fn file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let mut file = File::open(path).map_err(|error| blocking::about(path, error))?;
        let start = move || blocking::body_of(move |writer| writer.write_file(&mut file)).0;
        Ok(Self::stream(Late::Not(Some(Box::new(start)))))
    }

    /// What `reader` gives up to its end: a file, for example.
    pub fn reader<R>(reader: R) -> Self
    where
        R: AsyncRead + Send + 'static,
    {
        Self::stream(ReaderStream {
            reader: Box::pin(reader),
            buffer: BytesMut::new(),
        })
    }

    /// The bytes, unless it is a stream.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Inner::Bytes(bytes) => Some(bytes),
            Inner::Stream(_) => None,
        }
    }

    /// The same once more, unless it is a stream.
    pub(crate) fn again(&self) -> Option<Self> {
        match &self.0 {
            Inner::Bytes(bytes) => Some(bytes.clone().into()),
            Inner::Stream(_) => None,
        }
    }

    /// The next piece of it; never an empty one.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match &mut self.0 {
            Inner::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Bytes(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Inner::Stream(stream) => {
                let stream = stream
                    .get_mut()
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                loop {
                    match ready!(stream.as_mut().poll_next(cx)) {
                        Some(Ok(bytes)) if bytes.is_empty() => {}
                        item => return Poll::Ready(item),
                    }
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_bytes().is_some_and(<[u8]>::is_empty)
    }

    #[cfg(feature = "reqwest")]
    pub(crate) fn into_reqwest(self) -> reqwest::Body {
        match self.0 {
            Inner::Bytes(bytes) => bytes.into(),
            stream => reqwest::Body::wrap(Sent(Self(stream))),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    /// Shows the size alone: a body can hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Inner::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        text.as_bytes().into()
    }
}

/// A body on its way. Apart, so that what HTTP is made of is not in the public API.
pub(crate) struct Sent(pub(crate) Body);

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = self.0.poll_next(cx);
        next.map(|item| item.map(|bytes| bytes.map(Frame::data).map_err(BodyError)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0.0 {
            Inner::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream(_) => SizeHint::default(),
        }
    }
}

/// Marks an error as the caller's own among everything that can end a request.
#[derive(Debug)]
pub(crate) struct BodyError(io::Error);

impl From<io::Error> for BodyError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for BodyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

struct ReaderStream<R> {
    reader: Pin<Box<R>>,
    buffer: BytesMut,
}

impl<R: AsyncRead> Stream for ReaderStream<R> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        Poll::Ready(
            match ready!(poll_read(&mut this.reader, &mut this.buffer, cx)) {
                Ok(bytes) if bytes.is_empty() => None,
                Ok(bytes) => Some(Ok(bytes)),
                Err(error) => Some(Err(error)),
            },
        )
    }
}

/// Reads what is there; nothing means the end. `buffer` is what reads before this one left of it.
pub(crate) fn poll_read<R: AsyncRead + Unpin>(
    reader: &mut R,
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
    // Small reads share one allocation until little of it is left.
    if buffer.len() < READ_SIZE / 8 {
        *buffer = BytesMut::zeroed(READ_SIZE);
    }
    let mut space = ReadBuf::new(buffer);
    ready!(Pin::new(reader).poll_read(cx, &mut space))?;
    let read = space.filled().len();
    Poll::Ready(Ok(buffer.split_to(read).freeze()))
}
