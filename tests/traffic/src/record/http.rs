//! HTTP/1.1 as it passes by: heads, and where bodies end.

use serde_json::{Map, Value};

use crate::redact::{REDACTED, is_secret_header};

/// No head that anybody sends comes near this.
pub(super) const HEAD_LIMIT: usize = 1 << 20;
/// Nor a line with the size of a chunk, nor a trailer.
const LINE_LIMIT: usize = 64 << 10;

/// What passes by is not HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The first lines of a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// Reads the head at the front of a request, and says how long it is; none while there is more to come.
    pub(super) fn request(bytes: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let mut space = [httparse::EMPTY_HEADER; 256];
        let mut request = httparse::Request::new(&mut space);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => {
                let head = Self {
                    method: request.method.unwrap_or_default().to_owned(),
                    path: request.path.unwrap_or_default().to_owned(),
                    status: 0,
                    headers: texts(request.headers),
                };
                Ok(Some((head, length)))
            }
            Ok(httparse::Status::Partial) => Ok(None),
            Err(_) => Err(Malformed),
        }
    }

    /// The same of an answer.
    pub(super) fn response(bytes: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let mut space = [httparse::EMPTY_HEADER; 256];
        let mut response = httparse::Response::new(&mut space);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => {
                let head = Self {
                    status: response.code.unwrap_or_default(),
                    headers: texts(response.headers),
                    ..Self::default()
                };
                Ok(Some((head, length)))
            }
            Ok(httparse::Status::Partial) => Ok(None),
            Err(_) => Err(Malformed),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// All headers as a recording has them; several of one name in one value.
    pub(super) fn recorded(&self) -> Value {
        let mut recorded: Map<String, Value> = Map::new();
        for (name, value) in &self.headers {
            let value = if is_secret_header(name) {
                REDACTED
            } else {
                value
            };
            let text = match recorded.get(name).and_then(Value::as_str) {
                Some(before) => format!("{before}, {value}"),
                None => value.to_owned(),
            };
            recorded.insert(name.clone(), text.into());
        }
        recorded.into()
    }

    /// How a request's body ends.
    pub(super) fn request_framing(&self) -> Result<Framing, Malformed> {
        Ok(self.framing()?.unwrap_or(Framing::Length(0)))
    }

    /// How the body of the answer to `method` ends.
    pub(super) fn response_framing(&self, method: &str) -> Result<Framing, Malformed> {
        let has_none = method == "HEAD" || matches!(self.status, 100..=199 | 204 | 304);
        if has_none {
            return Ok(Framing::Length(0));
        }
        Ok(self.framing()?.unwrap_or(Framing::UntilClose))
    }

    fn framing(&self) -> Result<Option<Framing>, Malformed> {
        let is_chunked = |value: &str| value.to_ascii_lowercase().ends_with("chunked");
        if self.header("transfer-encoding").is_some_and(is_chunked) {
            return Ok(Some(Framing::Chunked(Chunks::Size(Vec::new()))));
        }
        match self.header("content-length") {
            Some(length) => match length.trim().parse() {
                Ok(length) => Ok(Some(Framing::Length(length))),
                Err(_) => Err(Malformed),
            },
            None => Ok(None),
        }
    }
}

fn texts(headers: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |header: &httparse::Header<'_>| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_owned(), value)
    };
    headers.iter().map(text).collect()
}

/// How a body ends, and how far it has come.
#[derive(Debug)]
pub(super) enum Framing {
    /// After so many bytes more.
    Length(u64),
    Chunked(Chunks),
    UntilClose,
}

/// Where in a chunked body the next byte stands.
#[derive(Debug)]
pub(super) enum Chunks {
    /// In the line with a chunk's size.
    Size(Vec<u8>),
    /// In a chunk, with so many bytes to come.
    Data(u64),
    /// In the line break behind a chunk.
    Break(Vec<u8>),
    /// In a line behind the last chunk.
    Trailer(Vec<u8>),
    Over,
}

impl Framing {
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunks::Over))
    }

    /// Takes what belongs to the body from the front of `input`, hands its content to `keep`, and returns how much that
    /// was.
    pub(super) fn take(
        &mut self,
        input: &[u8],
        keep: &mut impl FnMut(&[u8]),
    ) -> Result<usize, Malformed> {
        match self {
            Self::UntilClose => {
                keep(input);
                Ok(input.len())
            }
            Self::Length(left) => Ok(take_data(left, input, keep)),
            Self::Chunked(chunks) => {
                let mut taken = 0;
                while taken < input.len() && !matches!(chunks, Chunks::Over) {
                    taken += chunks.take(&input[taken..], keep)?;
                }
                Ok(taken)
            }
        }
    }
}

fn take_data(left: &mut u64, input: &[u8], keep: &mut impl FnMut(&[u8])) -> usize {
    let taken = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    keep(&input[..taken]);
    *left -= taken as u64;
    taken
}

