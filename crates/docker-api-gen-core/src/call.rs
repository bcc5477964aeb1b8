//! One request in the making, and the ways to send it.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, UPGRADE,
};
use http::{Method, StatusCode};
use serde::Serialize;

use crate::body::Body;
use crate::byte_stream::ByteStream;
use crate::connection::Connection;
use crate::credentials::{self, base64_json};
use crate::decode;
use crate::error::{Error, ErrorKind};
use crate::exchange::exchange;
use crate::failure;
use crate::gates;
use crate::headers;
use crate::history::History;
use crate::http_client::Answer;
use crate::json_lines::JsonLines;
use crate::limits::Limits;
use crate::logs::LogStream;
use crate::operation::{Operation, TtySource};
use crate::origin::Origin;
use crate::proof::Proof;
use crate::query::{QueryValue, decode as decode_text, encode};
use crate::request::Request;
use crate::response::{self, Response};
use crate::scan;
use crate::text::shorten;
use crate::unsupported::{Notes, Unsupported};
use crate::upgraded::Upgraded;
use crate::version::ApiVersion;
use crate::wire::Read;

/// A call on its way.
///
/// Boxed, so that what it does is compiled once, in this crate, and not again wherever a call is awaited.
pub(crate) type Sending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// One request in the making.
///
/// The first value that cannot be sent is remembered, and is what sending or
/// [`into_request`](Call::into_request) ends with.
#[doc(hidden)]
pub struct Call<'a> {
    connection: &'a Connection,
    origin: Origin,
    parameters: Vec<(&'static str, String)>,
    query: String,
    headers: HeaderMap,
    body: Body,
    limits: Limits,
    tty: Option<bool>,
    look_up: Option<LookUp>,
    unsupported: Unsupported,
    notes: Option<Notes>,
    /// What it is about was made a moment ago, and cannot have run.
    is_new: bool,
    error: Option<Error>,
}

/// Credentials that are still to be found when the call is sent.
///
/// What finds them is a pointer, so that it is only in programs that have an operation that needs it.
struct LookUp {
    header: HeaderName,
    /// The parameter that names the image.
    image: &'static str,
    find: fn(&Call<'_>, image: &str) -> Sending<'static, Option<HeaderValue>>,
}

/// What of a request can be more than a version has.
pub(crate) struct Parts<'p> {
    pub(crate) query: &'p mut String,
    pub(crate) headers: &'p mut HeaderMap,
    pub(crate) body: &'p mut Body,
}

