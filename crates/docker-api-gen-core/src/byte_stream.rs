//! The body of an answer as it comes.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep};

use crate::blocking;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::http_client::AnswerBody;
use crate::origin::Origin;
use crate::response::Gathered;

/// The bytes of an answer as they come: a tar archive, an export.
///
/// Bytes are read from the connection as they are asked for. If the connection breaks off, the last item is an `Err`
/// of the kind [`Interrupted`](ErrorKind::Interrupted), and if the daemon is silent for longer than the operation's
/// [`Limits`](crate::Limits) allow, one of the kind [`Timeout`](ErrorKind::Timeout): an end without an `Err` is the real
/// end. Dropping it ends the request.
///
/// It is also an [`AsyncRead`], for `tokio::io::copy` and the like.
pub struct ByteStream {
    body: Option<AnswerBody>,
    /// What came and did not fit into the reader's buffer.
    left: Bytes,
    silence: Option<Silence>,
    origin: Origin,
}

impl ByteStream {
    pub(crate) fn new(body: AnswerBody, idle: Option<Duration>, origin: Origin) -> Self {
        Self {
            body: Some(body),
            left: Bytes::new(),
            silence: idle.map(Silence::new),
            origin,
        }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn into_origin(self) -> Origin {
        self.origin
    }

    /// The next bytes, or `None` at the end. Giving up the wait loses nothing.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// The next bytes, or `None` at the end, with the error first: for `while let Some(bytes) = stream.try_next().await?`.
    pub async fn try_next(&mut self) -> Result<Option<Bytes>, Error> {
        self.next().await.transpose()
    }

    /// All bytes that are left.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] once there are more than `limit`.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Error> {
        self.read_all(limit).await
    }

    /// Writes everything to `writer`, and gives the number of bytes. Nothing is held as a whole.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] if `writer` fails.
    pub async fn write_to<W: AsyncWrite + Unpin + ?Sized>(
        mut self,
        writer: &mut W,
    ) -> Result<u64, Error> {
        let mut count = 0;
        let failed = |error: io::Error, origin: &Origin| {
            let sentence = format!("what the answer is written to failed: {error}");
            Error::new(ErrorKind::Output, sentence)
                .at(origin)
                .with_source(error)
        };
        while let Some(mut bytes) = self.try_next().await? {
            count += bytes.len() as u64;
            while !bytes.is_empty() {
                match poll_fn(|cx| Pin::new(&mut *writer).poll_write(cx, &bytes)).await {
                    Ok(0) => return Err(failed(io::ErrorKind::WriteZero.into(), &self.origin)),
                    Ok(written) => bytes.advance(written),
                    Err(error) => return Err(failed(error, &self.origin)),
                }
            }
        }
        let flushed = poll_fn(|cx| Pin::new(&mut *writer).poll_flush(cx)).await;
        flushed.map_err(|error| failed(error, &self.origin))?;
        Ok(count)
    }

    /// Writes everything to a file, and gives the number of bytes. Nothing is held as a whole.
    ///
    /// The file appears, or replaces the one that is there, when all of it has come: there is never half an export.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] if the file cannot be written.
    pub async fn save_to(self, path: impl Into<PathBuf>) -> Result<u64, Error> {
        let (path, origin) = (path.into(), self.origin.clone());
        let saved = blocking::give_to(self, move |reader| save(reader, &path)).await?;
        saved.map_err(|error| {
            Error::new(ErrorKind::Output, error.to_string())
                .at(&origin)
                .with_source(error)
        })
    }

    pub(crate) async fn read_all(&mut self, limit: usize) -> Result<Bytes, Error> {
        let mut gathered = Gathered::default();
        while let Some(chunk) = self.try_next().await? {
            if gathered.len() + chunk.len() > limit {
                let sentence = format!("the answer is longer than {limit} bytes");
                return Err(Error::new(ErrorKind::TooLarge, sentence).at(&self.origin));
            }
            gathered.push(chunk);
        }
        Ok(gathered.finish())
    }

