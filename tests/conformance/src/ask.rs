//! A call as scenarios make it: an operation by its name, arguments and answers as JSON.

use std::time::Duration;

use docker_api_gen_core::{Error, ErrorKind, LogSource, LogStream, Upgraded};
use docker_api_gen_tests::call::{Given, Got};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::case::{Case, Stop};

/// What a call may take, streams included: nothing here is meant to last longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// How much is read of an answer that is bytes.
const LIMIT: usize = 64 << 20;

/// Among statuses: the client itself refused, because the version that it speaks has no such thing.
pub(crate) const UNSENT: u16 = 1;

/// A call under construction. The methods that send it note in the case how it went.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ask<'a> {
    case: &'a Case<'a>,
    operation: &'static str,
    given: Given,
    /// Not counted: it only prepares or clears up.
    aside: bool,
}

/// What a container wrote.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) out: String,
    pub(crate) err: String,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(case: &'a Case<'a>, operation: &'static str) -> Self {
        Self {
            case,
            operation,
            given: Given::default(),
            aside: false,
        }
    }

    pub(crate) fn aside(mut self) -> Self {
        self.aside = true;
        self
    }

    /// The parameter of the path that most operations have.
    pub(crate) fn id(self, value: &str) -> Self {
        self.path("id", value)
    }

    /// Likewise, where it is called `name`.
    pub(crate) fn name(self, value: &str) -> Self {
        self.path("name", value)
    }

    pub(crate) fn path(self, name: &str, value: &str) -> Self {
        self.parameter("path", name, value.into())
    }

    pub(crate) fn query(self, name: &str, value: impl Into<Value>) -> Self {
        self.parameter("query", name, value.into())
    }

    /// Only where the version has the parameter.
    pub(crate) fn query_if_known(self, name: &str, value: impl Into<Value>) -> Self {
        match self.case.takes(self.operation, name) {
            true => self.query(name, value),
            false => self,
        }
    }

    pub(crate) fn header(self, name: &str, value: impl Into<Value>) -> Self {
        self.parameter("header", name, value.into())
    }

    fn parameter(mut self, place: &str, name: &str, value: Value) -> Self {
        let key = format!("{place}:{name}");
        self.given.parameters.insert(key, value);
        self
    }

    /// A header that the operation does not describe.
    pub(crate) fn extra(mut self, name: &str, value: &str) -> Self {
        let header = (name.to_owned(), value.to_owned());
        self.given.headers.push(header);
        self
    }

    pub(crate) fn body(mut self, value: Value) -> Self {
        self.given.body = Some(value);
        self
    }

    pub(crate) fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.given.bytes = Some(bytes.into());
        self
    }

    /// Ends a stream after so many documents or frames.
    pub(crate) fn take(mut self, count: usize) -> Self {
        self.given.take = Some(count);
        self
    }

    /// The answer is a success; whatever of it is JSON.
    pub(crate) async fn ok(self) -> Result<Value, Stop> {
        let (case, operation, aside) = (self.case, self.operation, self.aside);
        let value = match self.send().await? {
            Got::Nothing | Got::Logs(_) | Got::Upgraded(_) => Value::Null,
            Got::Document(value) => value,
            Got::Outcome(text) => Value::from(text),
            Got::Text(text) | Got::Headers(text) => Value::from(text),
            Got::Bytes(bytes) => {
                let bytes = bytes.collect(LIMIT).await;
                let bytes = bytes.map_err(|error| case.failed(operation, &error))?;
                Value::from(bytes.len())
            }
            Got::Documents { all, failure: None } => Value::Array(all),
            Got::Documents {
                failure: Some(error),
                ..
            } => return Err(case.failed(operation, &error)),
        };
        if !aside {
            case.passed(operation);
        }
        Ok(value)
    }

    /// The answer is a success, and bytes.
    pub(crate) async fn content(self) -> Result<Vec<u8>, Stop> {
        let (case, operation) = (self.case, self.operation);
        match self.send().await? {
            Got::Bytes(bytes) => {
                let bytes = bytes.collect(LIMIT).await;
                let bytes = bytes.map_err(|error| case.failed(operation, &error))?;
                case.passed(operation);
                Ok(bytes.into())
            }
            other => Err(case.wrong(operation, format!("bytes are due, not {other:?}"))),
        }
    }

    /// The answer is a success, and what a container wrote, to its end.
    pub(crate) async fn written(self) -> Result<Written, Stop> {
        let (case, operation, take) = (self.case, self.operation, self.given.take);
        let logs = match self.send().await? {
            Got::Logs(logs) => logs,
            Got::Upgraded(upgraded) => upgraded.into_logs().0,
            other => return Err(case.wrong(operation, format!("frames are due, not {other:?}"))),
        };
        let written = read_frames(logs, take).await;
        let written = written.map_err(|error| case.failed(operation, &error))?;
        case.passed(operation);
        Ok(written)
    }

    /// The answer is a success, and the connection is ours.
    pub(crate) async fn upgraded(self) -> Result<Upgraded, Stop> {
        let (case, operation) = (self.case, self.operation);
        match self.send().await? {
            Got::Upgraded(upgraded) => {
                case.passed(operation);
                Ok(upgraded)
            }
            other => Err(case.wrong(operation, format!("a connection is due, not {other:?}"))),
        }
    }

    /// The answer is an error with one of these statuses; zero stands for an error inside a stream.
    pub(crate) async fn refused(self, statuses: &[u16]) -> Result<Error, Stop> {
        let (case, operation) = (self.case, self.operation);
        let error = match self.try_send().await? {
            Err(error) => error,
            Ok(Got::Documents {
                failure: Some(error),
                ..
            }) => error,
            Ok(other) => {
                let what = format!("a refusal is due ({statuses:?}), not {other:?}");
                return Err(case.wrong(operation, what));
            }
        };
        let status = match (error.kind(), error.status()) {
            (ErrorKind::Stream, _) => 0,
            (ErrorKind::Unsupported, None) => UNSENT,
            (_, Some(status)) => status.as_u16(),
            (_, None) => 2,
        };
        // Podman has statuses of its own, and sometimes nothing to say.
        let is_podmans = case.facts.is_podman && matches!(status, 400 | 404 | 409 | 500);
        if !statuses.contains(&status) && !is_podmans {
            let what = format!("a refusal with one of {statuses:?} is due, not {error:?}");
            return Err(case.wrong(operation, what));
        }
        let is_silent = error
            .message()
            .is_none_or(|message| message.trim().is_empty());
        if is_silent && status != UNSENT && !case.facts.is_podman && !case.client.is_head(operation)
        {
            return Err(case.wrong(operation, format!("the error has no message: {error:?}")));
        }
        case.refused(operation);
        Ok(error)
    }

    /// Whatever comes back, it is not counted. For preparing and clearing up.
    pub(crate) async fn anyway(self) -> Option<Value> {
        match self.aside().try_send().await {
            Ok(Ok(Got::Document(value))) => Some(value),
            Ok(Ok(_)) => Some(Value::Null),
            _ => None,
        }
    }

    /// Likewise, with the newest version that the engine speaks.
    pub(crate) async fn by_aide(self) -> bool {
        let Some(aide) = &self.case.aide else {
            return false;
        };
        match aide.call(self.operation, &self.given) {
            Some(call) => call.await.is_ok(),
            None => false,
        }
    }

    async fn send(self) -> Result<Got, Stop> {
        let (case, operation) = (self.case, self.operation);
        self.try_send()
            .await?
            .map_err(|error| case.failed(operation, &error))
    }

    async fn try_send(self) -> Result<Result<Got, Error>, Stop> {
        let (case, operation) = (self.case, self.operation);
        let call = case.client.call(operation, &self.given);
        let Some(call) = call else {
            let what = format!("API {} has no such operation", case.version);
            return Err(case.wrong(operation, what));
        };
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                let what = format!("no answer within {} s", PATIENCE.as_secs());
                Err(case.wrong(operation, what))
            }
        }
    }
}