impl<'a> Call<'a> {
    /// A call of `operation` over `connection`.
    pub fn new(connection: &'a Connection, operation: &'static Operation) -> Self {
        Self {
            connection,
            origin: Origin {
                operation,
                version: operation.version,
                subject: None,
            },
            parameters: Vec::new(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Body::empty(),
            limits: connection.limits().of(operation.unbounded),
            tty: None,
            look_up: None,
            unsupported: connection.unsupported(),
            notes: None,
            is_new: false,
            error: None,
        }
    }

    /// Speaks `version` instead of the operation's own.
    pub fn set_version(&mut self, version: ApiVersion) {
        self.origin.version = version;
    }

    /// Fills `{name}` of the path.
    ///
    /// `value` arrives at the daemon as it is, whatever characters it has, but for one slash at its beginning,
    /// which container names have where the daemon prints them and must not have where it reads them.
    pub fn path(&mut self, name: &'static str, value: &str) {
        let value = value.strip_prefix('/').unwrap_or(value);
        if value.trim().is_empty() {
            return self.refuse(format!(
                "the path parameter {name} is empty: it would reach another operation"
            ));
        }
        if value == "." || value == ".." {
            return self.refuse(format!(
                "{value:?} cannot be the path parameter {name}: it is a step in a path"
            ));
        }
        self.about(value);
        self.parameters.push((name, encode(value)));
    }

    /// Adds `name=value` to the query, once per text that `value` gives.
    pub fn query<V: QueryValue + ?Sized>(&mut self, name: &'static str, value: &V) {
        value.each(&mut |text| self.add_query(name, text));
    }

    /// Adds a list to the query as one value, with commas between its items.
    pub fn query_csv(&mut self, name: &'static str, value: &Option<Vec<String>>) {
        if let Some(items) = value {
            self.add_query(name, &items.join(","));
        }
    }

    /// Adds a value to the query as JSON.
    pub fn query_json<V: Serialize>(&mut self, name: &'static str, value: &Option<V>) {
        if let Some(value) = value {
            match serde_json::to_string(value) {
                Ok(text) => self.add_query(name, &text),
                Err(error) => self.refuse_value(name, error),
            }
        }
    }

    /// Adds one parameter for each item, the item as JSON.
    pub fn query_json_items<V: Serialize>(&mut self, name: &'static str, value: &Option<Vec<V>>) {
        for item in value.iter().flatten() {
            self.query_json(name, &Some(item));
        }
    }

    /// Sets a header, with commas between several texts.
    pub fn header<V: QueryValue + ?Sized>(&mut self, name: &'static str, value: &V) {
        let mut texts = Vec::new();
        value.each(&mut |text| texts.push(text.to_owned()));
        if !texts.is_empty() {
            self.add_header(name, &texts.join(","), false);
        }
    }

    /// Sets a header to a value's JSON in base64, in the alphabet that is safe in URLs.
    pub fn header_base64_json<V: Serialize>(&mut self, name: &'static str, value: &Option<V>) {
        if let Some(value) = value {
            match base64_json(value) {
                Ok(text) => self.add_header(name, &text, true),
                Err(error) => self.refuse_value(name, error),
            }
        }
    }

    /// Sets a header to credentials; without any, those are sent that are stored for the registry of the image that
    /// the parameter `image` names.
    pub fn registry_auth<V: Serialize>(
        &mut self,
        name: &'static str,
        value: &Option<V>,
        image: &'static str,
    ) {
        match value {
            Some(_) => self.header_base64_json(name, value),
            None => self.look_up(name, image, |call, image| {
                let registries = call.connection.registries().clone();
                credentials::find_one(registries, call.parameter(image), call.limits.headers)
            }),
        }
    }

    /// Sets a header to the credentials of registries; without any, all that are stored are sent.
    pub fn registry_config<V: Serialize>(&mut self, name: &'static str, value: &Option<V>) {
        match value {
            Some(_) => self.header_base64_json(name, value),
            None => self.look_up(name, "", |call, _| {
                let registries = call.connection.registries().clone();
                credentials::find_all(registries, call.limits.headers)
            }),
        }
    }

    fn look_up(
        &mut self,
        name: &str,
        image: &'static str,
        find: fn(&Call<'_>, image: &str) -> Sending<'static, Option<HeaderValue>>,
    ) {
        if let Ok(header) = HeaderName::from_bytes(name.as_bytes()) {
            self.look_up = Some(LookUp {
                header,
                image,
                find,
            });
        }
    }

    /// Carries `body` as JSON.
    pub fn json_body<B: Serialize + ?Sized>(&mut self, body: &B) {
        match serde_json::to_vec(body) {
            Ok(json) => self.body("application/json", json.into()),
            Err(error) => self.refuse_value("body", error),
        }
    }

    /// Carries `body`.
    pub fn body(&mut self, content_type: &'static str, body: Body) {
        let content_type = HeaderValue::from_static(content_type);
        headers::set(&mut self.headers, CONTENT_TYPE, content_type);
        self.body = body;
    }

    /// Allows `limit` until the answer begins.
    pub fn set_timeout(&mut self, limit: Duration) {
        self.limits.headers = Some(limit);
    }

    /// Allows `limit` between two pieces of the answer.
    pub fn set_idle_timeout(&mut self, limit: Duration) {
        self.limits.idle = Some(limit);
    }

    /// Sets a header that the operation does not know, or overrides one that it does.
    pub fn set_header(&mut self, name: &str, value: &str) {
        self.add_header(name, value, false);
    }

    /// Says what becomes of things that the version spoken does not have.
    pub fn set_unsupported(&mut self, unsupported: Unsupported) {
        self.unsupported = unsupported;
    }

    /// Where the call leaves what its caller may want to know afterwards.
    pub fn notes(&mut self) -> Notes {
        self.notes.get_or_insert_default().clone()
    }

    /// Says whether the stream is a terminal's, so that the daemon need not be asked.
    pub fn set_tty(&mut self, tty: bool) {
        self.tty = Some(tty);
    }

    /// The same for an exec that the caller has just made.
    pub(crate) fn set_tty_of_new(&mut self, tty: bool) {
        self.tty = Some(tty);
        self.is_new = true;
    }

    /// The request, without any I/O.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if a value cannot be sent.
    pub fn into_request(mut self) -> Result<Request, Error> {
        if let Some(choice) = self.connection.choice() {
            choice.prepare(&mut self)?;
        }
        self.take_request()
    }

    /// Sends it; there is nothing to read in the answer.
    pub fn unit(mut self) -> Sending<'a, ()> {
        Box::pin(async move { self.send().await?.unit().await })
    }

    /// Sends it and reads the answer as one JSON document.
    pub async fn json<T: Read>(self) -> Result<T, Error> {
        let (text, origin) = self.json_text().await?;
        decode::decode(&text, &origin)
    }

    /// Sends it and reads the answer as one JSON document, unless there are words about a failure at `pointer` of it.
    pub async fn json_unless<T: Read>(self, pointer: &'static str) -> Result<T, Error> {
        let (text, origin) = self.json_text().await?;
        failure::inside(&text, pointer, &origin)?;
        decode::decode(&text, &origin)
    }

    /// Sends it and reads the answer as text.
    pub fn text(mut self) -> Sending<'a, String> {
        Box::pin(async move { self.send().await?.text().await })
    }

