//! Text in which no byte can be lost, doubled or moved unnoticed: numbered lines.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

/// The length of a line, its end included.
pub(crate) const LINE: u64 = 1024;

/// Numbered lines, one after another without end.
#[derive(Debug)]
pub(crate) struct Lines {
    line: Vec<u8>,
    number: u64,
    at: usize,
    count: u64,
}

impl Lines {
    pub(crate) fn new() -> Self {
        let mut lines = Self {
            line: vec![b'x'; LINE as usize],
            number: 0,
            at: 0,
            count: 0,
        };
        lines.line[LINE as usize - 1] = b'\n';
        lines.write_number();
        lines
    }

    /// How many bytes there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The bytes that come next have to be these.
    pub(crate) fn check(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let length = bytes.len().min(self.line.len() - self.at);
            let (now, rest) = bytes.split_at(length);
            assert!(
                now == &self.line[self.at..self.at + length],
                "byte {} and those behind it are not what was written: {:?}",
                self.count,
                String::from_utf8_lossy(now)
            );
            self.advance(length);
            bytes = rest;
        }
    }

    fn advance(&mut self, length: usize) {
        self.count += length as u64;
        self.at += length;
        if self.at == self.line.len() {
            self.at = 0;
            self.number += 1;
            self.write_number();
        }
    }

    fn write_number(&mut self) {
        let number = format!("{:020}", self.number);
        self.line[..number.len()].copy_from_slice(number.as_bytes());
    }
}

/// The same as something to be read, `size` bytes long.
#[derive(Debug)]
pub(crate) struct Reader(Lines, u64);

impl Reader {
    pub(crate) fn new(size: u64) -> Self {
        Self(Lines::new(), size)
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self(lines, size) = &mut *self;
        while buffer.remaining() > 0 && lines.count < *size {
            let left = usize::try_from(*size - lines.count).unwrap_or(usize::MAX);
            let length = left
                .min(buffer.remaining())
                .min(lines.line.len() - lines.at);
            buffer.put_slice(&lines.line[lines.at..lines.at + length]);
            lines.advance(length);
        }
        Poll::Ready(Ok(()))
    }
}

/// The script of a shell that writes so many such bytes, which is a number of whole lines.
pub(crate) fn script(size: u64) -> String {
    assert_eq!(size % LINE, 0);
    format!(
        "awk 'BEGIN {{ x = sprintf(\"%{}s\", \"\"); gsub(/ /, \"x\", x); \
         for (i = 0; i < {}; i++) printf \"%020d%s\\n\", i, x }}'",
        LINE - 21,
        size / LINE
    )
}
