//! From what was seen to the lines of a recording.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use docker_api_gen_tests::document::Document;
use serde_json::{Deserializer, Map, Value, json};
use tokio::sync::mpsc;

use super::conversation::{Captured, Message, Seen};
use crate::exchange::{Body, Exchange};
use crate::redact;
use crate::routes::{Documents, Target, operation, parse_version};

/// How long a text may be to be kept: messages, not logs.
const TEXT_LIMIT: usize = 4 << 10;

/// A file that a recording is written to, line by line.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    documents: Documents,
    written: u64,
}

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let context = || format!("cannot write {}", path.display());
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .create(true)
            .open(path)
            .with_context(context)?;
        if file.metadata().with_context(context)?.len() > 0 {
            bail!(
                "{} is there already: name another file, or remove it",
                path.display()
            );
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            documents: Documents::open(),
            written: 0,
        })
    }

    /// Writes what comes until nothing more can; gives how many exchanges that were.
    pub(super) fn run(mut self, mut seen: mpsc::Receiver<Seen>) -> Result<u64> {
        while let Some(seen) = seen.blocking_recv() {
            let exchange = exchange(seen, &mut self.documents);
            let mut line = serde_json::to_vec(&exchange)?;
            line.push(b'\n');
            // One write, so that a recording consists of whole lines whatever happens.
            self.file
                .write_all(&line)
                .with_context(|| format!("cannot write {}", self.path.display()))?;
            self.written += 1;
        }
        Ok(self.written)
    }
}

fn exchange(seen: Seen, documents: &mut Documents) -> Exchange {
    let request = &seen.request.head;
    let target = Target::of(&request.path);
    let version = documents.nearest(target.version.and_then(parse_version));
    let document = documents.document(version);
    let operation = operation(document, &request.method, target.path);
    let status = seen.response.as_ref().map(|message| message.head.status);
    let asked = operation.and_then(|operation| operation.body());
    // Archives do not always say that they are.
    let asks_bytes = asked.is_some_and(|(media, _)| !media.contains("json"));
    let described = operation.zip(status);
    let answered = described.and_then(|(operation, status)| operation.answer_of(status));
    let is_bytes = described.is_some_and(|(operation, status)| {
        status < 400 && matches!(operation.kind(), "bytes" | "log-frames" | "upgrade")
    });
    let lines = described
        .is_some_and(|(operation, status)| status < 300 && operation.kind() == "json-lines");
    let media = |message: &Message| message.head.header("content-type").map(str::to_owned);
    let headers = |message: &Message| message.head.recorded();
    let mut more = Map::new();
    if let Some(error) = &seen.error {
        more.insert("error".to_owned(), error.as_str().into());
    }
    Exchange {
        method: request.method.clone(),
        path: redact::path(&request.path),
        api: target.version.map(str::to_owned),
        req_ct: media(&seen.request),
        req_headers: headers(&seen.request),
        req: body(
            &seen.request.body,
            document,
            asked.map(|(_, schema)| schema),
            if asks_bytes { Kind::Bytes } else { Kind::One },
        ),
        status,
        resp_ct: seen.response.as_ref().and_then(media),
        resp_headers: seen.response.as_ref().map_or(Value::Null, headers),
        resp: seen.response.as_ref().and_then(|response| {
            let kind = match (seen.hijacked || is_bytes, lines) {
                (true, _) => Kind::Bytes,
                (false, true) => Kind::Many,
                (false, false) => Kind::One,
            };
            body(&response.body, document, answered, kind)
        }),
        hijacked: seen.hijacked,
        client_gone: seen.client_gone,
        more,
    }
}

/// What a body is supposed to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    /// One document after another.
    Many,
    /// Nothing that a schema describes: no more is kept than how much it was.
    Bytes,
}

fn body(
    captured: &Captured,
    document: &Document,
    schema: Option<&Value>,
    kind: Kind,
) -> Option<Body> {
    if captured.bytes == 0 {
        return None;
    }
    let mut body = Body {
        bytes: Some(captured.bytes),
        ..Body::default()
    };
    let is_whole = captured.is_whole();
    let (mut found, rest) = match kind {
        Kind::Bytes => (Vec::new(), true),
        Kind::One | Kind::Many => documents(&captured.kept),
    };
    for value in &mut found {
        redact::value(document, schema, value);
    }
    let is_json = is_whole && !rest;
    match (kind, found.len()) {
        (Kind::One, 1) if is_json => {
            body.bytes = None;
            body.json = found.pop();
        }
        (Kind::Many | Kind::One, 1..) if is_json || !is_whole => {
            let known = found.len() as u64;
            let lines = if is_whole {
                known
            } else {
                captured.lines.max(known)
            };
            body.lines = Some(lines);
            body.ndjson = Some(found);
            cut(&mut body, !is_whole);
        }
        (Kind::Many | Kind::One, _) if is_whole && captured.kept.len() <= TEXT_LIMIT => {
            match String::from_utf8(captured.kept.clone()) {
                Ok(text) => body.text = Some(text),
                Err(_) => cut(&mut body, true),
            }
        }
        _ => cut(&mut body, true),
    }
    if body.json.is_none() && body.ndjson.is_none() && body.text.is_none() {
        body.raw_b64 = Some(String::new());
    }
    Some(body)
}

