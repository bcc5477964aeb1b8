//! Running commands in new containers.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use serde::Serialize;

use super::config::{self, Mount, Port};
use super::exec::OUTPUT_LIMIT;
use super::pull::{self, Pull, PullPolicy, Secret};
use super::remove::Remover;
use super::running::Running;
use super::wait::{Wait, WaitCondition, Waiting};
use super::{Kit, reference};
use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::json::Json;
use crate::logs::Output;
use crate::upgraded::{Upgraded, UpgradedWriter};

/// A command to be run in a new container.
#[derive(Debug)]
#[must_use = "nothing is run until this is sent or started"]
pub struct Run {
    kit: Kit,
    image: String,
    /// The request that makes the container, as far as it is known.
    body: Json,
    error: Option<String>,
    name: Option<String>,
    platform: Option<String>,
    mounts: Vec<Mount>,
    pull: PullPolicy,
    credentials: Option<Result<Secret, String>>,
    tty: bool,
    stdin: Option<Body>,
    keep: bool,
    remove_on_drop: bool,
    limit: usize,
}

/// What a container that has ended leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOutput {
    /// The container's id. There is no such container any more, unless it was to be [kept](Run::keep).
    pub id: String,
    /// The exit code; 0 means success.
    pub exit_code: i64,
    /// The standard output, or what was shown on the terminal.
    pub stdout: Bytes,
    /// The standard error.
    pub stderr: Bytes,
}

impl Run {
    #[doc(hidden)]
    pub fn new(kit: Kit, image: String, command: Option<Vec<String>>) -> Self {
        let mut body = Json::object();
        if let Some(command) = command {
            body.set(&["Cmd"], command);
        }
        Self {
            kit,
            image,
            body,
            error: None,
            name: None,
            platform: None,
            mounts: Vec::new(),
            pull: PullPolicy::default(),
            credentials: None,
            tty: false,
            stdin: None,
            keep: false,
            remove_on_drop: false,
            limit: OUTPUT_LIMIT,
        }
    }

    /// What the container is made of beside what is set here: a `ContainerCreateRequest` of the client's version, for
    /// everything that has no method of its own. What was set before is set anew.
    pub fn config(mut self, config: impl Serialize) -> Self {
        match Json::from_serialize(&config) {
            Ok(config) => self.body.merge(config),
            Err(error) => self.error = Some(error.to_string()),
        }
        self
    }

