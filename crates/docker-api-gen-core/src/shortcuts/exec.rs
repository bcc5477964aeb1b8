//! Running commands in containers that are running.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::run::pump;
use super::{Kit, integer_at, is_true_at};
use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::json::Json;
use crate::logs::LogStream;
use crate::upgraded::{Upgraded, UpgradedWriter};

/// How much output is kept unless the caller says otherwise.
pub(super) const OUTPUT_LIMIT: usize = 64 << 20;

/// A command to be run in a container.
#[derive(Debug)]
#[must_use = "nothing is run until this is sent or started"]
pub struct Exec {
    kit: Kit,
    container: String,
    body: Json,
    needs: Vec<Need>,
    tty: bool,
    stdin: Option<Body>,
    limit: usize,
}

#[derive(Clone, Copy, Debug)]
enum Need {
    Env,
    WorkingDir,
}

/// What a command that has ended leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecOutput {
    /// The exit code; 0 means success.
    pub exit_code: i64,
    /// The standard output, or what was shown on the terminal.
    pub stdout: Bytes,
    /// The standard error.
    pub stderr: Bytes,
}

impl Exec {
    #[doc(hidden)]
    pub fn new(kit: Kit, container: String, command: Option<Vec<String>>) -> Self {
        let mut body = Json::default();
        body.set(&["AttachStdout"], true);
        body.set(&["AttachStderr"], true);
        if let Some(command) = command {
            body.set(&["Cmd"], command);
        }
        Self {
            kit,
            container,
            body,
            needs: Vec::new(),
            tty: false,
            stdin: None,
            limit: OUTPUT_LIMIT,
        }
    }

    /// Sets an environment variable. API 1.25 and later.
    pub fn env(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let pair = format!("{}={}", name.as_ref(), value.as_ref());
        self.body.push(&["Env"], pair);
        self.needs.push(Need::Env);
        self
    }

    /// The folder in which it runs. API 1.35 and later.
    pub fn working_dir(mut self, path: impl Into<String>) -> Self {
        self.body.set(&["WorkingDir"], path.into());
        self.needs.push(Need::WorkingDir);
        self
    }

    /// Who runs it: `user`, `uid`, `user:group`.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.body.set(&["User"], user.into());
        self
    }

    /// Gives it all capabilities.
    pub fn privileged(mut self, privileged: bool) -> Self {
        self.body.set(&["Privileged"], privileged);
        self
    }

    /// Gives it a terminal, on which output and errors mix.
    pub fn tty(mut self, tty: bool) -> Self {
        self.body.set(&["Tty"], tty);
        self.tty = tty;
        self
    }

    /// What it reads from its standard input: bytes, a text, a file. Without this it reads nothing.
    pub fn stdin(mut self, input: impl Into<Body>) -> Self {
        self.stdin = Some(input.into());
        self
    }

    /// How much output [`send`](Exec::send) keeps in memory; 64 MiB unless set. More is an error.
    pub fn output_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the command to its end.
    ///
    /// An exit code that is not 0 is no error. Giving up the wait leaves the command running: the daemon has no way to
    /// end it.
    ///
    /// # Errors
    ///
    /// Also if the command could not be started, because there is no such program in the container for example.
    pub async fn send(mut self) -> Result<ExecOutput, Error> {
        let stdin = self.stdin.take();
        let (kit, limit) = (self.kit.clone(), self.limit);
        let (id, io) = self.open(stdin.is_some()).await?;
        let output = pump(io, stdin, limit).await?;
        let exit_code = exit_code(&kit, &id).await?;
        let output = ExecOutput {
            exit_code,
            stdout: output.stdout,
            stderr: output.stderr,
        };
        match not_started(&output) {
            None => Ok(output),
            Some(message) => Err(kit
                .error(
                    kit.operations.exec_start,
                    Some(&id),
                    ErrorKind::Stream,
                    message.clone(),
                )
                .with_code(Some(exit_code))
                .with_message(message)),
        }
    }

    /// Starts the command, with its output to be read and its input to be written as they come.
    pub async fn start(mut self) -> Result<Executing, Error> {
        if self.stdin.take().is_some() {
            return Err(self.kit.error(
                self.kit.operations.exec_start,
                None,
                ErrorKind::Input,
                "a command that is started has its input written by the caller: `stdin` is for `send`",
            ));
        }
        let kit = self.kit.clone();
        let (id, io) = self.open(true).await?;
        Ok(Executing { kit, id, io })
    }

    /// Starts the command and leaves it to itself; gives its id.
    pub async fn detach(mut self) -> Result<String, Error> {
        self.body.set(&["AttachStdout"], false);
        self.body.set(&["AttachStderr"], false);
        let kit = self.kit.clone();
        let id = self.create().await?;
        let mut call = kit.call(kit.operations.exec_start);
        call.path("id", &id);
        let mut body = Json::default();
        body.set(&["Detach"], true);
        call.json_body(&body);
        call.unit().await?;
        Ok(id)
    }

    async fn create(self) -> Result<String, Error> {
        let operations = self.kit.operations;
        if !self.needs.is_empty() {
            self.kit.settle().await?;
        }
        for need in &self.needs {
            let (since, what) = match need {
                Need::Env => (operations.since.exec_env, "env"),
                Need::WorkingDir => (operations.since.exec_working_dir, "working_dir"),
            };
            self.kit.need(operations.exec_create, since, what)?;
        }
        let mut call = self.kit.container(operations.exec_create, &self.container);
        call.json_body(&self.body);
        self.kit.made(call).await
    }

    async fn open(mut self, stdin: bool) -> Result<(String, Upgraded), Error> {
        if stdin {
            self.body.set(&["AttachStdin"], true);
        }
        let (kit, tty) = (self.kit.clone(), self.tty);
        let id = self.create().await?;
        let mut call = kit.call(kit.operations.exec_start);
        call.path("id", &id);
        call.set_tty_of_new(tty);
        let mut body = Json::default();
        body.set(&["Detach"], false);
        body.set(&["Tty"], tty);
        call.json_body(&body);
        let io = call.upgrade().await?;
        Ok((id, io))
    }
}