/// Marks a body of which something is missing.
fn cut(body: &mut Body, is_cut: bool) {
    if is_cut {
        body.more.insert("cut".to_owned(), json!(true));
    }
}

/// The JSON documents at the front of a text, and whether there is anything else behind them.
fn documents(text: &[u8]) -> (Vec<Value>, bool) {
    // Documents of a sequence begin with a record separator.
    let text: Vec<u8> = text.iter().copied().filter(|byte| *byte != 0x1e).collect();
    let mut reader = Deserializer::from_slice(&text).into_iter::<Value>();
    let mut found = Vec::new();
    loop {
        match reader.next() {
            Some(Ok(value)) => found.push(value),
            Some(Err(_)) => return (found, true),
            None => return (found, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;
    use super::*;

    /// The line that an exchange becomes.
    fn recorded(request: &str, response: &str) -> Value {
        let mut conversation = Conversation::new();
        conversation.client_said(request.as_bytes());
        let mut seen = conversation.daemon_said(response.as_bytes());
        conversation.daemon_ended();
        seen.extend(conversation.end());
        assert_eq!(seen.len(), 1);
        serde_json::to_value(exchange(seen.remove(0), &mut Documents::open())).unwrap()
    }

    const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

    #[test]
    fn an_exchange_has_the_fields_of_a_recording() {
        let request = "POST /v1.41/auth HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n{\"username\":\"u\",\"password\":\"pass\"}";
        let request = request.replace("33", "34");
        let answer = format!("{JSON}Content-Length: 21\r\n\r\n{{\"IdentityToken\":\"t\"}}");
        assert_eq!(
            recorded(&request, &answer),
            json!({
                "method": "POST", "path": "/v1.41/auth", "api": "1.41",
                "req_ct": "application/json",
                "req_headers": {"Host": "d", "Content-Type": "application/json", "Content-Length": "34"},
                "req": {"json": {"username": "u", "password": "[redacted]"}},
                "status": 200, "resp_ct": "application/json",
                "resp_headers": {"Content-Type": "application/json", "Content-Length": "21"},
                "resp": {"json": {"IdentityToken": "[redacted]"}},
                "hijacked": false, "client_gone": false
            })
        );
    }

    fn answer(path: &str, answer: &str) -> Value {
        recorded(&format!("GET {path} HTTP/1.1\r\n\r\n"), answer)["resp"].clone()
    }

    #[test]
    fn a_body_is_kept_as_what_it_is() {
        let stream = "{\"a\":1}\n{\"a\":2}\r\n";
        assert_eq!(
            answer("/v1.41/events", &format!("{JSON}\r\n{stream}")),
            json!({"ndjson": [{"a": 1}, {"a": 2}], "lines": 2, "bytes": 17})
        );
        assert_eq!(
            answer(
                "/v1.41/containers/a/changes",
                &format!("{JSON}Content-Length: 5\r\n\r\nnull\n")
            ),
            json!({"json": null})
        );
        assert_eq!(
            answer(
                "/_ping",
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nOK"
            ),
            json!({"text": "OK", "bytes": 2})
        );
        let cut = json!({"raw_b64": "", "bytes": 2, "cut": true});
        let logs = "HTTP/1.1 200 OK\r\n\r\n12";
        assert_eq!(answer("/v1.41/containers/a/logs", logs), cut);
        assert_eq!(
            answer(
                "/v1.41/containers/a/archive?path=/",
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\n\r\nab"
            ),
            cut
        );
        assert_eq!(
            answer("/v1.41/info", &format!("{JSON}Content-Length: 0\r\n\r\n")),
            Value::Null
        );
    }

    #[test]
    fn an_archive_is_never_kept() {
        let request =
            "PUT /v1.41/containers/a/archive?path=/ HTTP/1.1\r\nContent-Length: 6\r\n\r\nsecret";
        let recorded = recorded(request, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(
            recorded["req"],
            json!({"raw_b64": "", "bytes": 6, "cut": true})
        );
    }

    #[test]
    fn what_is_not_whole_says_so() {
        assert_eq!(
            answer(
                "/v1.41/info",
                &format!("{JSON}Content-Length: 9\r\n\r\n{{\"a\":1")
            ),
            json!({"raw_b64": "", "bytes": 6, "cut": true})
        );
        assert_eq!(
            answer(
                "/v1.41/events",
                &format!("{JSON}Content-Length: 99\r\n\r\n{{\"a\":1}}\n{{\"a")
            ),
            json!({"ndjson": [{"a": 1}], "lines": 1, "bytes": 11, "cut": true})
        );
    }
}