    /// The name of the container; without one the daemon makes one up.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let pair = format!("{}={}", name.as_ref(), value.as_ref());
        self.body.push(&["Env"], pair);
        self
    }

    /// Sets a label.
    pub fn label(mut self, name: impl AsRef<str>, value: impl Into<String>) -> Self {
        self.body.set(&["Labels", name.as_ref()], value.into());
        self
    }

    /// The folder in which the command runs.
    pub fn working_dir(mut self, path: impl Into<String>) -> Self {
        self.body.set(&["WorkingDir"], path.into());
        self
    }

    /// Who runs the command: `user`, `uid`, `user:group`.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.body.set(&["User"], user.into());
        self
    }

    /// What is run in place of the image's entrypoint, with the command as its arguments.
    pub fn entrypoint(mut self, entrypoint: impl super::Command) -> Self {
        if let Some(entrypoint) = entrypoint.into_list() {
            self.body.set(&["Entrypoint"], entrypoint);
        }
        self
    }

    /// The host name that the container knows itself by.
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.body.set(&["Hostname"], name.into());
        self
    }

    /// The network that the container is in: a name, `host`, `none`.
    pub fn network(mut self, network: impl Into<String>) -> Self {
        self.body
            .set(&["HostConfig", "NetworkMode"], network.into());
        self
    }

    /// Has a port of the container answer on a port of the daemon's machine: `publish(80, 8080)`. With 0 the daemon
    /// takes one that is free: see [`Running::host_port`].
    pub fn publish(mut self, port: impl Into<Port>, host_port: u16) -> Self {
        config::publish(&mut self.body, &port.into(), host_port);
        self
    }

    /// Adds something from outside to the container's file system.
    pub fn mount(mut self, mount: Mount) -> Self {
        self.mounts.push(mount);
        self
    }

    /// Gives the command a terminal, on which output and errors mix.
    pub fn tty(mut self, tty: bool) -> Self {
        self.body.set(&["Tty"], tty);
        self.tty = tty;
        self
    }

    /// What the command reads from its standard input: bytes, a text, a file. Without this it reads nothing.
    pub fn stdin(mut self, input: impl Into<Body>) -> Self {
        self.stdin = Some(input.into());
        self
    }

    /// When the image is pulled; only if it is missing, unless set.
    pub fn pull(mut self, policy: PullPolicy) -> Self {
        self.pull = policy;
        self
    }

    /// The platform of the image, where there are several under its name: `linux/arm64`. API 1.41 and later.
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.platform = Some(platform.into());
        self
    }

    /// The credentials for a pull: a [`RegistryAuth`](crate::RegistryAuth), or an `AuthConfig` of any version. Unless
    /// set, they are [those that are stored](crate::Connection::registry_auth).
    pub fn credentials(mut self, credentials: impl Serialize) -> Self {
        self.credentials = Some(pull::secret(&credentials));
        self
    }

    /// Keeps the container when its command has ended. Otherwise it is removed, with the volumes that have no name.
    pub fn keep(mut self, keep: bool) -> Self {
        self.keep = keep;
        self
    }

    /// Removes the container, running or not, when the [`Running`] of [`start`](Run::start) is dropped.
    ///
    /// That takes a moment, for which the thread waits; [`Running::remove`] does not make it wait.
    pub fn remove_on_drop(mut self, remove: bool) -> Self {
        self.remove_on_drop = remove;
        self
    }

    /// How much output [`send`](Run::send) keeps in memory; 64 MiB unless set. More is an error.
    pub fn output_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the command to its end.
    ///
    /// An exit code that is not 0 is no error. If this fails, or is given up, the container is removed: where
    /// nobody knows of it, it must not go on.
    ///
    /// # Errors
    ///
    /// Also if the command could not be started, because there is no such program in the image for example.
    pub async fn send(mut self) -> Result<RunOutput, Error> {
        let stdin = self.stdin.take();
        let (limit, keep) = (self.limit, self.keep);
        let made = self.make(Some(stdin.is_some())).await?;
        let Some(io) = made.io else {
            unreachable!("it was asked for")
        };
        let kit = made.kit.clone();
        let mut waiting = made.waiting;
        start(&kit, &made.id).await?;
        let output = pump(io, stdin, limit).await?;
        let exit_code = match &mut waiting {
            Some(waiting) => waiting.exit_code().await?,
            None => Wait::new(kit, made.id.clone()).send().await?,
        };
        let mut remover = made.remover;
        if keep || made.auto_removed {
            remover.disarm();
        } else {
            remover.remove().await?;
        }
        Ok(RunOutput {
            id: made.id,
            exit_code,
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }

    /// Starts the container, and gives what it can be watched and stopped by.
    pub async fn start(mut self) -> Result<Running, Error> {
        if self.stdin.take().is_some() {
            return Err(self.kit.error(
                self.kit.operations.container_attach,
                None,
                ErrorKind::Input,
                "a container that is started has its input written by the caller: `stdin` is for `send`, \
                 see `start_attached`",
            ));
        }
        let remove_on_drop = self.remove_on_drop;
        let made = self.make(None).await?;
        start(&made.kit, &made.id).await?;
        Ok(made.running(remove_on_drop))
    }

    /// Starts the container with its input and output attached.
    pub async fn start_attached(mut self) -> Result<(Running, Upgraded), Error> {
        let remove_on_drop = self.remove_on_drop;
        self.stdin = None;
        let mut made = self.make(Some(true)).await?;
        start(&made.kit, &made.id).await?;
        let Some(io) = made.io.take() else {
            unreachable!("it was asked for")
        };
        Ok((made.running(remove_on_drop), io))
    }

    /// Makes the container and everything that has to be there before it is started. `attach` says whether its output is
    /// wanted, and whether its input is.
    async fn make(mut self, attach: Option<bool>) -> Result<Made, Error> {
        let kit = self.kit.clone();
        kit.settle().await?;
        let operations = kit.operations;
        let auto_removed = !self.keep
            && kit.has(operations.since.auto_remove)
            // Without conditions, a wait comes after the start, when there may be nothing left to wait for.
            && kit.has(operations.since.wait_condition);
        let id = self.create(attach, auto_removed).await?;
        let remover = Remover::new(&kit, &id);
        let io = match attach {
            None => None,
            Some(stdin) => {
                let mut call = kit.container(operations.container_attach, &id);
                for (name, wanted) in [
                    ("stream", true),
                    ("stdin", stdin),
                    ("stdout", true),
                    ("stderr", true),
                ] {
                    if wanted {
                        call.query(name, &true);
                    }
                }
                call.set_tty(self.tty);
                Some(call.upgrade().await?)
            }
        };
        let waiting = if kit.has(operations.since.wait_condition) {
            let wait = Wait::new(kit.clone(), id.clone()).condition(WaitCondition::NextExit);
            let waiting = wait.begin().await?;
            Some(match auto_removed {
                true => waiting.until_removed(kit.clone(), id.clone()),
                false => waiting,
            })
        } else {
            None
        };
        Ok(Made {
            kit,
            id,
            remover,
            io,
            waiting,
            auto_removed,
        })
    }

    async fn create(&mut self, attach: Option<bool>, auto_remove: bool) -> Result<String, Error> {
        let (kit, operations) = (&self.kit, self.kit.operations);
        if let Some(why) = self.error.take() {
            return Err(kit.error(
                operations.container_create,
                Some(&self.image),
                ErrorKind::Input,
                why,
            ));
        }
        self.body.set(&["Image"], self.image.as_str());
        if let Some(stdin) = attach {
            self.body.set(&["AttachStdout"], true);
            self.body.set(&["AttachStderr"], true);
            if stdin {
                for name in ["AttachStdin", "OpenStdin", "StdinOnce"] {
                    self.body.set(&[name], true);
                }
            }
        }
        if auto_remove {
            self.body.set(&["HostConfig", "AutoRemove"], true);
        }
        for mount in &self.mounts {
            mount.add_to(&mut self.body, kit)?;
        }
        if self.platform.is_some() {
            kit.need(
                operations.container_create,
                operations.since.create_platform,
                "platform",
            )?;
        }
        if self.pull == PullPolicy::Always {
            self.pull_image().await?;
        }
        match self.create_once().await {
            Err(error)
                if error.is_not_found()
                    && self.pull == PullPolicy::Missing
                    && !reference::is_id(&self.image) =>
            {
                self.pull_image().await?;
                self.create_once().await
            }
            made => made,
        }
    }

    async fn create_once(&self) -> Result<String, Error> {
        let mut call = self.kit.call(self.kit.operations.container_create);
        call.about(&self.image);
        call.query("name", &self.name);
        call.query("platform", &self.platform);
        call.json_body(&self.body);
        self.kit.made(call).await
    }

    async fn pull_image(&self) -> Result<(), Error> {
        let mut pull =
            Pull::new(self.kit.clone(), self.image.clone()).with_secret(self.credentials.clone());
        if let Some(platform) = &self.platform {
            pull = pull.platform(platform);
        }
        pull.send().await.map(drop)
    }
}

/// A container that is about to be started, and is removed if nothing comes of that.
struct Made {
    kit: Kit,
    id: String,
    remover: Remover,
    io: Option<Upgraded>,
    waiting: Option<Waiting>,
    /// The daemon removes it when it has ended.
    auto_removed: bool,
}

impl Made {
    fn running(mut self, remove_on_drop: bool) -> Running {
        let remover = if remove_on_drop {
            Some(self.remover)
        } else {
            self.remover.disarm();
            None
        };
        Running::new(self.kit, self.id, self.waiting, remover)
    }
}

async fn start(kit: &Kit, id: &str) -> Result<(), Error> {
    kit.container(kit.operations.container_start, id)
        .unit()
        .await
}

/// Reads all output while input is written.
pub(super) async fn pump(io: Upgraded, stdin: Option<Body>, limit: usize) -> Result<Output, Error> {
    if stdin.is_some() && io.is_read_only() {
        return Err(io.cannot_write());
    }
    let (mut logs, mut input) = io.into_logs();
    let mut feeding = pin!(feed(stdin, &mut input));
    let mut reading = pin!(logs.collect(limit));
    let mut fed = false;
    poll_fn(|cx| {
        if !fed && let Poll::Ready(result) = feeding.as_mut().poll(cx) {
            result?;
            fed = true;
        }
        reading.as_mut().poll(cx)
    })
    .await
}

async fn feed(stdin: Option<Body>, input: &mut UpgradedWriter) -> Result<(), Error> {
    let Some(mut stdin) = stdin else {
        return Ok(());
    };
    while let Some(chunk) = stdin.next().await {
        let chunk = chunk.map_err(|error| input.failed_to_read(error))?;
        // A program need not read all there is. What ended it, if not itself, shows where its output is read.
        if input.write_input(&chunk).await.is_err() {
            return Ok(());
        }
    }
    let _ = input.close_stdin().await;
    Ok(())
}
