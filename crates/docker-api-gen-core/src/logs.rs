//! The output of containers.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::body::poll_read;
use crate::byte_stream::ByteStream;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::log_frames::{Channel, Fault, Frames};
use crate::log_lines::LogLines;
use crate::origin::Origin;
use crate::proof::Proof;
use crate::response::Gathered;
use crate::text::shorten_bytes;
use crate::upgraded::UpgradedReader;

/// How much is kept of what the daemon says about why a stream ends.
const FAILURE_LIMIT: usize = 64 * 1024;

/// The output of a container, an exec, a service or a task.
///
/// Output is given out as it comes: an item is neither a line nor a whole write of the program. A program without a
/// terminal has its standard output and standard error told apart; with one, all of it is
/// [`Console`](LogSource::Console).
///
/// An end in the middle of a frame is an `Err` ([`FrameCut`](ErrorKind::FrameCut)), and so is one of the connection
/// ([`Interrupted`](ErrorKind::Interrupted)); an end without an `Err` is the real end. Memory use does not depend on
/// what the stream holds. Dropping it ends the request.
///
/// [`lines`](LogStream::lines) gives it line by line, [`collect`](LogStream::collect) as a whole.
pub struct LogStream {
    source: Source,
    /// `None` where there are no frames.
    frames: Option<Frames>,
    input: Bytes,
    /// What the daemon says about why the stream ends.
    said: BytesMut,
    /// For connections that were taken over, which end alike whether the program or the daemon does.
    proof: Option<Proof>,
    origin: Origin,
    done: bool,
}

enum Source {
    Body(ByteStream),
    Upgraded(UpgradedReader, BytesMut),
}

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogFrame {
    /// Where it was written.
    pub stream: LogSource,
    /// What was written: at least one byte.
    pub bytes: Bytes,
}

/// The whole output of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// The standard output, or what was shown on the terminal.
    pub stdout: Bytes,
    /// The standard error.
    pub stderr: Bytes,
}

/// Where output was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogSource {
    /// What was typed, where the daemon repeats it.
    Stdin,
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
    /// A terminal, on which output and error cannot be told apart.
    Console,
}

impl LogStream {
    pub(crate) fn new(bytes: ByteStream, tty: bool, proof: Option<Proof>) -> Self {
        let origin = bytes.origin().clone();
        Self::from_source(Source::Body(bytes), tty, proof, origin)
    }

    pub(crate) fn upgraded(
        reader: UpgradedReader,
        tty: bool,
        proof: Option<Proof>,
        origin: Origin,
    ) -> Self {
        Self::from_source(
            Source::Upgraded(reader, BytesMut::new()),
            tty,
            proof,
            origin,
        )
    }

    fn from_source(source: Source, tty: bool, proof: Option<Proof>, origin: Origin) -> Self {
        let frames = if tty { None } else { Some(Frames::default()) };
        Self {
            source,
            frames,
            input: Bytes::new(),
            said: BytesMut::new(),
            proof,
            origin,
            done: false,
        }
    }

    /// Whether the output is a terminal's.
    pub fn is_tty(&self) -> bool {
        self.frames.is_none()
    }

