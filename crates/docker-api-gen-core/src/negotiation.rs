//! A client that speaks whichever version of the API the daemon speaks.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::body::Body;
use crate::byte_stream::ByteStream;
use crate::call::{Call, Sending};
use crate::capabilities::Capabilities;
use crate::connection::Connection;
use crate::contact::{DETAILS, PING};
use crate::error::{Error, ErrorKind};
use crate::exchange;
use crate::failure::{self, Window};
use crate::headers;
use crate::history::History;
use crate::http_client::Answer as HttpAnswer;
use crate::limits::Limits;
use crate::operation::Operation;
use crate::origin::Origin;
use crate::report::VERSION;
use crate::request::Request;
use crate::text::shorten;
use crate::turns::Turns;
use crate::version::ApiVersion;

static PING_HEAD: Operation = Operation {
    id: "SystemPingHead",
    name: "system.ping_head",
    method: Method::HEAD,
    path: "/_ping",
    ..VERSION
};

static ABOUT: Operation = VERSION;

/// How much of the answer to a ping is read.
const PONG: usize = 4096;
/// How much of a daemon's report about itself is read.
const REPORT: usize = 1024 * 1024;

/// What a client and a daemon agreed upon.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// The version that is spoken: the highest that both sides speak.
    pub api_version: ApiVersion,
    /// The lowest version that the daemon speaks. It is asked for only where that matters.
    pub daemon_min: Option<ApiVersion>,
    /// The highest version that the daemon speaks, if it says so.
    pub daemon_max: Option<ApiVersion>,
    /// What the daemon says it can do.
    pub capabilities: Capabilities,
    /// How often this had to be agreed upon anew because another daemon answered, as after an update.
    pub renegotiations: u32,
}

/// What chooses the version of a connection's calls.
///
/// A trait, so that programs whose clients are all pinned to a version have nothing of what stands behind it.
pub(crate) trait Choose: Send + Sync {
    /// Makes a call speak the version agreed upon, which is agreed upon now if it has not been.
    fn ready<'c, 'a: 'c>(&'c self, call: &'c mut Call<'a>) -> Sending<'c, ()>;

    /// Sends a call that is ready, and again if another daemon refuses its version.
    fn exchange<'c, 'a: 'c>(&'c self, call: &'c mut Call<'a>) -> Sending<'c, HttpAnswer>;

    /// Makes a call speak the version it would speak if it were sent now, as far as that is known.
    fn prepare(&self, call: &mut Call<'_>) -> Result<(), Error>;

    /// What has been agreed upon; `None` if nothing has been yet.
    fn agreed(&self) -> Option<Arc<Negotiated>>;

    /// Agrees upon a version unless that was done.
    fn agree<'c>(
        &'c self,
        connection: &'c Connection,
        limits: Limits,
        origin: &'c Origin,
    ) -> Sending<'c, Arc<Negotiated>>;

    /// A refusal of the version spoken, in the words of a client that can speak others.
    fn refused(&self, error: Error, connection: &Connection, origin: &Origin) -> Error;
}

/// Agrees upon a version with the daemon.
pub(crate) struct Negotiation {
    history: &'static History,
    /// No version above this, if the caller says so.
    cap: Option<ApiVersion>,
    /// The version was not agreed upon, and stays.
    is_fixed: bool,
    turns: Turns,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    agreed: Option<Arc<Negotiated>>,
    /// What answers said last about the highest version of the daemon.
    heard: Option<ApiVersion>,
    /// Another daemon answers than the one that was agreed with.
    is_stale: bool,
}

impl Negotiation {
    pub(crate) fn new(history: &'static History, cap: Option<ApiVersion>) -> Self {
        Self {
            history,
            cap,
            is_fixed: false,
            turns: Turns::default(),
            state: Mutex::default(),
        }
    }