/// Reads what a container writes until it ends, or until so many frames.
pub(crate) async fn read_frames(
    mut logs: LogStream,
    take: Option<usize>,
) -> Result<Written, Error> {
    let mut written = Written::default();
    let mut left = take.unwrap_or(usize::MAX);
    while left > 0
        && let Some(frame) = logs.try_next().await?
    {
        let text = String::from_utf8_lossy(&frame.bytes).into_owned();
        match frame.stream {
            LogSource::Stderr => written.err.push_str(&text),
            _ => written.out.push_str(&text),
        }
        left -= 1;
    }
    Ok(written)
}

/// Writes to a program and ends its input; what it writes until it ends.
pub(crate) async fn converse(mut upgraded: Upgraded, input: &[u8]) -> anyhow::Result<Written> {
    upgraded.write_all(input).await?;
    upgraded.close_stdin().await?;
    Ok(read_frames(upgraded.into_logs().0, None).await?)
}

/// Reads from a connection until the text has come.
pub(crate) async fn read_until(upgraded: &mut Upgraded, text: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    while !all.windows(text.len()).any(|window| window == text) {
        let length = tokio::time::timeout(PATIENCE, upgraded.read(&mut buffer)).await??;
        anyhow::ensure!(
            length > 0,
            "the connection ended after {:?}",
            String::from_utf8_lossy(&all)
        );
        all.extend_from_slice(&buffer[..length]);
    }
    Ok(all)
}