    /// What comes within bounds of size and time, whatever happens after it.
    pub(crate) async fn read_some(&mut self, limit: usize, time: Duration) -> Bytes {
        let mut gathered = Gathered::default();
        let read = async {
            while let Ok(Some(mut chunk)) = self.try_next().await {
                chunk.truncate(limit - gathered.len());
                gathered.push(chunk);
                if gathered.len() >= limit {
                    break;
                }
            }
        };
        // Out of time is out of bounds like any other.
        let _ = tokio::time::timeout(time, read).await;
        gathered.finish()
    }

    /// Like `Stream::poll_next`, and never an empty chunk. Ends after the first error.
    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        if !self.left.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.left))));
        }
        while let Some(body) = &mut self.body {
            let Poll::Ready(frame) = body.poll_frame(cx) else {
                let Some(silence) = &mut self.silence else {
                    return Poll::Pending;
                };
                ready!(silence.poll(cx));
                self.body = None;
                let error = failure::silent(silence.limit, &self.origin);
                return Poll::Ready(Some(Err(error)));
            };
            if let Some(silence) = &mut self.silence {
                silence.broken();
            }
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => return Poll::Ready(Some(Ok(bytes))),
                    // Nothing, or trailers, which no answer of a daemon has.
                    _ => {}
                },
                Some(Err(error)) => {
                    self.body = None;
                    return Poll::Ready(Some(Err(failure::read(error, &self.origin))));
                }
                None => self.body = None,
            }
        }
        Poll::Ready(None)
    }
}

/// How long nothing has come that was waited for.
struct Silence {
    limit: Duration,
    /// Made when there is something to wait for.
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    last_chance: bool,
}

/// Whoever comes back to a stream after a while may find that what came meanwhile is not yet in its hands.
const LAST_CHANCE: Duration = Duration::from_secs(1);

impl Silence {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            sleep: None,
            waiting: false,
            last_chance: false,
        }
    }

    fn broken(&mut self) {
        self.waiting = false;
        self.last_chance = false;
    }

    /// Ready once it has lasted too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Elsewhere than in a runtime of tokio there are no clocks.
        if self.sleep.is_none() && Handle::try_current().is_err() {
            return Poll::Pending;
        }
        let limit = self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !self.waiting {
            self.waiting = true;
            sleep.as_mut().reset(later(limit));
        }
        ready!(sleep.as_mut().poll(cx));
        if self.last_chance {
            return Poll::Ready(());
        }
        self.last_chance = true;
        sleep.as_mut().reset(later(LAST_CHANCE.min(limit)));
        sleep.as_mut().poll(cx)
    }
}

fn later(limit: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + limit.min(YEAR)
}

fn save(reader: &mut blocking::Reader, path: &Path) -> io::Result<u64> {
    let named = |error| blocking::about(path, error);
    // Something that is no file is written to, not replaced.
    if path.metadata().is_ok_and(|meta| !meta.is_file()) {
        let mut file = OpenOptions::new().write(true).open(path).map_err(named)?;
        return io::copy(reader, &mut file).map_err(named);
    }
    let Some(name) = path.file_name() else {
        return Err(named(io::ErrorKind::IsADirectory.into()));
    };
    let mut part = name.to_owned();
    part.push(".part");
    let part = path.with_file_name(part);
    let mut file = File::create(&part).map_err(named)?;
    let saved = io::copy(reader, &mut file)
        // Whether this was all shows at its end.
        .and_then(|count| fs::rename(&part, path).map(|()| count));
    if saved.is_err() {
        let _ = fs::remove_file(&part);
    }
    saved.map_err(named)
}

impl Stream for ByteStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_chunk(cx)
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        match ready!(self.poll_chunk(cx)) {
            Some(Ok(mut bytes)) => {
                let fits = bytes.len().min(buf.remaining());
                buf.put_slice(&bytes[..fits]);
                bytes.advance(fits);
                self.left = bytes;
                Poll::Ready(Ok(()))
            }
            Some(Err(error)) => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)))
            }
            None => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream")
            .field("operation", &self.origin.operation.id)
            .finish_non_exhaustive()
    }
}