    /// Speaks `version` without asking anybody.
    pub(crate) fn fixed(history: &'static History, version: ApiVersion) -> Result<Self, Error> {
        if history.index(version).is_none() {
            let sentence = format!(
                "this client does not speak API {version}, but {} to {}",
                history.oldest(),
                history.newest()
            );
            return Err(Error::new(ErrorKind::Version, sentence));
        }
        let this = Self {
            is_fixed: true,
            ..Self::new(history, None)
        };
        this.state().agreed = Some(Arc::new(Negotiated {
            api_version: version,
            daemon_min: None,
            daemon_max: None,
            capabilities: Capabilities::default(),
            renegotiations: 0,
        }));
        Ok(this)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What holds now.
    fn current(&self) -> Option<Arc<Negotiated>> {
        let state = self.state();
        if state.is_stale {
            return None;
        }
        state.agreed.clone()
    }

    /// Takes note of the version that comes with every answer; says whether it comes from another daemon.
    fn heard(&self, headers: &HeaderMap) -> bool {
        let mut state = self.state();
        match failure::api_version(headers) {
            Some(version) if !self.is_fixed && state.heard != Some(version) => {
                state.heard = Some(version);
                state.is_stale = true;
                true
            }
            _ => false,
        }
    }

    /// The versions that this client may speak.
    fn allowed(&self, connection: &Connection) -> Allowed {
        let (lowest, newest) = (self.history.oldest(), self.history.newest());
        let variable = connection.wanted_version();
        let cap = [self.cap, variable].into_iter().flatten().min();
        Allowed {
            lowest,
            highest: cap.map_or(newest, |cap| cap.min(newest)),
            variable: variable.filter(|variable| Some(*variable) == cap && *variable < newest),
            is_capped: cap.is_some_and(|cap| cap < newest),
        }
    }

    /// The highest version that both sides speak.
    fn choose(&self, allowed: &Allowed, window: Window) -> Option<ApiVersion> {
        let mut versions = self.history.releases.iter().rev().map(|known| known.api);
        versions.find(|version| *version <= allowed.highest && window.contains(*version))
    }

    async fn negotiate(
        &self,
        connection: &Connection,
        limits: Limits,
        origin: &Origin,
    ) -> Result<Negotiated, Error> {
        let allowed = self.allowed(connection);
        let asking = Asking {
            connection,
            limits,
            origin,
        };
        let (mut window, headers) = asking.ping().await?;
        let daemon_max = window.highest;
        if window.highest.is_none() {
            // An engine that names no version: what other answers said, or else the oldest there is.
            window.highest = self.state().heard.or(Some(allowed.lowest));
        }
        // What the daemon speaks at most it speaks in any case. Below that it has to be asked.
        let decided = self.choose(&allowed, window);
        if decided.is_some() && decided != window.highest && window.lowest.is_none() {
            window.lowest = asking.report().await.and_then(|window| window.lowest);
        }
        match self.choose(&allowed, window) {
            Some(api_version) => Ok(Negotiated {
                api_version,
                daemon_min: window.lowest,
                daemon_max,
                capabilities: Capabilities::of(&headers),
                renegotiations: 0,
            }),
            None => Err(allowed.apart(window).at(origin)),
        }
    }

    /// Keeps what was agreed upon.
    fn keep(&self, mut new: Negotiated) -> Arc<Negotiated> {
        let mut state = self.state();
        if let Some(before) = &state.agreed {
            new.renegotiations = before.renegotiations + 1;
        }
        // What a ping does not say, another answer may have.
        state.heard = new.daemon_max.or(state.heard);
        state.is_stale = false;
        state.agreed.insert(Arc::new(new)).clone()
    }
}

/// The versions that a client may speak.
struct Allowed {
    lowest: ApiVersion,
    highest: ApiVersion,
    /// What `DOCKER_API_VERSION` says, if that is why there is no higher one.
    variable: Option<ApiVersion>,
    is_capped: bool,
}

impl Allowed {
    /// The two sides have no version in common.
    fn apart(&self, window: Window) -> Error {
        let Self {
            lowest, highest, ..
        } = self;
        let daemon = window.speaks();
        let ours = if highest < lowest {
            format!("API {lowest} and later")
        } else if lowest == highest {
            format!("API {highest} alone")
        } else {
            format!("API {lowest} to {highest}")
        };
        let limited = match self.variable {
            Some(variable) => format!(" (DOCKER_API_VERSION is {variable})"),
            None if self.is_capped => format!(" (limited to {highest})"),
            None => String::new(),
        };
        let is_old = window.highest.is_some_and(|theirs| theirs < *lowest);
        let advice = match self.variable {
            _ if is_old => "update the daemon",
            Some(_) => "unset DOCKER_API_VERSION, or raise it",
            None if self.is_capped => "raise the limit",
            None => "update docker-api-gen, or lower the daemon's minimum (DOCKER_MIN_API_VERSION)",
        };
        let sentence =
            format!("the daemon speaks {daemon}, this client speaks {ours}{limited}: {advice}");
        Error::new(ErrorKind::Version, sentence).with_daemon(window.highest)
    }
}

impl Choose for Negotiation {
    fn ready<'c, 'a: 'c>(&'c self, call: &'c mut Call<'a>) -> Sending<'c, ()> {
        Box::pin(async move {
            call.check()?;
            let agreed = match self.current() {
                Some(agreed) => agreed,
                None => {
                    let (connection, limits) = (call.connection(), call.limits());
                    self.agree(connection, limits, call.origin()).await?
                }
            };
            call.set_version(agreed.api_version);
            call.fit(self.history)
        })
    }

    fn exchange<'c, 'a: 'c>(&'c self, call: &'c mut Call<'a>) -> Sending<'c, HttpAnswer> {
        Box::pin(async move {
            self.ready(call).await?;
            let again = call.keep();
            let answer = call.exchange_once().await?;
            // A version that a daemon does not speak is the first thing that it refuses, so nothing was done.
            let is_refusal = answer.status() == StatusCode::BAD_REQUEST;
            let is_other = self.heard(answer.headers());
            let Some(again) = again.filter(|_| is_other && is_refusal) else {
                return Ok(answer);
            };
            let before = call.origin().version;
            self.ready(call).await?;
            if call.origin().version == before {
                return Ok(answer);
            }
            drop(answer);
            call.restore(again);
            let answer = call.exchange_once().await?;
            self.heard(answer.headers());
            Ok(answer)
        })
    }

    fn prepare(&self, call: &mut Call<'_>) -> Result<(), Error> {
        let allowed = self.allowed(call.connection());
        let version = match self.agreed() {
            Some(agreed) => agreed.api_version,
            None => self
                .choose(&allowed, Window::default())
                .ok_or_else(|| allowed.apart(Window::default()).at(call.origin()))?,
        };
        call.set_version(version);
        call.check()?;
        call.fit(self.history)
    }

    fn agreed(&self) -> Option<Arc<Negotiated>> {
        self.state().agreed.clone()
    }

    fn agree<'c>(
        &'c self,
        connection: &'c Connection,
        limits: Limits,
        origin: &'c Origin,
    ) -> Sending<'c, Arc<Negotiated>> {
        // Not even operations without a limit may wait for ever for what comes before them.
        let limit = limits.headers.or(Limits::default().headers);
        let agreeing = async move {
            let is_done = || self.current().is_some();
            loop {
                if let Some(agreed) = self.current() {
                    return Ok(agreed);
                }
                let Some(turn) = self.turns.next(&is_done, origin).await? else {
                    continue;
                };
                let result = self.negotiate(connection, limits, origin).await;
                let result = result.map(|new| self.keep(new));
                turn.end(result.as_ref().err().map(|error| error.again(origin)));
                return result;
            }
        };
        Box::pin(async move {
            exchange::check_runtime(origin)?;
            match limit {
                Some(limit) => match tokio::time::timeout(limit, agreeing).await {
                    Ok(result) => result,
                    Err(_) => Err(failure::late(limit, origin)),
                },
                None => agreeing.await,
            }
        })
    }

    fn refused(&self, error: Error, connection: &Connection, origin: &Origin) -> Error {
        self.state().is_stale = !self.is_fixed;
        let message = error.message().unwrap_or_default();
        let window = Window {
            highest: error.daemon_api_version(),
            ..Window::in_refusal(message, &HeaderMap::new())
        };
        let refusal = match self.allowed(connection) {
            allowed if self.choose(&allowed, window).is_none() => allowed.apart(window),
            _ => Error::new(
                ErrorKind::Version,
                format!(
                    "the daemon speaks {}, and this connection spoke {}: send the request again",
                    window.speaks(),
                    origin.version
                ),
            )
            .with_daemon(window.highest),
        };
        let refusal = refusal.with_message(message.to_owned()).at(origin);
        match error.status() {
            Some(status) => refusal.with_status(status),
            None => refusal,
        }
    }
}

