//! The output of containers, line by line.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::error::Error;
use crate::logs::{LogFrame, LogSource, LogStream};

/// The output of a container, line by line: from [`LogStream::lines`].
///
/// Lines of standard output and standard error do not mix, whatever order their parts come in. What stands behind the
/// last line break is a line too, given out at the end or before the `Err` that is the end.
#[derive(Debug)]
pub struct LogLines {
    logs: LogStream,
    cutter: Cutter,
    /// What comes after the lines that are left.
    end: Option<Option<Error>>,
}

/// A line of output.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// Where it was written.
    pub stream: LogSource,
    /// The line without its end, which is `\n` or `\r\n`.
    pub bytes: Bytes,
    /// Whether the line ends here. `false` for all pieces but the last of a line that is longer than the limit, and
    /// for what stands behind the last line break.
    pub ended: bool,
}

impl LogLine {
    /// The line as text, with `\u{fffd}` where it is not UTF-8.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

impl fmt::Debug for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLine")
            .field("stream", &self.stream)
            .field("text", &self.text())
            .field("ended", &self.ended)
            .finish()
    }
}

impl LogLines {
    pub(crate) fn new(logs: LogStream, limit: usize) -> Self {
        Self {
            logs,
            cutter: Cutter::new(limit),
            end: None,
        }
    }

    /// The next line, or `None` at the end. Giving up the wait loses nothing.
    pub async fn next(&mut self) -> Option<Result<LogLine, Error>> {
        poll_fn(|cx| self.poll_line(cx)).await
    }

    /// The next line, or `None` at the end, with the error first: for `while let Some(line) = lines.try_next().await?`.
    pub async fn try_next(&mut self) -> Result<Option<LogLine>, Error> {
        self.next().await.transpose()
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<LogLine, Error>>> {
        loop {
            if let Some(line) = self.cutter.next() {
                return Poll::Ready(Some(Ok(line)));
            }
            if let Some(end) = &mut self.end {
                return Poll::Ready(end.take().map(Err));
            }
            match ready!(Pin::new(&mut self.logs).poll_next(cx)) {
                Some(Ok(frame)) => self.cutter.push(frame),
                Some(Err(error)) => {
                    self.cutter.finish();
                    self.end = Some(Some(error));
                }
                None => {
                    self.cutter.finish();
                    self.end = Some(None);
                }
            }
        }
    }
}

impl Stream for LogLines {
    type Item = Result<LogLine, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_line(cx)
    }
}

/// Cuts output into lines.
#[derive(Debug)]
struct Cutter {
    limit: usize,
    /// What came last and is not yet cut.
    frame: Option<LogFrame>,
    /// The beginning of a line that has not ended, for each place where output is written.
    begun: [(LogSource, BytesMut); 4],
    /// What the end of the stream leaves.
    rest: VecDeque<LogLine>,
}

impl Cutter {
    fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            frame: None,
            begun: [
                LogSource::Stdin,
                LogSource::Stdout,
                LogSource::Stderr,
                LogSource::Console,
            ]
            .map(|stream| (stream, BytesMut::new())),
            rest: VecDeque::new(),
        }
    }

    fn push(&mut self, frame: LogFrame) {
        self.frame = Some(frame);
    }

    fn next(&mut self) -> Option<LogLine> {
        let Some(LogFrame { stream, bytes }) = &mut self.frame else {
            return self.rest.pop_front();
        };
        let stream = *stream;
        let Some((_, begun)) = self.begun.iter_mut().find(|(known, _)| *known == stream) else {
            self.frame = None;
            return None;
        };
        let room = self.limit - begun.len();
        // One more byte than there is room for: the line may end right behind.
        let window = &bytes[..bytes.len().min(room + 1)];
        let (bytes, ended) = match memchr::memchr(b'\n', window) {
            Some(at) => {
                let mut line = bytes.split_to(at + 1);
                line.truncate(at);
                (line, true)
            }
            None if bytes.len() > room => (bytes.split_to(room), false),
            None => {
                begun.extend_from_slice(bytes);
                self.frame = None;
                return None;
            }
        };
        let mut bytes = if begun.is_empty() {
            bytes
        } else {
            begun.extend_from_slice(&bytes);
            begun.split().freeze()
        };
        if ended && bytes.ends_with(b"\r") {
            bytes.truncate(bytes.len() - 1);
        }
        Some(LogLine {
            stream,
            bytes,
            ended,
        })
    }

    fn finish(&mut self) {
        for (stream, begun) in &mut self.begun {
            if !begun.is_empty() {
                self.rest.push_back(LogLine {
                    stream: *stream,
                    bytes: begun.split().freeze(),
                    ended: false,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(
        limit: usize,
        frames: &[(LogSource, &'static [u8])],
    ) -> Vec<(LogSource, String, bool)> {
        let mut cutter = Cutter::new(limit);
        let mut lines = Vec::new();
        let mut take = |cutter: &mut Cutter| {
            while let Some(line) = cutter.next() {
                lines.push((line.stream, line.text().into_owned(), line.ended));
            }
        };
        for (stream, bytes) in frames {
            cutter.push(LogFrame {
                stream: *stream,
                bytes: Bytes::from_static(bytes),
            });
            take(&mut cutter);
            assert!(cutter.begun.iter().all(|(_, begun)| begun.len() <= limit));
        }
        cutter.finish();
        take(&mut cutter);
        lines
    }

    use LogSource::{Console, Stderr, Stdout};

    #[test]
    fn lines_end_where_they_end_and_streams_do_not_mix() {
        assert_eq!(
            lines(
                100,
                &[
                    (Stdout, b"a\n\nb"),
                    (Stderr, b"x"),
                    (Stdout, b"c\r\nd\r"),
                    (Stderr, b"y\nz"),
                    (Stdout, b"\ne"),
                ]
            ),
            [
                (Stdout, "a".to_owned(), true),
                (Stdout, String::new(), true),
                (Stdout, "bc".to_owned(), true),
                (Stderr, "xy".to_owned(), true),
                (Stdout, "d".to_owned(), true),
                (Stdout, "e".to_owned(), false),
                (Stderr, "z".to_owned(), false),
            ]
        );
        assert!(lines(100, &[]).is_empty());
    }

    #[test]
    fn a_long_line_comes_in_pieces_of_the_limit() {
        let line = |text: &str, ended| (Console, text.to_owned(), ended);
        assert_eq!(
            lines(3, &[(Console, b"abcdefgh\nabc\nab")]),
            [
                line("abc", false),
                line("def", false),
                line("gh", true),
                line("abc", true),
                line("ab", false)
            ]
        );
        assert_eq!(
            lines(
                3,
                &[
                    (Console, b"ab"),
                    (Console, b"c"),
                    (Console, b"\nabc"),
                    (Console, b"d")
                ]
            ),
            [line("abc", true), line("abc", false), line("d", false)]
        );
        assert_eq!(
            lines(0, &[(Console, b"ab\n")]),
            [line("a", false), line("b", true)]
        );
    }
}
