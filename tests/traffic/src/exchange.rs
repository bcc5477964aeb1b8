//! A recording: one exchange per line, as JSON.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::error::Category;
use serde_json::{Map, Value};

/// No line of a recording comes near this.
const LINE_LIMIT: u64 = 256 << 20;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A request and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    pub method: String,
    /// With the version, if there was one, and the query.
    pub path: String,
    /// The version in the path: `1.41`.
    #[serde(default)]
    pub api: Option<String>,
    #[serde(default)]
    pub req_ct: Option<String>,
    #[serde(default)]
    pub req_headers: Value,
    #[serde(default)]
    pub req: Option<Body>,
    /// None if no answer came.
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub resp_ct: Option<String>,
    #[serde(default)]
    pub resp_headers: Value,
    #[serde(default)]
    pub resp: Option<Body>,
    /// The connection was taken out of HTTP.
    #[serde(default, deserialize_with = "flag")]
    pub hijacked: bool,
    /// The client hung up before the answer had ended.
    #[serde(default, deserialize_with = "flag")]
    pub client_gone: bool,
    /// Whatever else a recorder noted.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A body, as one of `json`, `ndjson`, `text` and `raw_b64`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// One document; `null` is one too.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub json: Option<Value>,
    /// Several documents, one after another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ndjson: Option<Vec<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_b64: Option<String>,
    /// How many lines or documents there were, whether or not they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
    /// How many bytes there were, whether or not they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// `"cut": true` where not everything was kept, and whatever else a recorder noted.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Body {
    /// The JSON documents that were recorded as a whole.
    pub fn documents(&self) -> &[Value] {
        match (&self.json, &self.ndjson) {
            (Some(document), _) => std::slice::from_ref(document),
            (None, Some(documents)) => documents,
            (None, None) => &[],
        }
    }
}

/// Hands every exchange of a recording to `each`, with the number of its line.
///
/// A recording that is not whole is an error, which names the line where it ends to make sense.
pub fn read(path: &Path, mut each: impl FnMut(u64, Exchange) -> Result<()>) -> Result<()> {
    let name = path.display();
    let mut lines = open(path)?;
    let mut line = Vec::new();
    let mut exchanges = 0_u64;
    for number in 1.. {
        line.clear();
        if let Err(error) = (&mut lines).take(LINE_LIMIT).read_until(b'\n', &mut line) {
            bail!("{name}:{number}: {}", unreadable(&error));
        }
        if line.is_empty() {
            break;
        }
        if line.len() as u64 == LINE_LIMIT && !line.ends_with(b"\n") {
            bail!(
                "{name}:{number}: the line is longer than {} MiB, which no exchange is",
                LINE_LIMIT >> 20
            );
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(exchange) => each(number, exchange)?,
            Err(error) => bail!("{name}:{number}: {}", no_exchange(&error)),
        }
        exchanges += 1;
    }
    if exchanges == 0 {
        bail!("{name}:1: there is no exchange in this file: it is empty");
    }
    Ok(())
}

fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let name = path.display();
    let context = || format!("cannot read {name}");
    let mut file = BufReader::new(File::open(path).with_context(context)?);
    let starts = file.fill_buf().with_context(context)?;
    if starts.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(file))));
    }
    let is_called_gzip = path.extension().is_some_and(|extension| extension == "gz");
    if is_called_gzip && !starts.is_empty() {
        bail!("{name}:1: this is no gzip file, though its name says so: it does not begin as one");
    }
    Ok(Box::new(file))
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            "the gzip data ends in the middle: the file was cut off; fetch or record it again"
                .to_owned()
        }
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            format!("the gzip data is broken ({error}); fetch or record the file again")
        }
        _ => format!("cannot be read: {error}"),
    }
}