    /// The next piece of output, or `None` at the end. Giving up the wait loses nothing.
    pub async fn next(&mut self) -> Option<Result<LogFrame, Error>> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }

    /// The next piece of output, or `None` at the end, with the error first: for
    /// `while let Some(frame) = logs.try_next().await?`.
    pub async fn try_next(&mut self) -> Result<Option<LogFrame>, Error> {
        self.next().await.transpose()
    }

    /// The output line by line. Lines longer than 1 MiB come in pieces.
    pub fn lines(self) -> LogLines {
        self.lines_up_to(1 << 20)
    }

    /// The output line by line. Lines longer than `limit` come in pieces, so that this is about what is kept for each
    /// of standard output and standard error.
    pub fn lines_up_to(self, limit: usize) -> LogLines {
        LogLines::new(self, limit)
    }

    /// Reads to the end: standard output and standard error, each as a whole. What a terminal shows counts as standard
    /// output.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] once there are more than `limit` bytes.
    pub async fn collect(&mut self, limit: usize) -> Result<Output, Error> {
        let (mut stdout, mut stderr) = (Gathered::default(), Gathered::default());
        while let Some(frame) = self.try_next().await? {
            if stdout.len() + stderr.len() + frame.bytes.len() > limit {
                let sentence = format!(
                    "there are more than {limit} bytes of output: read it as it comes, or allow more"
                );
                return Err(Error::new(ErrorKind::TooLarge, sentence).at(&self.origin));
            }
            match frame.stream {
                LogSource::Stdout | LogSource::Console => stdout.push(frame.bytes),
                LogSource::Stderr => stderr.push(frame.bytes),
                LogSource::Stdin => {}
            }
        }
        Ok(Output {
            stdout: stdout.finish(),
            stderr: stderr.finish(),
        })
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<LogFrame, Error>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let item = loop {
            match self.take_frame() {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) => {}
                Err(error) => break Some(Err(error)),
            }
            let proof = self.proof.as_ref();
            match ready!(self.source.poll_input(cx, proof, &self.origin)) {
                Some(Ok(bytes)) => self.input = bytes,
                Some(Err(error)) => break Some(Err(error)),
                None => {
                    // Where the daemon is gone, that is the reason for whatever is missing.
                    if let Err(error) = ready!(Proof::poll(&mut self.proof, cx, &self.origin)) {
                        break Some(Err(error));
                    }
                    break self
                        .frames
                        .as_ref()
                        .and_then(|frames| frames.finish().err())
                        .map(|fault| Err(faulty(&fault, &self.origin)));
                }
            }
        };
        self.done = true;
        Poll::Ready(item)
    }

    /// The next piece of what has come.
    fn take_frame(&mut self) -> Result<Option<LogFrame>, Error> {
        let Some(frames) = &mut self.frames else {
            let bytes = std::mem::take(&mut self.input);
            return Ok(if bytes.is_empty() {
                None
            } else {
                Some(LogFrame {
                    stream: LogSource::Console,
                    bytes,
                })
            });
        };
        loop {
            let piece = match frames.next(&mut self.input) {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(None),
                Err(fault) => return Err(faulty(&fault, &self.origin)),
            };
            let stream = match piece.channel {
                Channel::Stdin => LogSource::Stdin,
                Channel::Stdout => LogSource::Stdout,
                Channel::Stderr => LogSource::Stderr,
                Channel::Failure => {
                    let room = FAILURE_LIMIT - self.said.len();
                    self.said
                        .extend_from_slice(&piece.bytes[..piece.bytes.len().min(room)]);
                    if piece.last {
                        return Err(reported(&self.said, &self.origin));
                    }
                    continue;
                }
            };
            return Ok(Some(LogFrame {
                stream,
                bytes: piece.bytes,
            }));
        }
    }
}

impl Stream for LogStream {
    type Item = Result<LogFrame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_frame(cx)
    }
}

impl fmt::Debug for LogStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStream")
            .field("operation", &self.origin.operation.id)
            .field("tty", &self.is_tty())
            .finish_non_exhaustive()
    }
}

impl Source {
    /// The next bytes; never none.
    fn poll_input(
        &mut self,
        cx: &mut Context<'_>,
        proof: Option<&Proof>,
        origin: &Origin,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        match self {
            Source::Body(bytes) => bytes.poll_chunk(cx),
            Source::Upgraded(reader, buffer) => {
                Poll::Ready(match ready!(poll_read(reader, buffer, cx)) {
                    Ok(bytes) if bytes.is_empty() => None,
                    Ok(bytes) => Some(Ok(bytes)),
                    Err(error) if Proof::may_be_end(proof, &error) => None,
                    Err(error) => Some(Err(failure::read(error, origin))),
                })
            }
        }
    }
}

/// What the daemon itself says in place of output.
fn reported(said: &[u8], origin: &Origin) -> Error {
    let message = String::from_utf8_lossy(said).trim().to_owned();
    let sentence = format!("{message} (reported inside the log stream)");
    Error::new(ErrorKind::Stream, sentence)
        .at(origin)
        .with_message(message)
}

fn faulty(fault: &Fault, origin: &Origin) -> Error {
    let (kind, sentence) = match fault {
        Fault::NoHeader(bytes) => (
            ErrorKind::Frame,
            format!(
                "the output is not in frames, {:?} stands where one should begin: \
                 a frame before it was longer than announced, or the output is a terminal's",
                shorten_bytes(bytes, 8)
            ),
        ),
        Fault::CutHeader(bytes) => (
            ErrorKind::FrameCut,
            format!("the output ends after {bytes} of the 8 bytes that begin a frame"),
        ),
        Fault::CutFrame { announced, came } => (
            ErrorKind::FrameCut,
            format!(
                "the output ends in the middle of a frame: {announced} bytes were announced and {came} came"
            ),
        ),
    };
    Error::new(kind, sentence).at(origin)
}
