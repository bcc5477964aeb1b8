//! Just enough HTTP/1.1 to greet an engine and to hand it an image: one request per connection.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail};

/// No answer that is read here comes near this.
const LIMIT: u64 = 16 << 20;

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The body, once the status is known to be a good one.
    pub(crate) fn ok(self, what: &str) -> Result<Vec<u8>> {
        if !(200..300).contains(&self.status) {
            bail!(
                "{what}: the engine answered {}: {}",
                self.status,
                String::from_utf8_lossy(&self.body).trim()
            );
        }
        Ok(self.body)
    }
}

/// Sends one request over a fresh connection and reads the answer to its end.
pub(crate) fn request(
    mut stream: impl Read + Write,
    method: &str,
    target: &str,
    content_type: &str,
    body: &[u8],
) -> Result<Response> {
    let mut head =
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    if !body.is_empty() {
        head.push_str(&format!("Content-Type: {content_type}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body))
        .context("cannot send the request")?;
    let mut answer = Vec::new();
    stream
        .take(LIMIT)
        .read_to_end(&mut answer)
        .context("cannot read the answer")?;
    parse(&answer)
}

fn parse(answer: &[u8]) -> Result<Response> {
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .with_context(|| {
            format!(
                "not an HTTP answer: {:?}",
                String::from_utf8_lossy(&answer[..answer.len().min(80)])
            )
        })?;
    let head = std::str::from_utf8(&answer[..end]).context("the answer's head is not text")?;
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .with_context(|| format!("not an HTTP status line: {status_line:?}"))?;
    let header = |wanted: &str| {
        lines
            .clone()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    let body = &answer[end + 4..];
    let body = match header("transfer-encoding") {
        Some((_, coding)) if coding.trim().eq_ignore_ascii_case("chunked") => dechunk(body)?,
        _ => match header("content-length")
            .and_then(|(_, length)| length.trim().parse::<usize>().ok())
        {
            Some(length) if length > body.len() => bail!("the answer was cut off"),
            Some(length) => body[..length].to_vec(),
            None => body.to_vec(),
        },
    };
    Ok(Response { status, body })
}

fn dechunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest
            .windows(2)
            .position(|window| window == b"\r\n")
            .context("the answer was cut off")?;
        let size = std::str::from_utf8(&rest[..line])
            .ok()
            .and_then(|size| {
                usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).ok()
            })
            .context("not a chunk size")?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(rest.get(..size).context("the answer was cut off")?);
        rest = rest
            .get(size..)
            .and_then(|rest| rest.strip_prefix(b"\r\n"))
            .context("the answer was cut off")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lengths_chunks_and_open_ends() {
        let answer = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOKrest").unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"OK"[..]));
        let answer = parse(b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n");
        assert_eq!(answer.unwrap().body, b"abcde");
        assert_eq!(
            parse(b"HTTP/1.0 404 Not Found\r\n\r\ngone").unwrap().body,
            b"gone"
        );
    }

    #[test]
    fn an_answer_that_is_none_or_cut_off_is_an_error() {
        for bad in [
            &b""[..],
            b"SSH-2.0-OpenSSH\r\n",
            b"HTTP/1.1 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nOK",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn a_refusal_carries_the_engines_words() {
        let refused = parse(b"HTTP/1.1 500 Oops\r\n\r\n{\"message\":\"no space\"}\n").unwrap();
        assert_eq!(
            refused.ok("import of alpine").unwrap_err().to_string(),
            "import of alpine: the engine answered 500: {\"message\":\"no space\"}"
        );
    }
}