fn no_exchange(error: &serde_json::Error) -> String {
    let mut reason = error.to_string();
    if let Some(at) = reason.rfind(" at line ") {
        reason.truncate(at);
    }
    match error.classify() {
        Category::Eof => "the line ends in the middle of an exchange: the recording was cut off; \
             remove the line or record again"
            .to_owned(),
        Category::Data => format!("this is no exchange: {reason}"),
        Category::Syntax | Category::Io => {
            format!("this is not JSON: {reason} at column {}", error.column())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;

    const LINE: &str = r#"{"method":"GET","path":"/v1.41/info","status":200}"#;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn try_file(name: &str, content: &[u8]) -> Result<Vec<Exchange>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let mut exchanges = Vec::new();
        let result = read(&path, |_, exchange| {
            exchanges.push(exchange);
            Ok(())
        });
        let prefix = format!("{}/", folder.path().display());
        match result {
            Ok(()) => Ok(exchanges),
            Err(error) => Err(format!("{error:#}").replace(&prefix, "")),
        }
    }

    #[test]
    fn further_fields_are_kept() {
        let line = json!({
            "method": "POST", "path": "/v1.41/x?y=z", "api": "1.41", "req_ct": null, "req_headers": {"A": "b"},
            "req": {"json": null}, "status": 200, "resp_ct": "application/json", "resp_headers": [["A", "b"]],
            "resp": {"ndjson": [{"a": 1}], "lines": 1, "bytes": 8, "odd": [1]}, "hijacked": false, "client_gone": true,
            "seen_by": "somebody"
        });
        let exchange: Exchange = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(exchange.req.as_ref().unwrap().documents(), [Value::Null]);
        assert_eq!(serde_json::to_value(&exchange).unwrap(), line);
    }

    #[test]
    fn lines_are_read_compressed_or_not() {
        let two = format!("{LINE}\n\n{LINE}");
        assert_eq!(try_file("a.jsonl", two.as_bytes()).unwrap().len(), 2);
        assert_eq!(
            try_file("a.jsonl.gz", &gzip(two.as_bytes())).unwrap().len(),
            2
        );
        // The name is not what counts, and several compressed parts are one file.
        let parts = [gzip(format!("{LINE}\n").as_bytes()), gzip(LINE.as_bytes())].concat();
        assert_eq!(try_file("a", &parts).unwrap().len(), 2);
    }

    #[test]
    fn what_is_not_whole_is_an_error_that_names_the_line() {
        let two = format!("{LINE}\n{LINE}\n");
        let fails = |name: &str, content: &[u8], expected: &str| {
            let error = try_file(name, content).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        };
        fails("a.jsonl", b"", "a.jsonl:1: there is no exchange");
        fails("a.jsonl.gz", b"", "a.jsonl.gz:1: there is no exchange");
        fails("a.jsonl", b"\n \n", "a.jsonl:1: there is no exchange");
        let cut = &two.as_bytes()[..two.len() - 10];
        fails("a.jsonl", cut, "a.jsonl:2: the line ends in the middle");
        fails(
            "a.jsonl",
            b"<html>",
            "a.jsonl:1: this is not JSON: expected value at column 1",
        );
        fails(
            "a.jsonl",
            &[0xff, 0xfe, 0, b'\n'],
            "a.jsonl:1: this is not JSON",
        );
        fails("a.jsonl", b"[1]", "a.jsonl:1: this is no exchange");
        fails(
            "a.jsonl",
            b"{\"method\":\"GET\"}",
            "a.jsonl:1: this is no exchange: missing field `path`",
        );
        let nested = [LINE.as_bytes(), b"\n", br#"{"a":"#, &[b'['; 5000]].concat();
        fails(
            "a.jsonl",
            &nested,
            "a.jsonl:2: this is not JSON: recursion limit exceeded",
        );
        fails(
            "a.jsonl.gz",
            two.as_bytes(),
            "a.jsonl.gz:1: this is no gzip file",
        );

        let mut many = String::new();
        for n in 0..2000 {
            many.push_str(&LINE.replace("info", &format!("{:x}", n * 7919)));
            many.push('\n');
        }
        let whole = gzip(many.as_bytes());
        let cut = try_file("a.jsonl.gz", &whole[..whole.len() / 2]).unwrap_err();
        assert!(cut.contains(": the gzip data ends in the middle"), "{cut}");
        assert!(!cut.starts_with("a.jsonl.gz:1:"), "{cut}");
        let mut broken = whole;
        let middle = broken.len() / 2;
        broken[middle..middle + 40].fill(0xff);
        let broken = try_file("a.jsonl.gz", &broken).unwrap_err();
        assert!(broken.starts_with("a.jsonl.gz:"), "{broken}");
    }
}