    /// Sends it; the answer is a stream of bytes.
    pub fn bytes(mut self) -> Sending<'a, ByteStream> {
        Box::pin(async move { Ok(self.send().await?.bytes()) })
    }

    /// Sends it; the answer is a stream of JSON documents.
    pub async fn json_lines<T: Read>(self) -> Result<JsonLines<T>, Error> {
        self.json_stream().await.map(JsonLines::new)
    }

    /// Sends it; the answer is a stream of log frames.
    pub fn logs(mut self) -> Sending<'a, LogStream> {
        Box::pin(async move {
            let tty = self.tty_before().await?;
            let response = self.send().await?;
            let tty = match tty.or_else(|| response::framing(response.headers())) {
                Some(tty) => tty,
                None => self.ask_tty(Asked::After).await?.unwrap_or_default(),
            };
            Ok(LogStream::new(response.bytes(), tty, None))
        })
    }

    /// Sends it and takes over the connection.
    pub fn upgrade(mut self) -> Sending<'a, Upgraded> {
        Box::pin(async move {
            if !self.headers.contains_key(UPGRADE) {
                let tcp = HeaderValue::from_static("tcp");
                headers::set(&mut self.headers, UPGRADE, tcp);
            }
            let upgrade = HeaderValue::from_static("Upgrade");
            headers::set(&mut self.headers, CONNECTION, upgrade);
            let mut tty = self.tty_before().await?;
            let proof = self.proof();
            let response = self.exchange().await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                tty = tty.or_else(|| response::framing(response.headers()));
                if tty.is_none() {
                    tty = self.ask_tty(Asked::After).await?;
                }
                return match hyper::upgrade::on(response).await {
                    Ok(io) => Ok(Upgraded::open(io, tty, proof, self.origin)),
                    Err(error) => Err(failure::upgrade(error, &self.origin)),
                };
            }
            let response = self.answered(response).await?;
            let length = response.headers().get(CONTENT_LENGTH);
            if length.is_some_and(|length| length == "0") {
                // A program that was started to be left alone has no output to ask about.
                return Ok(Upgraded::read_only(response.bytes(), tty, None));
            }
            // Here the content type cannot be believed: it says raw whether there are frames or not.
            if tty.is_none() {
                tty = self.ask_tty(Asked::After).await?;
            }
            Ok(Upgraded::read_only(response.bytes(), tty, proof))
        })
    }

    /// Sends it; the answer is in the headers.
    pub fn head(mut self) -> Sending<'a, HeaderMap> {
        Box::pin(async move { Ok(self.send().await?.into_headers()) })
    }

    /// Sends it; what the status means is the caller's to say.
    pub fn response(mut self) -> Sending<'a, Response> {
        Box::pin(async move { self.send().await })
    }

    /// With a version and limits of its own.
    pub(crate) fn speaking(mut self, version: ApiVersion, limits: Limits) -> Self {
        self.origin.version = version;
        self.limits = limits;
        self
    }

    pub(crate) fn json_text(mut self) -> Sending<'a, (Bytes, Origin)> {
        Box::pin(async move { self.send().await?.json_text().await })
    }

    fn json_stream(mut self) -> Sending<'a, ByteStream> {
        Box::pin(async move { Ok(self.send().await?.expect_json().await?.bytes()) })
    }

    /// Sends the request and turns statuses that are no answer into errors.
    async fn send(&mut self) -> Result<Response, Error> {
        let answer = self.exchange().await?;
        self.answered(answer).await
    }

    /// Turns statuses that are no answer into errors.
    async fn answered(&self, answer: Answer) -> Result<Response, Error> {
        let result = response::check(answer, self.limits, &self.origin).await;
        match (result, self.connection.choice()) {
            (Err(error), Some(choice)) if error.kind() == ErrorKind::Version => {
                Err(choice.refused(error, self.connection, &self.origin))
            }
            (result, _) => result,
        }
    }

    /// Sends the request and waits for the headers of the answer, whatever they are.
    async fn exchange(&mut self) -> Result<Answer, Error> {
        match self.connection.choice() {
            Some(choice) => choice.exchange(self).await,
            None => self.exchange_once().await,
        }
    }

    pub(crate) fn exchange_once(&mut self) -> Sending<'_, Answer> {
        Box::pin(async move {
            let mut request = self.take_request()?;
            if let Some(look_up) = &self.look_up
                && !request.headers.contains_key(&look_up.header)
            {
                match (look_up.find)(self, look_up.image).await {
                    Ok(None) => {}
                    Ok(Some(value)) => {
                        headers::set(&mut request.headers, look_up.header.clone(), value)
                    }
                    Err(error) => return Err(error.at(&self.origin)),
                }
            }
            exchange(self.connection, request, self.limits, &self.origin).await
        })
    }

    /// Makes sure of the version that is spoken.
    async fn ready(&mut self) -> Result<(), Error> {
        match self.connection.choice() {
            Some(choice) => choice.ready(self).await,
            None => Ok(()),
        }
    }

    /// The first value that cannot be sent.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// What sending takes away, to put it back; none if it is there but once.
    pub(crate) fn keep(&self) -> Option<(HeaderMap, Body)> {
        Some((self.headers.clone(), self.body.again()?))
    }

    pub(crate) fn restore(&mut self, (headers, body): (HeaderMap, Body)) {
        self.headers = headers;
        self.body = body;
    }

    /// Makes the request one that can be said in the version spoken.
    pub(crate) fn fit(&mut self, history: &History) -> Result<(), Error> {
        let mut parts = Parts {
            query: &mut self.query,
            headers: &mut self.headers,
            body: &mut self.body,
        };
        let changes = gates::fit(history, &self.origin, &mut parts, self.unsupported)?;
        #[cfg(feature = "tracing")]
        for change in &changes {
            crate::trace::changed(change, &self.origin);
        }
        if let Some(notes) = &self.notes {
            notes.take_down(self.origin.version, &changes);
        }
        Ok(())
    }

    pub(crate) fn connection(&self) -> &'a Connection {
        self.connection
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What was said for a parameter of the path or the query.
    fn parameter(&self, name: &str) -> Option<String> {
        let of_path = self.parameters.iter().find(|(known, _)| *known == name);
        let value = match of_path {
            Some((_, value)) => value,
            None => {
                let mut pairs = self
                    .query
                    .split('&')
                    .filter_map(|pair| pair.split_once('='));
                pairs.find(|(known, _)| *known == name)?.1
            }
        };
        Some(decode_text(value))
    }

    fn take_request(&mut self) -> Result<Request, Error> {
        self.check()?;
        let mut path_and_query = self.fill(self.origin.operation.path)?;
        if !self.query.is_empty() {
            path_and_query.push('?');
            path_and_query.push_str(&self.query);
        }
        Ok(Request {
            method: self.origin.operation.method.clone(),
            path_and_query,
            headers: std::mem::take(&mut self.headers),
            body: std::mem::take(&mut self.body),
        })
    }

    /// `template` below the version, with the parameters in their places.
    fn fill(&self, template: &str) -> Result<String, Error> {
        let version = self.origin.version;
        // Every request comes by here, and the way through `Display` is ten times as long.
        let mut number = itoa::Buffer::new();
        let mut path = String::with_capacity(2 * template.len() + 16);
        path.push_str("/v");
        path.push_str(number.format(version.major()));
        path.push('.');
        path.push_str(number.format(version.minor()));
        let mut parts = template.split('{');
        path.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or((part, ""));
            let Some((_, value)) = self.parameters.iter().find(|(known, _)| *known == name) else {
                let sentence = format!("the path parameter {name} is missing");
                return Err(Error::new(ErrorKind::Input, sentence).at(&self.origin));
            };
            path.push_str(value);
            path.push_str(rest);
        }
        Ok(path)
    }

    /// Whether the stream is a terminal's, as far as it has to be known before the request is sent.
    async fn tty_before(&mut self) -> Result<Option<bool>, Error> {
        self.ready().await?;
        match (&self.tty, &self.origin.operation.tty) {
            // Nothing is asked for a request that cannot be sent.
            _ if self.error.is_some() => Ok(None),
            // Has it run? The answer to the call would hide that behind what looks like output.
            (told, Some(source)) if source.path.starts_with("/exec/") && !self.is_new => {
                let asked = self.ask_tty(Asked::Before).await?;
                Ok(told.or(asked))
            }
            (Some(tty), _) => Ok(Some(*tty)),
            // Asked first: once the stream has begun, the container can be gone before the question.
            (
                None,
                Some(TtySource {
                    content_type: false,
                    ..
                }),
            ) => self.ask_tty(Asked::Before).await,
            _ => Ok(None),
        }
    }

    /// Asks the daemon whether the stream is a terminal's.
    async fn ask_tty(&self, asked: Asked) -> Result<Option<bool>, Error> {
        let Some(source) = &self.origin.operation.tty else {
            return Ok(None);
        };
        let request = Request {
            method: Method::GET,
            path_and_query: self.fill(source.path)?,
            headers: HeaderMap::new(),
            body: Body::empty(),
        };
        // Unlike the stream that it is about, the question has limits.
        let usual = self.connection.limits();
        let limits = Limits {
            headers: self.limits.headers.or(usual.headers),
            idle: usual.idle,
            ..usual
        };
        let answer = exchange(self.connection, request, limits, &self.origin).await?;
        let (text, _) = response::check(answer, limits, &self.origin)
            .await?
            .json_text()
            .await?;
        // An exec runs once. Where it has, the daemon still hands over the connection, and complains in place of output.
        // Podman gives an exit code to those that have not, but no process.
        let is_none = |value: &[u8]| matches!(value, b"null" | b"0");
        if matches!(asked, Asked::Before)
            && scan::member(&text, "ExitCode").is_some_and(|code| code != b"null")
            && !scan::member(&text, "Pid").is_some_and(is_none)
        {
            let sentence = "it has already run: make another one";
            return Err(Error::new(ErrorKind::Conflict, sentence).at(&self.origin));
        }
        // Left out where it is false.
        Ok(Some(
            scan::pointer(&text, source.pointer).is_some_and(|value| value == b"true"),
        ))
    }

    /// What can tell the end of the program from the end of the daemon: the question for the terminal, asked again.
    fn proof(&self) -> Option<Proof> {
        let source = self.origin.operation.tty.as_ref()?;
        let path = self.fill(source.path).ok()?;
        Some(Proof::new(self.connection.clone(), path))
    }

    fn add_query(&mut self, name: &str, value: &str) {
        // The pull of an image has its subject here.
        match name {
            "fromImage" | "name" => self.about(value),
            "tag" if !value.is_empty() => {
                if let Some(subject) = &mut self.origin.subject {
                    let mark = if value.contains(':') { '@' } else { ':' };
                    *subject = format!("{subject}{mark}{}", shorten(value, 100)).into();
                }
            }
            _ => {}
        }
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(&encode(name));
        self.query.push('=');
        self.query.push_str(&encode(value));
    }

    fn add_header(&mut self, name: &str, value: &str, secret: bool) {
        match headers::pair(name, value) {
            Ok((name, mut value)) => {
                value.set_sensitive(secret);
                headers::set(&mut self.headers, name, value);
            }
            Err(why) => self.refuse(why),
        }
    }

    /// Remembers what the call is about; the first to say so is right.
    pub(crate) fn about(&mut self, subject: &str) {
        if self.origin.subject.is_none() && !subject.trim().is_empty() {
            self.origin.subject = Some(shorten(subject, 100).into());
        }
    }

    fn refuse(&mut self, sentence: String) {
        if self.error.is_none() {
            self.error = Some(Error::new(ErrorKind::Input, sentence).at(&self.origin));
        }
    }

    fn refuse_value(&mut self, name: &str, error: serde_json::Error) {
        if self.error.is_none() {
            let sentence = format!("the value of {name} cannot be written as JSON");
            self.error = Some(
                Error::new(ErrorKind::Input, sentence)
                    .at(&self.origin)
                    .with_source(error),
            );
        }
    }
}

/// Whether the daemon is asked before or after the request, which may have started a program that has ended since.
#[derive(Clone, Copy)]
enum Asked {
    Before,
    After,
}

impl fmt::Debug for Call<'_> {
    /// Leaves out what can hold secrets: the values of the query, the headers and the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.origin.operation.id)
            .field("api_version", &format_args!("{}", self.origin.version))
            .field("parameters", &self.parameters)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
