//! The first contact of a client that speaks one version: does the daemon speak it too?

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method};
use tokio::sync::Mutex;

use crate::body::Body;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::exchange::send;
use crate::failure::{self, Window};
use crate::limits::Limits;
use crate::origin::Origin;
use crate::report;
use crate::request::Request;
use crate::response;
use crate::version::ApiVersion;

/// How long the daemon may take to say which versions it speaks once it is known to be another.
const DETAILS: Duration = Duration::from_secs(5);

/// What a client knows about whether the daemon speaks its version.
pub(crate) struct Contact {
    version: ApiVersion,
    /// The daemon speaks it.
    made: AtomicBool,
    /// How many attempts have ended.
    attempts: AtomicU64,
    /// Held by whoever makes an attempt; how the last one failed.
    last: Mutex<Option<Error>>,
}

impl Contact {
    pub(crate) fn new(version: ApiVersion) -> Self {
        Self {
            version,
            made: AtomicBool::new(false),
            attempts: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }

    /// Makes contact unless it was made before. Calls that come at the same time share one attempt and how it ends.
    pub(crate) async fn make(
        &self,
        connection: &Connection,
        limits: Limits,
        origin: &Origin,
    ) -> Result<(), Error> {
        // A negotiated call over a pinned connection has a version of its own.
        if self.made.load(Ordering::Acquire) {
            return Ok(());
        }
        self.agree(connection)?;
        let limit = limits.headers.or(Limits::default().headers);
        let limits = Limits {
            headers: limit,
            ..limits
        };
        let attempt = self.attempt(connection, limits, origin);
        match limit {
            None => attempt.await,
            Some(limit) => match tokio::time::timeout(limit, attempt).await {
                Ok(result) => result,
                Err(_) => Err(failure::late(limit, origin)),
            },
        }
    }

    /// Refuses a version that `DOCKER_API_VERSION` does not want.
    pub(crate) fn agree(&self, connection: &Connection) -> Result<(), Error> {
        let version = self.version;
        match connection.wanted_version() {
            Some(wanted) if wanted != version => Err(Error::new(
                ErrorKind::Version,
                format!(
                    "DOCKER_API_VERSION asks for API {wanted}, and this client is pinned to {version}: \
                     unset it, use the client of the feature v{}_{}, or have it ignored \
                     (ConnectionBuilder::ignore_api_version_variable)",
                    wanted.major(),
                    wanted.minor()
                ),
            )),
            _ => Ok(()),
        }
    }

    async fn attempt(
        &self,
        connection: &Connection,
        limits: Limits,
        origin: &Origin,
    ) -> Result<(), Error> {
        let before = self.attempts.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        if self.made.load(Ordering::Acquire) {
            return Ok(());
        }
        // Somebody else's attempt ended while we waited for it.
        if self.attempts.load(Ordering::Acquire) != before
            && let Some(error) = &*last
        {
            return Err(error.again(origin));
        }
        let result = self.ping(connection, limits, origin).await;
        match &result {
            Ok(()) => self.made.store(true, Ordering::Release),
            Err(error) => *last = Some(error.again(origin)),
        }
        self.attempts.fetch_add(1, Ordering::AcqRel);
        result
    }

    async fn ping(
        &self,
        connection: &Connection,
        limits: Limits,
        origin: &Origin,
    ) -> Result<(), Error> {
        let request = Request {
            method: Method::GET,
            path_and_query: format!("/v{}/_ping", self.version),
            headers: HeaderMap::new(),
            body: Body::empty(),
        };
        let mut origin = origin.clone();
        origin.version = self.version;
        let answer = send(connection, request, limits, &origin).await?;
        let highest = failure::api_version(answer.headers());
        let error = match response::check(answer, limits, &origin).await {
            // Podman answers whatever is asked, and says here what it can do.
            Ok(_) if highest.is_some_and(|highest| highest < self.version) => None,
            // What is in the way of the ping may let the call pass, and if not, the call will tell.
            Ok(answer) => {
                let _ = answer.unit().await;
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::Version => Some(error),
            Err(_) => return Ok(()),
        };
        let limits = Limits {
            headers: Some(DETAILS),
            idle: Some(DETAILS),
            ..limits
        };
        let window = match report::ask(connection, limits, &origin).await {
            Ok(text) => Window::in_report(&text),
            Err(_) => Window::default(),
        };
        let window = Window {
            lowest: window.lowest,
            highest: window.highest.or(highest),
        };
        match error {
            // The daemon's words have what it does not tell elsewhere.
            Some(error) if window.lowest.is_none() => Err(error),
            _ => Err(failure::version(window, &origin)),
        }
    }
}