/// The questions that come before the first call. They have no version in their path, so that any daemon answers.
struct Asking<'a> {
    connection: &'a Connection,
    limits: Limits,
    origin: &'a Origin,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Asking<'_> {
    /// The versions that the daemon speaks, as far as it says, and the headers in which it says so.
    async fn ping(&self) -> Result<(Window, HeaderMap), Error> {
        match self.ask(&PING_HEAD, 0, self.limits).await {
            Ok(answer) if answer.status.is_success() && answer.version().is_some() => {
                return Ok(answer.window());
            }
            Err(error) if error.is_connect() || error.is_timeout() => return Err(error),
            // Daemons before 18.09 do not know this way of asking.
            _ => {}
        }
        let answer = self.ask(&PING, PONG, self.limits).await?;
        // A daemon that is not well still says which versions it speaks.
        if answer.version().is_some() {
            return Ok(answer.window());
        }
        if let Some(window) = self.report().await {
            return Ok((window, answer.headers));
        }
        if !answer.status.is_success() {
            let Answer {
                status,
                headers,
                body,
            } = answer;
            return Err(failure::status(status, &headers, &body, self.origin));
        }
        if let Some(text) = headers::text::<String>(&answer.headers, "api-version") {
            let sentence = format!(
                "the daemon says that it speaks API {:?}, which is no version",
                shorten(&text, 40)
            );
            return Err(Error::new(ErrorKind::Version, sentence).at(self.origin));
        }
        // What Docker says, and engines that want to be like it.
        if matches!(answer.body.trim_ascii(), b"OK" | b"") {
            return Ok((Window::default(), answer.headers));
        }
        let sentence = format!(
            "what answers at {} is no Docker daemon: a ping brings {}; is there a proxy in between?",
            self.connection.host(),
            failure::content_name(&answer.headers)
        );
        Err(Error::new(ErrorKind::Protocol, sentence).at(self.origin))
    }

    /// The versions that the daemon speaks, from its report about itself.
    async fn report(&self) -> Option<Window> {
        let limits = Limits {
            headers: Some(DETAILS),
            idle: Some(DETAILS),
            ..self.limits
        };
        let answer = self.ask(&ABOUT, REPORT, limits).await.ok()?;
        let window = Window::in_report(&answer.body);
        Some(window).filter(|window| answer.status.is_success() && window.highest.is_some())
    }

    /// Asks, and reads up to `length` bytes of the answer.
    async fn ask(
        &self,
        operation: &'static Operation,
        length: usize,
        limits: Limits,
    ) -> Result<Answer, Error> {
        let request = Request {
            method: operation.method.clone(),
            path_and_query: operation.path.to_owned(),
            headers: HeaderMap::new(),
            body: Body::empty(),
        };
        let answer = exchange::send(self.connection, request, limits, self.origin, None).await?;
        let (parts, body) = answer.into_parts();
        let mut body = ByteStream::new(body, limits.idle, self.origin.clone());
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: match length {
                0 => Bytes::new(),
                _ => body.read_some(length, DETAILS).await,
            },
        })
    }
}