/// A command that is running in a container.
#[derive(Debug)]
#[must_use = "dropping it closes the connection, but leaves the command running"]
pub struct Executing {
    kit: Kit,
    id: String,
    io: Upgraded,
}

impl Executing {
    /// The id of the exec.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The command's output and input, to be used at the same time, and what its exit code is known by.
    pub fn split(self) -> (LogStream, UpgradedWriter, ExecHandle) {
        let (output, input) = self.io.into_logs();
        let handle = ExecHandle {
            kit: self.kit,
            id: self.id,
        };
        (output, input, handle)
    }
}

/// What a command that is running is known by.
#[derive(Clone, Debug)]
pub struct ExecHandle {
    kit: Kit,
    id: String,
}

impl ExecHandle {
    /// The id of the exec.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sets the size of the terminal.
    pub async fn resize(&self, rows: u16, columns: u16) -> Result<(), Error> {
        let mut call = self.kit.call(self.kit.operations.exec_resize);
        call.path("id", &self.id);
        call.query("h", &rows);
        call.query("w", &columns);
        call.unit().await
    }

    /// Waits until the command has ended, and gives its exit code.
    pub async fn exit_code(&self) -> Result<i64, Error> {
        exit_code(&self.kit, &self.id).await
    }
}

/// Asks until the command has ended: nothing tells of its end but its output's, which may come before.
async fn exit_code(kit: &Kit, id: &str) -> Result<i64, Error> {
    let mut pause = Duration::from_millis(2);
    loop {
        let mut call = kit.call(kit.operations.exec_inspect);
        call.path("id", id);
        let (text, origin) = call.json_text().await?;
        if !is_true_at(&text, "/Running") {
            return integer_at(&text, "/ExitCode").ok_or_else(|| {
                let sentence = "the command has ended, and the daemon does not say how";
                Error::new(ErrorKind::Decode, sentence).at(&origin)
            });
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// What the daemon says in place of the output of a command that it could not start: that is no status of its answer,
/// which has been given by then.
fn not_started(output: &ExecOutput) -> Option<String> {
    if !matches!(output.exit_code, 126 | 127) || !output.stderr.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(&output.stdout).ok()?;
    let is_daemons = text.starts_with("OCI runtime exec failed: ") && text.ends_with("\r\n");
    is_daemons.then(|| text.trim().to_owned())
}
