//! Work that is not async, on threads of its own, with bytes that flow to and from it.
//!
//! Files and archives are read and written there. A channel that holds a few chunks lies in between, so that the faster
//! side waits and nothing is ever held as a whole.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_core::Stream;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::body::Body;
use crate::byte_stream::ByteStream;
use crate::error::Error;

/// How much goes through a channel at a time, and how often before the faster side waits.
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 8;

/// What `make` writes, as the body of a request, and what comes of the making.
pub(crate) fn body_of<T, F>(make: F) -> (Body, JoinHandle<io::Result<T>>)
where
    T: Send + 'static,
    F: FnOnce(&mut Writer) -> io::Result<T> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let making = spawn_blocking(move || {
        let mut writer = Writer {
            sender,
            buffer: BytesMut::new(),
        };
        let made = make(&mut writer).and_then(|made| {
            writer.flush()?;
            Ok(made)
        });
        if let Err(error) = &made {
            // The request must not look complete. The error itself goes to whoever waits for the making.
            let told = io::Error::new(error.kind(), error.to_string());
            let _ = writer.sender.blocking_send(Err(told));
        }
        made
    });
    (Body::stream(Receiver(receiver)), making)
}

/// Hands what flows over to `take`, and gives what comes of it. An error of the stream comes before one of `take`.
pub(crate) async fn give_to<T, F>(mut bytes: ByteStream, take: F) -> Result<io::Result<T>, Error>
where
    T: Send + 'static,
    F: FnOnce(&mut Reader) -> io::Result<T> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let taking = spawn_blocking(move || {
        let mut reader = Reader {
            receiver,
            chunk: Bytes::new(),
            ended: false,
        };
        let taken = take(&mut reader)?;
        // What was taken is good only if what follows it does not break off.
        io::copy(&mut reader, &mut io::sink())?;
        Ok(taken)
    });
    loop {
        let chunk = match bytes.try_next().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => {
                // Says that this was all: no more chunks could also mean that the caller has given up.
                let _ = sender.send(Bytes::new()).await;
                break;
            }
            Err(error) => {
                drop(sender);
                let _ = taking.await;
                return Err(error);
            }
        };
        if sender.send(chunk).await.is_err() {
            break;
        }
    }
    drop(sender);
    Ok(joined(taking).await)
}

/// What came of work on a thread of its own.
pub(crate) async fn joined<T>(work: JoinHandle<io::Result<T>>) -> io::Result<T> {
    work.await
        .unwrap_or_else(|_| Err(io::Error::other("the work was ended with its runtime")))
}

/// Says what an error is about, which those of the system do not.
pub(crate) fn about(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The end of a channel at which a body is written.
pub(crate) struct Writer {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: BytesMut,
}

impl Writer {
    /// Writes a file up to its end.
    pub(crate) fn write_file(&mut self, file: &mut File) -> io::Result<()> {
        io::copy(file, self).map(drop)
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = self.buffer.split().freeze();
        self.buffer.reserve(CHUNK);
        self.sender
            .blocking_send(Ok(chunk))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the request has ended"))
    }
}

struct Receiver(mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Receiver {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

/// The end of a channel at which an answer is read.
pub(crate) struct Reader {
    receiver: mpsc::Receiver<Bytes>,
    chunk: Bytes,
    ended: bool,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(chunk) if chunk.is_empty() => self.ended = true,
                Some(chunk) => self.chunk = chunk,
                None => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the answer broke off",
                    ));
                }
            }
        }
        let fits = self.chunk.len().min(buffer.len());
        buffer[..fits].copy_from_slice(&self.chunk[..fits]);
        self.chunk.advance(fits);
        Ok(fits)
    }
}