impl Answer {
    fn version(&self) -> Option<ApiVersion> {
        failure::api_version(&self.headers)
    }

    fn window(self) -> (Window, HeaderMap) {
        let window = Window {
            lowest: None,
            highest: self.version(),
        };
        (window, self.headers)
    }
}

impl fmt::Debug for Negotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Negotiation")
            .field("cap", &self.cap)
            .field("agreed", &self.state().agreed)
            .finish_non_exhaustive()
    }
}

/// Gives a client that speaks any version what only such a client has.
#[doc(hidden)]
#[macro_export]
macro_rules! negotiated_client {
    ($client:ident, $history:path) => {
        impl $client {
            /// Connects to the daemon that `docker` would use: see [`Connection::from_env`]($crate::Connection::from_env).
            ///
            /// No version above the one in `DOCKER_API_VERSION` is spoken.
            ///
            /// # Errors
            ///
            /// If the environment names no usable daemon.
            pub fn from_env() -> ::std::result::Result<Self, $crate::Error> {
                $crate::Connection::from_env().map(Self::new)
            }

            /// Connects to the daemon at `host`, such as `unix:///var/run/docker.sock`.
            ///
            /// # Errors
            ///
            /// If `host` is not an address that can be used.
            pub fn connect(host: &str) -> ::std::result::Result<Self, $crate::Error> {
                $crate::Connection::open(host).map(Self::new)
            }

            /// Speaks over a connection that exists already.
            pub fn new(connection: $crate::Connection) -> Self {
                let connection = connection.negotiating(&$history, None);
                Self { connection }
            }

            /// Speaks over a connection that exists already, the highest version that the daemon speaks and that is not
            /// above `version`.
            pub fn up_to(connection: $crate::Connection, version: $crate::ApiVersion) -> Self {
                let connection = connection.negotiating(&$history, Some(version));
                Self { connection }
            }

            /// Speaks `version` over a connection that exists already, without asking the daemon whether it does too.
            ///
            /// # Errors
            ///
            /// If this client does not speak that version.
            pub fn speaking(
                connection: $crate::Connection,
                version: $crate::ApiVersion,
            ) -> ::std::result::Result<Self, $crate::Error> {
                let connection = connection.speaking(&$history, version)?;
                Ok(Self { connection })
            }

            /// The same client, and what it does with things that the version spoken does not have. It shares the
            /// connection and what was agreed upon with the daemon.
            pub fn with_unsupported(self, unsupported: $crate::Unsupported) -> Self {
                let connection = self.connection.with_unsupported(unsupported);
                Self { connection }
            }

            /// What was agreed upon with the daemon: the version that is spoken, and what the daemon can do. If nothing
            /// was yet, it is now.
            ///
            /// # Errors
            ///
            /// If the daemon cannot be reached, or no version is spoken by both sides.
            pub async fn negotiate(
                &self,
            ) -> ::std::result::Result<$crate::Negotiated, $crate::Error> {
                self.connection.negotiate().await
            }

            /// Whether the version that is spoken has something: an operation, `containers.stop`, or what is said to
            /// one, `containers.stop signal` or `containers.create HostConfig.Mounts[].Type=image`. If no version was
            /// agreed upon yet, one is now.
            ///
            /// # Errors
            ///
            /// If there is no such operation, the daemon cannot be reached, or no version is spoken by both sides.
            pub async fn supports(&self, what: &str) -> ::std::result::Result<bool, $crate::Error> {
                let agreed = self.negotiate().await?;
                $history.has(agreed.api_version, what)
            }

            /// What was agreed upon with the daemon; `None` if nothing was yet, as before the first call.
            pub fn negotiated(&self) -> ::std::option::Option<$crate::Negotiated> {
                self.connection.negotiated()
            }

            /// What `docker version` prints of both sides, whatever versions the daemon speaks.
            ///
            /// # Errors
            ///
            /// If the daemon cannot be reached.
            pub async fn version_report(
                &self,
            ) -> ::std::result::Result<$crate::VersionReport, $crate::Error> {
                let version = match self.negotiated() {
                    Some(agreed) => agreed.api_version,
                    None => $history.newest(),
                };
                self.connection.version_report(version).await
            }

            /// The connection, to share it with another client.
            pub fn connection(&self) -> &$crate::Connection {
                &self.connection
            }
        }
    };
}

/// What a request of a client that speaks any version can be told beside what all can.
#[doc(hidden)]
#[macro_export]
macro_rules! negotiated_request {
    ($name:ident, $answer:ty) => {
        impl $name<'_> {
            /// Says what becomes of things that the version spoken does not have, in place of what the client says.
            pub fn with_unsupported(mut self, unsupported: $crate::Unsupported) -> Self {
                self.call.set_unsupported(unsupported);
                self
            }

            /// Sends the request, and tells which version was spoken and what had to be changed in the request.
            #[inline]
            pub async fn send_telling(
                mut self,
            ) -> ::std::result::Result<$crate::Answered<$answer>, $crate::Error> {
                let notes = self.call.notes();
                let answer = self.send().await?;
                Ok($crate::Answered::new(answer, &notes))
            }
        }
    };
}
