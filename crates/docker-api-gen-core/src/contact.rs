//! The first contact of a client that speaks one version: does the daemon speak it too?

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::call::{Call, Sending};
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::failure::{self, Window};
use crate::limits::Limits;
use crate::operation::Operation;
use crate::origin::Origin;
use crate::report::VERSION;
use crate::turns::Turns;
use crate::version::ApiVersion;

pub(crate) static PING: Operation = Operation {
    id: "SystemPing",
    name: "system.ping",
    path: "/_ping",
    ..VERSION
};

/// How long the daemon may take to say which versions it speaks once it is known to be another.
pub(crate) const DETAILS: Duration = Duration::from_secs(5);

/// What a client knows about whether the daemon speaks its version.
pub(crate) struct Contact {
    version: ApiVersion,
    /// The daemon speaks it.
    made: AtomicBool,
    turns: Turns,
}

impl Contact {
    pub(crate) fn new(version: ApiVersion) -> Self {
        Self {
            version,
            made: AtomicBool::new(false),
            turns: Turns::default(),
        }
    }

    pub(crate) fn is_made(&self) -> bool {
        self.made.load(Ordering::Acquire)
    }

    /// Makes contact. Calls that come at the same time share one attempt and how it ends.
    #[cold]
    pub(crate) fn make<'a>(
        &'a self,
        connection: &'a Connection,
        limits: Limits,
        origin: &'a Origin,
    ) -> Sending<'a, ()> {
        Box::pin(async move {
            self.agree(connection)?;
            let Some(turn) = self.turns.next(&|| self.is_made(), origin).await? else {
                return Ok(());
            };
            // Not even operations without a limit may wait for ever for what comes before them.
            let limits = Limits {
                headers: limits.headers.or(Limits::default().headers),
                ..limits
            };
            let result = self.ping(connection, limits, origin).await;
            if result.is_ok() {
                self.made.store(true, Ordering::Release);
            }
            turn.end(result.as_ref().err().map(|error| error.again(origin)));
            result
        })
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

    async fn ping(
        &self,
        connection: &Connection,
        limits: Limits,
        origin: &Origin,
    ) -> Result<(), Error> {
        let connection = connection.clone().unpinned();
        let ping = Call::new(&connection, &PING).speaking(self.version, limits);
        let (refusal, highest) = match ping.response().await {
            Ok(answer) => {
                let highest = failure::api_version(answer.headers());
                let _ = answer.unit().await;
                (None, highest)
            }
            Err(error) if error.kind() == ErrorKind::Version => {
                let highest = error.daemon_api_version();
                (Some(error), highest)
            }
            // What is in the way of the ping may let the call pass, and if not, the call will tell.
            Err(error) if error.status().is_some() => return Ok(()),
            Err(error) => return Err(error.again(origin)),
        };
        // Podman answers whatever is asked, and says here what it can do.
        let is_lower = highest.is_some_and(|highest| highest < self.version);
        if refusal.is_none() && !is_lower {
            return Ok(());
        }
        let mut window = Window {
            lowest: None,
            highest,
        };
        if let Some(highest) = highest {
            let limits = Limits {
                headers: Some(DETAILS),
                idle: Some(DETAILS),
                ..limits
            };
            let details = Call::new(&connection, &VERSION).speaking(highest, limits);
            if let Ok((text, _)) = details.json_text().await {
                window.lowest = Window::in_report(&text).lowest;
            }
        }
        Err(match refusal {
            // The daemon's words have what it does not tell elsewhere.
            Some(error) if window.lowest.is_none() => error.again(origin),
            _ => failure::version(window, origin),
        })
    }
}
