//! The way to a daemon.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{PathAndQuery, Uri};

#[cfg(all(feature = "bridge", unix))]
use crate::bridge::{self, Breaks, Bridge};
use crate::connector::{Connector, Target};
use crate::contact::{Contact, PING};
use crate::credentials::{Registries, RegistryAuth};
use crate::direct::Direct;
use crate::error::{Error, ErrorKind, Source};
use crate::explain::Explanation;
use crate::failure::{self, Window};
use crate::headers;
use crate::history::History;
use crate::host::{Address, Host};
#[cfg(all(feature = "bridge", unix))]
use crate::http_client::Answer;
use crate::http_client::HttpClient;
use crate::limits::Limits;
use crate::negotiation::{Choose, Negotiated, Negotiation};
use crate::origin::Origin;
use crate::resolve::{self, Environment, Headers, Nobody, Resolved, Wishes};
use crate::tls::Tls;
#[cfg(feature = "tls")]
use crate::tls::client_config;
use crate::transport::Transport;
use crate::unsupported::Unsupported;
use crate::version::ApiVersion;

/// Who is calling, unless the caller says more.
const USER_AGENT: &str = concat!("docker-api-gen/", env!("CARGO_PKG_VERSION"));

/// How many connections that lead through something else are kept for later.
const SPARE: usize = 4;

/// The way to one daemon: its address and the connections that are open to it.
///
/// Making one reads the files that `docker` is configured by, which are small and local, and does no other I/O: the
/// first call connects. A clone is cheap and shares the connections. No call follows a redirect or goes through a
/// proxy.
///
/// It belongs to the tokio runtime that first used it. Give each runtime a `Connection` of its own.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
    /// None for clients that go ahead without asking.
    contact: Option<Arc<Contact>>,
    /// None for clients that speak one version.
    choice: Option<Arc<dyn Choose>>,
    /// What becomes of things that the version spoken does not have, if there is a choice.
    unsupported: Unsupported,
}

struct Inner {
    host: Host,
    /// What goes in front of `/v1.41/…` in a request's path.
    base: String,
    headers: Headers,
    registries: Arc<Registries>,
    limits: Limits,
    tls: Option<Tls>,
    version: Option<ApiVersion>,
    http: HttpClient,
    #[cfg(all(feature = "bridge", unix))]
    bridge: Option<Bridge>,
    transport: Transport,
    /// What every request carries.
    sent: HeaderMap,
    /// Some request was answered, so that there may be idle connections.
    answered: AtomicBool,
}

