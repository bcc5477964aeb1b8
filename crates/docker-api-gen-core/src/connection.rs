//! The way to a daemon.

use std::env;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::host::{self, Host};

/// How long connecting may take.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The way to one daemon: its address and the connections that are open to it.
///
/// Making one does no I/O: the first call connects. A clone is cheap and shares the connections. No call follows
/// a redirect or goes through a proxy.
///
/// It belongs to the tokio runtime that first used it. Give each runtime a `Connection` of its own.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    host: Host,
    prefix: String,
    http: reqwest::Client,
}

impl Connection {
    /// The daemon that `DOCKER_HOST` names, or else the one at `unix:///var/run/docker.sock`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if `DOCKER_HOST` is not an address that [`Host`] describes.
    pub fn from_env() -> Result<Self, Error> {
        match env::var_os("DOCKER_HOST") {
            Some(value) if !value.is_empty() => match value.to_str() {
                Some(host) => Self::open(host),
                None => Err(Error::new(
                    ErrorKind::Host,
                    "DOCKER_HOST is not text in UTF-8",
                )),
            },
            _ => Self::open(host::DEFAULT),
        }
    }

    /// The daemon at `host`: see [`Host`] for the forms.
    ///
    /// ```
    /// use docker_api_gen_core::Connection;
    ///
    /// let connection = Connection::open("tcp://127.0.0.1:2375")?;
    /// assert_eq!(connection.host().to_string(), "tcp://127.0.0.1:2375");
    /// # Ok::<(), docker_api_gen_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if it is none of them.
    pub fn open(host: &str) -> Result<Self, Error> {
        let host: Host = host.parse()?;
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        #[cfg(unix)]
        let builder = match host.socket() {
            Some(path) => builder.unix_socket(path),
            None => builder,
        };
        #[cfg(not(unix))]
        if host.socket().is_some() {
            return Err(Error::new(
                ErrorKind::Host,
                "unix:// sockets are not supported on this system: use tcp://",
            ));
        }
        let http = builder.build().map_err(|error| {
            Error::new(
                ErrorKind::Host,
                format!("cannot prepare connections to {host}"),
            )
            .with_source(error)
        })?;
        let prefix = host.url_prefix();
        Ok(Self(Arc::new(Inner { host, prefix, http })))
    }

    /// A connection of its own to the same daemon, for another runtime.
    pub(crate) fn another(&self) -> Result<Self, Error> {
        Self::open(&self.0.host.to_string())
    }

    /// The daemon's address.
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// What goes in front of `/v1.41/…` in a request's URL.
    pub(crate) fn prefix(&self) -> &str {
        &self.0.prefix
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("host", &format_args!("{}", self.0.host))
            .finish()
    }
}
