//! Container engines for the demo and the tests: the one that is there, or private ones that leave no trace.
//!
//! A private engine lives in namespaces of its own, with its own data, sockets, network and idea of the machine's
//! folders. It needs root on Linux, and either an installed `dockerd` or Debian's packages, which are unpacked below
//! cargo's target folder. When whoever started it ends, by whatever means, it ends too.

#[cfg_attr(
    not(target_os = "linux"),
    allow(unreachable_code, reason = "no private engine can exist")
)]
mod cli;
mod find;
mod http;
mod kind;
#[cfg(target_os = "linux")]
mod private;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod private;

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

pub use cli::{Args, run};
pub use kind::EngineKind;
use private::Private;

/// The network an engine lives in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Net {
    /// A network namespace of its own, with loopback and nothing else.
    #[default]
    Private,
    /// The machine's: its tcp ports can be reached from there, and its containers have no bridge. Networks that are
    /// made in such an engine must be removed from it, as they would stay on the machine. For Docker only.
    Host,
}

/// A registry inside an engine's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Registry {
    /// On `127.0.0.1:5000`, open to everybody.
    Open,
    /// On `127.0.0.1:5001`, for [`Registry::USER`] with [`Registry::PASSWORD`].
    Closed,
}

impl Registry {
    pub const USER: &str = "registry-user";
    pub const PASSWORD: &str = "registry-password";

    /// Host and port, as they stand at the front of an image's name.
    pub const fn address(self) -> &'static str {
        match self {
            Registry::Open => "127.0.0.1:5000",
            Registry::Closed => "127.0.0.1:5001",
        }
    }
}

/// An sshd inside an engine's network, for root, with `docker` on its `PATH`.
#[derive(Clone, Debug)]
pub struct Ssh {
    /// On `127.0.0.1`.
    pub port: u16,
    /// The private key that is let in.
    pub key: PathBuf,
    /// One that is let in where the `PATH` leads nowhere.
    pub poor: PathBuf,
    /// One that is not let in.
    pub stranger: PathBuf,
    pub known_hosts: PathBuf,
    /// Runs ssh inside the engine, with the key; `SSH_CONFIG` names another configuration than that.
    pub program: PathBuf,
}

/// The lowest and the highest version of the API that an engine speaks, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiWindow {
    pub min: String,
    pub max: String,
}

impl ApiWindow {
    /// Whether a version such as `1.41` is in the window.
    pub fn contains(&self, version: &str) -> bool {
        let number = |text: &str| {
            let (major, minor) = text.split_once('.')?;
            Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
        };
        number(version)
            .is_some_and(|v| Some(v) <= number(&self.max) && Some(v) >= number(&self.min))
    }
}

/// An engine that answers. A private one is stopped and removed when this is dropped.
#[derive(Debug)]
pub struct Engine(Inner);

#[derive(Debug)]
enum Inner {
    /// One that was there before. Commands find it as we did.
    Existing {
        host: String,
    },
    Private(Box<Private>),
}

impl Engine {
    /// The engine asked for; without a wish the one that `docker` would talk to, else a private one.
    pub fn acquire(kind: Option<EngineKind>) -> Result<Engine> {
        Builder {
            kind,
            ..Builder::default()
        }
        .start()
    }

    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The version that a private engine of this kind would have if it is made of packages, or why there can be none
    /// here.
    pub fn available(kind: EngineKind) -> Result<String> {
        private::in_packages(kind)
    }

    /// Its address, as `DOCKER_HOST` has it.
    pub fn host(&self) -> &str {
        match &self.0 {
            Inner::Existing { host } => host,
            Inner::Private(engine) => engine.host(),
        }
    }

    /// What a private engine says its version is.
    pub fn version(&self) -> Option<&str> {
        match &self.0 {
            Inner::Existing { .. } => None,
            Inner::Private(engine) => engine.version(),
        }
    }

    /// Whether it was started for us, with nothing in it but what we put there.
    pub fn is_private(&self) -> bool {
        matches!(self.0, Inner::Private(_))
    }

    /// The versions of the API that it speaks.
    pub fn api_window(&self) -> Result<ApiWindow> {
        let version = self.get("/version")?;
        let text = |name: &str| version[name].as_str().unwrap_or_default().to_owned();
        let (min, max) = (text("MinAPIVersion"), text("ApiVersion"));
        ensure!(
            !max.is_empty(),
            "the engine at {} does not say which API it speaks",
            self.host()
        );
        Ok(ApiWindow { min, max })
    }