impl Connection {
    /// The daemon that `docker` would talk to.
    ///
    /// The first of these that is there decides:
    ///
    /// 1. `DOCKER_HOST`, with `DOCKER_TLS_VERIFY`, `DOCKER_TLS` and `DOCKER_CERT_PATH`;
    /// 2. `DOCKER_CONTEXT`: the name of a context, as made by `docker context create`;
    /// 3. the current context, as set by `docker context use`, in `config.json`;
    /// 4. the usual place: `unix:///var/run/docker.sock`, or `tcp://localhost:2376` if `DOCKER_TLS_VERIFY` or
    ///    `DOCKER_TLS` is set, or `npipe:////./pipe/docker_engine` on Windows;
    /// 5. where there is no such socket, the first of these: that of rootless Docker (`$XDG_RUNTIME_DIR/docker.sock`),
    ///    of Docker Desktop (`~/.docker/run/docker.sock`, `~/.docker/desktop/docker.sock`), of Colima
    ///    (`$COLIMA_HOME/default/docker.sock` or `~/.colima/default/docker.sock`,
    ///    `~/.config/colima/default/docker.sock`), of podman (`$XDG_RUNTIME_DIR/podman/podman.sock`,
    ///    `/run/podman/podman.sock`).
    ///
    /// `config.json` and the contexts are in `DOCKER_CONFIG`, or else in `~/.docker`. A context brings its own
    /// certificates and its `SkipTLSVerify`; the variables about TLS do not change it. As for `docker`, any text in
    /// `DOCKER_TLS_VERIFY` and `DOCKER_TLS` means yes, `0` included, and a variable without text counts as not set.
    ///
    /// Every request carries the headers of `DOCKER_CUSTOM_HEADERS`, or else those of `HttpHeaders` in `config.json`.
    /// Operations that need a registry carry the credentials that `docker login` left: see
    /// [`registry_auth`](Self::registry_auth).
    ///
    /// [`explain`](ConnectionBuilder::explain) tells what was found and why.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if the address is not one that [`Host`] describes, [`ErrorKind::Config`] if a variable, a
    /// file or a context cannot be used.
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// The daemon at `host`, whatever the environment says: see [`Host`] for the forms.
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
        Self::builder().host(host).ignore_environment().build()
    }

    /// A connection with wishes of one's own.
    pub fn builder() -> ConnectionBuilder {
        ConnectionBuilder::default()
    }

    /// The daemon's address.
    pub fn host(&self) -> &Host {
        &self.inner.host
    }

    /// A connection of its own to the same daemon, for another runtime.
    pub(crate) fn another(&self) -> Result<Self, Error> {
        let resolved = Resolved {
            host: self.inner.host.clone(),
            tls: self.inner.tls.clone(),
            headers: self.inner.headers.clone(),
            registries: Registries::clone(&self.inner.registries),
            version: None,
        };
        let builder = ConnectionBuilder {
            limits: self.inner.limits,
            transport: self.inner.transport.clone(),
            ..ConnectionBuilder::default()
        };
        builder.open(resolved)
    }

    /// How long the daemon may take.
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// This connection for a client that speaks `version`, which it makes sure of with its first call.
    #[doc(hidden)]
    pub fn pinned(self, version: ApiVersion) -> Self {
        Self {
            contact: Some(Arc::new(Contact::new(version))),
            choice: None,
            ..self
        }
    }

    /// The same, and an error right now if the environment asks for another version.
    #[doc(hidden)]
    pub fn pin(self, version: ApiVersion) -> Result<Self, Error> {
        let pinned = self.pinned(version);
        if let Some(contact) = &pinned.contact {
            contact.agree(&pinned)?;
        }
        Ok(pinned)
    }

    /// This connection for a client that makes sure of nothing.
    #[doc(hidden)]
    pub fn unpinned(self) -> Self {
        Self {
            contact: None,
            choice: None,
            ..self
        }
    }

    /// Where credentials for registries are looked for.
    pub(crate) fn registries(&self) -> &Arc<Registries> {
        &self.inner.registries
    }

    /// This connection for a client that speaks whichever version the daemon speaks, up to `cap`.
    #[doc(hidden)]
    pub fn negotiating(self, history: &'static History, cap: Option<ApiVersion>) -> Self {
        Self {
            contact: None,
            choice: Some(Arc::new(Negotiation::new(history, cap))),
            ..self
        }
    }

    /// This connection for a client that could speak several versions, and speaks `version` without asking.
    #[doc(hidden)]
    pub fn speaking(self, history: &'static History, version: ApiVersion) -> Result<Self, Error> {
        Ok(Self {
            contact: None,
            choice: Some(Arc::new(Negotiation::fixed(history, version)?)),
            ..self
        })
    }

    /// This connection, and what becomes of things that the version spoken does not have.
    #[doc(hidden)]
    pub fn with_unsupported(self, unsupported: Unsupported) -> Self {
        Self {
            unsupported,
            ..self
        }
    }

    pub(crate) fn unsupported(&self) -> Unsupported {
        self.unsupported
    }

    /// This connection, unless it is known that the daemon does not speak `version`.
    #[doc(hidden)]
    pub fn pinnable(&self, version: ApiVersion) -> Result<Self, Error> {
        if let Some(agreed) = self.negotiated() {
            let window = Window {
                lowest: agreed.daemon_min,
                highest: agreed.daemon_max,
            };
            if !window.contains(version) {
                let origin = Origin {
                    operation: &PING,
                    version,
                    subject: None,
                };
                return Err(failure::version(window, &origin));
            }
        }
        Ok(self.clone().unpinned())
    }

    /// What has been agreed upon with the daemon, if anything has been.
    #[doc(hidden)]
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.choice.as_ref()?.agreed().as_deref().cloned()
    }

    /// The version that has been agreed upon with the daemon, if one has been.
    pub(crate) fn agreed_version(&self) -> Option<ApiVersion> {
        Some(self.choice.as_ref()?.agreed()?.api_version)
    }

    /// Agrees upon a version with the daemon, unless that was done or need not be.
    #[doc(hidden)]
    pub async fn negotiate(&self) -> Result<Negotiated, Error> {
        let origin = Origin {
            operation: &PING,
            version: PING.version,
            subject: None,
        };
        let Some(choice) = &self.choice else {
            let sentence = "this connection is for clients that speak one version";
            return Err(Error::new(ErrorKind::Input, sentence).at(&origin));
        };
        let agreed = choice.agree(self, self.limits(), &origin).await?;
        Ok((*agreed).clone())
    }

    /// How TLS is spoken, if it is.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.inner.tls.as_ref()
    }

    pub(crate) fn contact(&self) -> Option<&Contact> {
        self.contact.as_deref()
    }

    pub(crate) fn choice(&self) -> Option<&dyn Choose> {
        self.choice.as_deref()
    }

    /// What `DOCKER_API_VERSION` asks for.
    pub(crate) fn wanted_version(&self) -> Option<ApiVersion> {
        self.inner.version
    }

    /// What goes in front of `/v1.41/…` in a request's path.
    pub(crate) fn base(&self) -> &str {
        &self.inner.base
    }

    /// The path that is sent for one of the API's. None if it is none that can be sent.
    pub(crate) fn uri(&self, path_and_query: &str) -> Option<Uri> {
        let base = &self.inner.base;
        let mut path = String::with_capacity(base.len() + path_and_query.len());
        path.push_str(base);
        path.push_str(path_and_query);
        let path = Bytes::from(path);
        let sent = PathAndQuery::from_maybe_shared(path.clone()).ok()?;
        // What would arrive as something else must not be sent.
        (sent.as_str().as_bytes() == path).then(|| sent.into())
    }

    pub(crate) fn was_answered(&self) {
        self.inner.answered.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.inner.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.inner.http
    }

    /// Lets connections through, if they lead through something else.
    #[cfg(all(feature = "bridge", unix))]
    pub(crate) fn open_bridge(&self) -> Result<(), Error> {
        self.inner.bridge.as_ref().map_or(Ok(()), Bridge::open)
    }

    /// What is known of connections that broke off, if they lead through something else.
    #[cfg(all(feature = "bridge", unix))]
    pub(crate) fn breaks(&self) -> Option<&Breaks> {
        self.inner.bridge.as_ref().map(Bridge::breaks)
    }

    /// Why there is no way, if that is what an answer says.
    #[cfg(all(feature = "bridge", unix))]
    pub(crate) fn bridge_failure(&self, answer: &Answer) -> Option<Error> {
        self.inner.bridge.as_ref()?;
        bridge::failure(answer)
    }

    /// Adds what every request carries and this one does not set otherwise.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.inner.sent {
            if !headers.contains_key(name) {
                headers::set(headers, name.clone(), value.clone());
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("host", &format_args!("{}", self.inner.host))
            .finish()
    }
}

