//! A connection that was taken over: both ways, bytes as they are.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::byte_stream::ByteStream;
use crate::error::{Error, ErrorKind};
use crate::logs::LogStream;
use crate::origin::Origin;
use crate::proof::Proof;

/// A connection that the daemon handed over: to a container's or an exec's input and output.
///
/// What is written goes to the program's input; shutting down the write side
/// ([`close_stdin`](Upgraded::close_stdin)) ends that input while output goes on. What is read is the program's output
/// as the daemon sends it: [`into_logs`](Upgraded::into_logs) takes its frames apart. Nothing that the daemon sends
/// early is lost.
///
/// Where something between the daemon and here does not let connections be handed over, the daemon answers with its
/// output alone. Then writing fails with an error that says so.
///
/// Output that ends because the daemon does ends with an error: at the end of what a program says, the daemon is asked
/// for a sign of life.
///
/// Dropping it closes the connection.
pub struct Upgraded {
    io: Io,
    tty: Option<bool>,
    /// `None` once the end has been proven, and for what is no program's output.
    proof: Option<Proof>,
    origin: Origin,
}

enum Io {
    Open(Shared),
    ReadOnly(ByteStream),
}

/// A connection whose two directions are used independently. It is locked for the length of one poll.
#[derive(Clone)]
struct Shared(Arc<Mutex<TokioIo<hyper::upgrade::Upgraded>>>);

impl Shared {
    fn poll<T>(
        &self,
        poll: impl FnOnce(Pin<&mut TokioIo<hyper::upgrade::Upgraded>>) -> Poll<T>,
    ) -> Poll<T> {
        // A panic in a poll leaves nothing half done here that another poll would trip over.
        let mut io = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        poll(Pin::new(&mut io))
    }
}

/// The output of a program, for [`LogStream`].
pub(crate) struct UpgradedReader(Shared);

impl AsyncRead for UpgradedReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll(|io| io.poll_read(cx, buf))
    }
}

impl Upgraded {
    pub(crate) fn open(
        io: hyper::upgrade::Upgraded,
        tty: Option<bool>,
        proof: Option<Proof>,
        origin: Origin,
    ) -> Self {
        Self {
            io: Io::Open(Shared(Arc::new(Mutex::new(TokioIo::new(io))))),
            tty,
            proof,
            origin,
        }
    }

    pub(crate) fn read_only(bytes: ByteStream, tty: Option<bool>, proof: Option<Proof>) -> Self {
        let origin = bytes.origin().clone();
        Self {
            io: Io::ReadOnly(bytes),
            tty,
            proof,
            origin,
        }
    }

    /// Whether the output is a terminal's, and so comes without frames; `None` where the operation does not say.
    pub fn is_tty(&self) -> Option<bool> {
        self.tty
    }

    /// Whether nothing can be written, because the connection was not handed over.
    pub fn is_read_only(&self) -> bool {
        matches!(self.io, Io::ReadOnly(_))
    }

    /// The error of writing where nothing can be written.
    pub(crate) fn cannot_write(&self) -> Error {
        Error::new(ErrorKind::Unsupported, NOT_HANDED_OVER).at(&self.origin)
    }

    /// Ends the program's input: what it has written, and goes on to write, can still be read.
    pub async fn close_stdin(&mut self) -> Result<(), Error> {
        let closed = poll_fn(|cx| Pin::new(&mut *self).poll_shutdown(cx)).await;
        closed.map_err(|error| write_failed(error, &self.origin))
    }

    /// Takes it apart into the program's output and its input, to be used at the same time.
    ///
    /// The connection closes when both are dropped.
    pub fn into_logs(self) -> (LogStream, UpgradedWriter) {
        // Only streams that are not a program's leave this open, and those have no frames.
        let tty = self.tty.unwrap_or(true);
        match self.io {
            Io::Open(io) => {
                let reader = UpgradedReader(io.clone());
                let logs = LogStream::upgraded(reader, tty, self.proof, self.origin.clone());
                let io = Some(io);
                (
                    logs,
                    UpgradedWriter {
                        io,
                        origin: self.origin,
                    },
                )
            }
            Io::ReadOnly(bytes) => {
                let writer = UpgradedWriter {
                    io: None,
                    origin: self.origin,
                };
                (LogStream::new(bytes, tty, self.proof), writer)
            }
        }
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let read = ready!(match &mut this.io {
            Io::Open(io) => io.poll(|io| io.poll_read(cx, buf)),
            Io::ReadOnly(bytes) => Pin::new(bytes).poll_read(cx, buf),
        });
        match read {
            Err(error) if Proof::may_be_end(this.proof.as_ref(), &error) => {}
            read => read?,
        }
        if buf.filled().len() > before || buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let proven = ready!(Proof::poll(&mut this.proof, cx, &this.origin));
        Poll::Ready(proven.map_err(|error| io::Error::new(io::ErrorKind::UnexpectedEof, error)))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Open(io) => io.poll(|io| io.poll_write(cx, buf)),
            Io::ReadOnly(_) => Poll::Ready(Err(read_only())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Open(io) => io.poll(|io| io.poll_flush(cx)),
            Io::ReadOnly(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Open(io) => io.poll(|io| io.poll_shutdown(cx)),
            // There is no input to end.
            Io::ReadOnly(_) => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded")
            .field("operation", &self.origin.operation.id)
            .field("tty", &self.tty)
            .field("read_only", &self.is_read_only())
            .finish_non_exhaustive()
    }
}

/// The input of a program, from [`Upgraded::into_logs`].
///
/// Dropping it does not end the input while the output is still being read: [`close_stdin`](UpgradedWriter::close_stdin)
/// does.
pub struct UpgradedWriter {
    /// `None` where nothing can be written.
    io: Option<Shared>,
    origin: Origin,
}

impl UpgradedWriter {
    /// Writes all of `bytes`.
    pub(crate) async fn write_input(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|cx| Pin::new(&mut *self).poll_write(cx, bytes)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        poll_fn(|cx| Pin::new(&mut *self).poll_flush(cx)).await
    }

    /// What the caller wanted to be written could not be read.
    pub(crate) fn failed_to_read(&self, error: io::Error) -> Error {
        Error::new(
            ErrorKind::Body,
            "the input given for the program failed while it was sent",
        )
        .at(&self.origin)
        .with_source(error)
    }

    /// Ends the program's input.
    pub async fn close_stdin(&mut self) -> Result<(), Error> {
        let closed = poll_fn(|cx| Pin::new(&mut *self).poll_shutdown(cx)).await;
        closed.map_err(|error| write_failed(error, &self.origin))
    }
}

impl AsyncWrite for UpgradedWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &self.io {
            Some(io) => io.poll(|io| io.poll_write(cx, buf)),
            None => Poll::Ready(Err(read_only())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.io {
            Some(io) => io.poll(|io| io.poll_flush(cx)),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.io {
            Some(io) => io.poll(|io| io.poll_shutdown(cx)),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for UpgradedWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradedWriter")
            .field("operation", &self.origin.operation.id)
            .finish_non_exhaustive()
    }
}

const NOT_HANDED_OVER: &str = "the daemon did not hand over the connection (it answered 200 and not 101): there is only output to read";

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, NOT_HANDED_OVER)
}

fn write_failed(error: io::Error, origin: &Origin) -> Error {
    Error::new(
        ErrorKind::Interrupted,
        "the daemon closed the connection while it was written to",
    )
    .at(origin)
    .with_source(error)
}