impl Chunks {
    fn take(&mut self, input: &[u8], keep: &mut impl FnMut(&[u8])) -> Result<usize, Malformed> {
        let line = match self {
            Self::Data(left) => {
                let taken = take_data(left, input, keep);
                if *left == 0 {
                    *self = Self::Break(Vec::new());
                }
                return Ok(taken);
            }
            Self::Over => return Ok(0),
            Self::Size(line) | Self::Break(line) | Self::Trailer(line) => line,
        };
        let end = input.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(input.len(), |end| end + 1);
        line.extend_from_slice(&input[..taken]);
        if line.len() > LINE_LIMIT {
            return Err(Malformed);
        }
        if end.is_none() {
            return Ok(taken);
        }
        let line = std::mem::take(line);
        let text = line.trim_ascii();
        *self = match self {
            Self::Size(_) => match chunk_size(text)? {
                0 => Self::Trailer(Vec::new()),
                size => Self::Data(size),
            },
            Self::Break(_) if text.is_empty() => Self::Size(Vec::new()),
            Self::Break(_) => return Err(Malformed),
            _ if text.is_empty() => Self::Over,
            _ => Self::Trailer(Vec::new()),
        };
        Ok(taken)
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, Malformed> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits.trim_ascii()).map_err(|_| Malformed)?;
    u64::from_str_radix(digits, 16).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What of the input is content, how much is taken, and whether the body is over.
    fn body(mut framing: Framing, pieces: &[&[u8]]) -> Result<(String, usize, bool), Malformed> {
        let mut content = Vec::new();
        let mut taken = 0;
        for piece in pieces {
            taken += framing.take(piece, &mut |bytes| content.extend_from_slice(bytes))?;
        }
        let content = String::from_utf8_lossy(&content).into_owned();
        Ok((content, taken, framing.is_over()))
    }

    fn chunked() -> Framing {
        Framing::Chunked(Chunks::Size(Vec::new()))
    }

    #[test]
    fn bodies_end_where_they_say() {
        assert_eq!(
            body(Framing::Length(3), &[b"ab", b"cde"]),
            Ok(("abc".into(), 3, true))
        );
        assert_eq!(
            body(Framing::UntilClose, &[b"ab", b"c"]),
            Ok(("abc".into(), 3, false))
        );
        let text: &[u8] = b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nnext";
        let expected = Ok(("abc0123456789".to_owned(), text.len() - 4, true));
        assert_eq!(body(chunked(), &[text]), expected);
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(body(chunked(), &single), expected);
        assert_eq!(body(chunked(), &[b"5\r\nab"]), Ok(("ab".into(), 5, false)));
    }

    #[test]
    fn what_is_no_chunk_is_malformed() {
        let long = [b'1'; LINE_LIMIT + 1];
        for bad in [
            &b"x\r\n"[..],
            b"1\r\nab\r\n",
            b"-1\r\n",
            b"\r\n",
            b"11111111111111111\r\n",
            &long,
        ] {
            assert_eq!(body(chunked(), &[bad]), Err(Malformed));
        }
    }

    #[test]
    fn heads_are_read_when_they_are_whole() {
        let text = b"POST /v1.41/x?y HTTP/1.1\r\nHost: h\r\nX-Registry-Auth: s\r\nA: 1\r\nA: 2\r\nContent-Length: 5\r\n\r\nhello";
        for end in 0..text.len() - 5 {
            assert!(Head::request(&text[..end]).unwrap().is_none());
        }
        let (head, length) = Head::request(text).unwrap().unwrap();
        assert_eq!(
            (head.method.as_str(), head.path.as_str()),
            ("POST", "/v1.41/x?y")
        );
        assert_eq!(length, text.len() - 5);
        assert_eq!(
            head.recorded(),
            json!({"Host": "h", "X-Registry-Auth": "[redacted]", "A": "1, 2", "Content-Length": "5"})
        );
        assert!(matches!(head.request_framing(), Ok(Framing::Length(5))));
        assert!(Head::request(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").is_err());
        assert!(Head::response(b"SSH-2.0-OpenSSH\r\n").is_err());
    }

    #[test]
    fn an_answer_may_have_no_body_whatever_it_says() {
        let over = |text: &[u8], method: &str| {
            let (head, _) = Head::response(text).unwrap().unwrap();
            head.response_framing(method)
                .map(|framing| framing.is_over())
        };
        assert_eq!(
            over(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"),
            Ok(true)
        );
        assert_eq!(
            over(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET"),
            Ok(false)
        );
        assert_eq!(
            over(
                b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                "GET"
            ),
            Ok(true)
        );
        assert_eq!(over(b"HTTP/1.1 200 OK\r\n\r\n", "GET"), Ok(false));
        assert_eq!(
            over(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "GET"),
            Err(Malformed)
        );
    }
}