/// A [`Connection`] in the making.
///
/// What is not said here is taken from the environment and the files of `docker`, as
/// [`Connection::from_env`] describes.
#[derive(Clone, Default)]
#[must_use = "a connection is made by `build`"]
pub struct ConnectionBuilder {
    wishes: Wishes,
    limits: Limits,
    isolated: bool,
    ignore_version: bool,
    transport: Transport,
}

impl ConnectionBuilder {
    /// The daemon at `host`, as `docker --host` would have it: see [`Host`] for the forms.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.wishes.host = Some(host.into());
        self
    }

    /// The daemon of a context, as `docker --context` would have it.
    pub fn context(mut self, name: impl Into<String>) -> Self {
        self.wishes.context = Some(name.into());
        self
    }

    /// The folder with `config.json` and the contexts, as `docker --config` would have it.
    pub fn config(mut self, folder: impl Into<PathBuf>) -> Self {
        self.wishes.config = Some(folder.into());
        self
    }

    /// Takes nothing from environment variables, nor from `docker`'s files unless [`config`](Self::config) says where
    /// they are.
    pub fn ignore_environment(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// Speaks TLS in this way to a daemon on the network, whatever a context or the environment says about it.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.wishes.tls = Some(tls);
        self
    }

    /// Runs this in the place of the `ssh` that is on the `PATH`, with the arguments that `ssh` would get: another build
    /// of it, or a script that adds options.
    #[cfg(feature = "ssh")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ssh")))]
    pub fn ssh_program(mut self, program: impl Into<std::ffi::OsString>) -> Self {
        self.transport.ssh_program = Some(program.into());
        self
    }

    /// Opens every connection with `dial`, wherever the address leads: through a tunnel, to a virtual machine, to a
    /// fake in a test.
    ///
    /// TLS is spoken over what `dial` gives where the address and its certificates want it. The limit on connecting is
    /// that of `dial`, whose error is told if it fails.
    ///
    /// ```
    /// use docker_api_gen_core::Connection;
    ///
    /// let connection = Connection::builder()
    ///     .host("tcp://build")
    ///     .dial(|| tokio::net::UnixStream::connect("/run/tunnel-to-build.sock"))
    ///     .build()?;
    /// # Ok::<(), docker_api_gen_core::Error>(())
    /// ```
    #[cfg(all(feature = "custom-transport", unix))]
    #[cfg_attr(docsrs, doc(cfg(feature = "custom-transport")))]
    pub fn dial<F, R, S>(mut self, dial: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = std::io::Result<S>> + Send + 'static,
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static,
    {
        self.transport.dialer = Some(crate::dial::dialer(dial));
        self
    }

    /// Sends requests with a client of HTTP that exists already, of the version of reqwest that this library has.
    ///
    /// How it connects, what TLS it speaks, its proxies, redirects and limits on connecting are its own. The address
    /// makes the URLs. It has to speak HTTP/1.1, as connections are taken over.
    #[cfg(feature = "reqwest")]
    #[cfg_attr(docsrs, doc(cfg(feature = "reqwest")))]
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.transport.client = Some(client);
        self
    }

    /// How long the daemon may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Names the program in front of this library in the `User-Agent` of every request: `my-program/1.0`.
    pub fn user_agent(self, program: &str) -> Self {
        self.header("user-agent", &format!("{program} {USER_AGENT}"))
    }

    /// Sends a header with every request that does not set it otherwise.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.wishes
            .headers
            .push((name.to_owned(), value.to_owned()));
        self
    }

    /// Who to be at a registry (`ghcr.io`, `docker.io`), whatever is stored for it: see
    /// [`Connection::registry_auth`]. The last that is said of a registry counts.
    pub fn registry_auth(mut self, registry: impl Into<String>, auth: RegistryAuth) -> Self {
        let given = Arc::make_mut(&mut self.wishes.registry_auths);
        given.insert(0, (registry.into(), auth));
        self
    }

    /// Takes no credentials for registries from `DOCKER_AUTH_CONFIG` and `config.json`, and runs no credential helper.
    pub fn ignore_stored_credentials(mut self) -> Self {
        self.wishes.ignore_stored_credentials = true;
        self
    }

    /// Lets a client speak its version whatever `DOCKER_API_VERSION` asks for.
    pub fn ignore_api_version_variable(mut self) -> Self {
        self.ignore_version = true;
        self
    }

    /// The connection. Files are read now; the daemon is contacted by the first call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if the address is not one that [`Host`] describes, [`ErrorKind::Config`] if a variable, a
    /// file or a context cannot be used.
    pub fn build(self) -> Result<Connection, Error> {
        let resolved = resolve::resolve(&self.wishes, &self.environment(), &mut Nobody)?;
        self.open(resolved)
    }

    /// What [`build`](Self::build) would look at, take and why, without any secret: for people who wonder where a
    /// program connects to. It contacts nobody.
    ///
    /// ```
    /// use docker_api_gen_core::Connection;
    ///
    /// let explanation = Connection::builder()
    ///     .ignore_environment()
    ///     .host("tcp://10.0.0.5")
    ///     .explain();
    /// assert_eq!(explanation.host().unwrap().to_string(), "tcp://10.0.0.5:2375");
    /// println!("{explanation}");
    /// ```
    pub fn explain(&self) -> Explanation {
        let mut steps = Vec::new();
        let resolved = resolve::resolve(&self.wishes, &self.environment(), &mut steps);
        let outcome = resolved.and_then(|resolved| Ok(self.clone().open(resolved)?.host().clone()));
        Explanation::new(steps, outcome)
    }

    fn environment(&self) -> Environment<'static> {
        if self.isolated {
            Environment::none()
        } else {
            Environment::real()
        }
    }

    fn open(self, resolved: Resolved) -> Result<Connection, Error> {
        let Resolved {
            host,
            tls,
            headers,
            registries,
            version,
        } = resolved;
        let agent = HeaderValue::from_static(USER_AGENT);
        let mut sent = HeaderMap::new();
        headers::set(&mut sent, header::USER_AGENT, agent);
        for (name, value) in &headers {
            headers::set(&mut sent, name.clone(), value.clone());
        }
        #[cfg(all(feature = "bridge", unix))]
        let bridge = self.transport.bridge(&host, self.limits)?;
        #[cfg(all(feature = "bridge", unix))]
        let socket = bridge.as_ref().map(Bridge::socket);
        #[cfg(not(all(feature = "bridge", unix)))]
        let socket = None;
        let url = host.url_prefix(tls.is_some());
        let url = Uri::try_from(url).map_err(|error| unprepared(&host, error))?;
        let base = url.path().trim_end_matches('/').to_owned();
        let http = self.http(&host, url, tls.as_ref(), socket)?;
        Ok(Connection {
            inner: Arc::new(Inner {
                host,
                base,
                headers,
                registries: Arc::new(registries),
                limits: self.limits,
                tls,
                version: version.filter(|_| !self.ignore_version),
                http,
                #[cfg(all(feature = "bridge", unix))]
                bridge,
                transport: self.transport,
                sent,
                answered: AtomicBool::new(false),
            }),
            contact: None,
            choice: None,
            unsupported: Unsupported::default(),
        })
    }

    /// What sends requests to `host`, which is that of `url`, or to `socket` if that leads there.
    fn http(
        &self,
        host: &Host,
        url: Uri,
        tls: Option<&Tls>,
        socket: Option<PathBuf>,
    ) -> Result<HttpClient, Error> {
        #[cfg(feature = "reqwest")]
        if let Some(client) = &self.transport.client {
            return Ok(HttpClient::Reqwest(client.clone(), url));
        }
        let limit = self.limits.connect;
        let spare = socket.is_some().then_some(SPARE);
        #[cfg(feature = "tls")]
        if let Some(tls) = tls {
            return HttpClient::with_tls(client_config(tls)?, url, socket, limit, spare)
                .map_err(|error| unprepared(host, error));
        }
        if tls.is_some() {
            let sentence = format!("{host} is to be spoken to with TLS: enable the feature `tls`");
            return Err(Error::new(ErrorKind::Tls, sentence));
        }
        let name = url.authority().map_or("localhost", |name| name.as_str());
        let name = HeaderValue::from_str(name).map_err(|error| unprepared(host, error))?;
        let target = target(host, &url, socket)?;
        let client = Direct::new(Connector { target, limit }, name, spare);
        Ok(HttpClient::Direct(client))
    }
}