    /// The ids of its containers, those that have ended included.
    pub fn containers(&self) -> Result<Vec<String>> {
        let list = self.get("/containers/json?all=true")?;
        let ids = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item["Id"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    fn get(&self, path: &str) -> Result<serde_json::Value> {
        let answer = find::request(self.host(), find::PATIENCE, "GET", path, "", &[])?.ok(path)?;
        serde_json::from_slice(&answer)
            .with_context(|| format!("{path} of the engine at {}", self.host()))
    }

    /// Makes a command talk to this engine.
    pub fn configure<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Inner::Private(engine) = &self.0 {
            for name in [
                "DOCKER_CONTEXT",
                "DOCKER_TLS",
                "DOCKER_TLS_VERIFY",
                "DOCKER_CERT_PATH",
                "DOCKER_API_VERSION",
            ] {
                command.env_remove(name);
            }
            command.env("DOCKER_HOST", engine.host());
        }
        // An engine that was there before is found through the environment, as we found it.
        command
    }

    /// Runs a command that talks to this engine, passing signals on to it, and waits for its end.
    pub fn run(&self, command: &mut Command) -> Result<ExitStatus> {
        self.configure(command);
        private::run_in_foreground(command)
    }

    /// A command inside the network of this engine, where its tcp ports are.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match &self.0 {
            Inner::Existing { .. } => Command::new(program),
            Inner::Private(engine) => engine.command(program.as_ref()),
        };
        self.configure(&mut command);
        command
    }

    /// A command that sees what a private engine sees: its files, with `docker` among them, and its network.
    pub fn inside(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = self
            .private("run a command inside")?
            .inside(program.as_ref());
        self.configure(&mut command);
        Ok(command)
    }

    /// Moves the calling thread, and those that it starts from now on, into the network of a private engine.
    pub fn enter_network(&self) -> Result<()> {
        self.private("enter the network of")?.enter_network()
    }

    /// Starts an sshd in the engine's network, unless that was done before.
    pub fn ssh(&self) -> Result<Ssh> {
        self.private("start an sshd inside")?.ssh()
    }

    /// The daemon's process.
    pub fn pid(&self) -> Result<u32> {
        self.private("the process of")?.pid()
    }

    /// Stops the daemon, starts it again with the same data and waits until it answers. Also after [`Engine::kill`].
    pub fn restart(&self) -> Result<()> {
        self.private("restart")?.restart()
    }

    /// Kills the daemon, as a crash would. Its address stays, with nobody there.
    pub fn kill(&self) -> Result<()> {
        self.private("kill")?.kill()
    }

    /// Starts a registry in the engine's network, unless that was done before; gives its address.
    pub fn registry(&self, registry: Registry) -> Result<&'static str> {
        self.private("start a registry inside")?
            .registry(registry)?;
        Ok(registry.address())
    }

    /// Stops a private engine and removes all that it had; what dropping it does, but tells of errors.
    pub fn stop(self) -> Result<()> {
        match self.0 {
            Inner::Existing { .. } => Ok(()),
            Inner::Private(mut engine) => engine.stop(),
        }
    }

    fn private(&self, what: &str) -> Result<&Private> {
        match &self.0 {
            Inner::Existing { host } => {
                bail!("cannot {what} {host}: only engines started here can be told to")
            }
            Inner::Private(engine) => Ok(engine),
        }
    }
}

/// An engine to be started.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    kind: Option<EngineKind>,
    private: bool,
    name: Option<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    net: Net,
    registry: bool,
    packages: bool,
    /// It will outlive this command.
    keep: bool,
}

impl Builder {
    /// This kind, and none that is there already.
    pub fn kind(mut self, kind: EngineKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Of whatever kind, but none that is there already.
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// What it is called in lists.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// One more argument for the daemon, after ours.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// One more variable in the daemon's environment.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    pub fn net(mut self, net: Net) -> Self {
        self.net = net;
        self
    }

    /// With [`Registry::Open`] running from the start.
    pub fn registry(mut self) -> Self {
        self.registry = true;
        self
    }

    /// Out of packages even where such an engine is installed: with ssh and the command line of docker beside it.
    pub fn packages(mut self) -> Self {
        self.packages = true;
        self
    }

    /// Finds or starts the engine, and waits until it answers. A private one has the image `alpine:latest`, also
    /// called `busybox:latest`.
    pub fn start(self) -> Result<Engine> {
        if self.is_choosy() {
            return Ok(Engine(Inner::Private(Box::new(private::start(&self)?))));
        }
        match existing() {
            Ok(host) => Ok(Engine(Inner::Existing { host })),
            Err(nobody) => {
                say(format_args!("{nobody:#}; starting a private one"));
                private::start(&self).map(|engine| Engine(Inner::Private(Box::new(engine))))
            }
        }
    }

    /// Whether only an engine of our own will do.
    fn is_choosy(&self) -> bool {
        self.private
            || self.kind.is_some()
            || self.name.is_some()
            || !self.args.is_empty()
            || !self.env.is_empty()
            || self.net != Net::Private
            || self.registry
            || self.packages
    }
}

/// The version of a kind that can be had on this machine, or why none can.
pub fn available(kind: EngineKind) -> Result<String> {
    private::available(kind)
}

/// The address of the engine that `docker` would talk to, if it answers.
fn existing() -> Result<String> {
    let target = find::target()?;
    find::answers(&target)
        .with_context(|| format!("no engine answers at {} ({})", target.host, target.origin))?;
    Ok(target.host)
}

/// Progress goes where it does not mix with results.
fn say(what: std::fmt::Arguments<'_>) {
    // Nobody may be reading any more; that must not keep an engine from being cleared up.
    let _ = writeln!(std::io::stderr(), "engine: {what}");
}