/// Where connections go.
fn target(host: &Host, url: &Uri, socket: Option<PathBuf>) -> Result<Target, Error> {
    match (socket, host.address()) {
        #[cfg(unix)]
        (Some(socket), _) => Ok(Target::Unix(socket)),
        #[cfg(unix)]
        (None, Address::Unix(path)) => Ok(Target::Unix(path.clone())),
        #[cfg(windows)]
        (_, Address::Pipe(path)) => Ok(Target::Pipe(path.replace('/', "\\"))),
        (_, Address::Tcp { .. }) => Ok(Target::Tcp {
            // As they are written in URLs, addresses of IPv6 have brackets around them.
            host: url
                .host()
                .unwrap_or_default()
                .trim_matches(['[', ']'])
                .to_owned(),
            port: url.port_u16().unwrap_or(80),
        }),
        _ => Err(elsewhere(host)),
    }
}

fn unprepared(host: &Host, error: impl Into<Source>) -> Error {
    let sentence = format!("cannot prepare connections to {host}");
    Error::new(ErrorKind::Host, sentence).with_source(error)
}

/// An address that other systems have.
fn elsewhere(host: &Host) -> Error {
    let sentence = match host.address() {
        Address::Pipe(_) => format!("{host} is a named pipe, which Windows alone has"),
        Address::Unix(_) => format!(
            "{host} is a unix socket, which is not supported on this system: use tcp:// or npipe://"
        ),
        Address::Ssh(_) if cfg!(all(unix, not(feature = "ssh"))) => {
            format!("{host} is to be reached through ssh: enable the feature `ssh`")
        }
        _ => format!("{host} is not supported on this system: use tcp://"),
    };
    Error::new(ErrorKind::Host, sentence)
}

impl fmt::Debug for ConnectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address that was not understood yet can hold a password.
        f.debug_struct("ConnectionBuilder")
            .field("context", &self.wishes.context)
            .field("config", &self.wishes.config)
            .field("tls", &self.wishes.tls)
            .finish_non_exhaustive()
    }
}

/// What `docker` would talk to from here, and why, without any secret: see [`ConnectionBuilder::explain`].
pub fn explain() -> Explanation {
    Connection::builder().explain()
}
