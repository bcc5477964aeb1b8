//! Programs that keep credentials: `docker-credential-NAME`.
//!
//! One is given an address on its standard input, and prints JSON, or why it cannot. It runs on a thread of its own, which
//! is not one of the runtime: a program that never ends must not keep a runtime from ending.

use std::fmt;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::RegistryAuth;
use crate::error::{Error, ErrorKind};
use crate::scan;
use crate::text::{contains, shorten, shorten_bytes};

/// The longest answer that is read.
const OUTPUT: usize = 1024 * 1024;
/// The longest address that is asked for. It fits into a pipe, so that writing it waits for nobody.
const ADDRESS: usize = 4096;
/// How much of what a helper says is shown.
const EXCERPT: usize = 300;
/// How long the output of a helper that has ended may take to end too.
const GRACE: Duration = Duration::from_millis(500);
/// How a helper says that it knows nothing about an address.
const NOT_FOUND: &str = "credentials not found";
/// The user name that says that the secret is a token.
const TOKEN: &str = "<token>";

/// A helper, and what names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Helper {
    name: String,
    whence: &'static str,
}

/// How a helper ended.
enum Outcome {
    /// Well, with this output.
    Done(Vec<u8>),
    /// Not well, with these words.
    Failed(ExitStatus, String),
    TooMuch,
    Late,
}

impl Helper {
    /// The helper `docker-credential-NAME`, which `whence` names.
    pub(super) fn new(name: &str, whence: &'static str) -> Result<Self, Error> {
        // With a separator it would be a path to whatever program.
        if name.contains(['/', '\\', '\0']) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{whence} in config.json names the credential helper {:?}, which is not a name: \
                     write what comes after docker-credential-",
                    shorten(name, 100)
                ),
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            whence,
        })
    }

    /// The helper at a path.
    #[cfg(test)]
    pub(super) fn at(path: &std::path::Path) -> Self {
        Self {
            name: path.display().to_string(),
            whence: "the test",
        }
    }

    /// What it has for an address.
    pub(super) async fn get(
        &self,
        address: &str,
        limit: Duration,
    ) -> Result<Option<RegistryAuth>, Error> {
        if address.len() > ADDRESS {
            return Ok(None);
        }
        let about = format!(" for {}", shorten(address, 100));
        let output = match self.run("get", address, limit).await {
            Ok(Outcome::Done(output)) => output,
            Ok(Outcome::Failed(_, words)) if contains(&words, NOT_FOUND) => return Ok(None),
            other => return Err(self.failure(&about, limit, other)),
        };
        let member = |name| scan::member_in_any_case(&output, name).and_then(scan::string);
        match (member("Username"), member("Secret")) {
            (Some(user), Some(secret)) => {
                let auth = match user.as_str() {
                    TOKEN => RegistryAuth::identity_token(secret),
                    _ => RegistryAuth::password(user, secret),
                };
                Ok(Some(RegistryAuth {
                    server_address: Some(address.to_owned()),
                    ..auth
                }))
            }
            // What is not understood may well be a secret.
            _ => Err(self.error(format!(
                "answered{about} with something that is not JSON with Username and Secret"
            ))),
        }
    }

    /// The addresses that it has something for.
    pub(super) async fn list(&self, limit: Duration) -> Result<Vec<String>, Error> {
        let output = match self.run("list", "", limit).await {
            Ok(Outcome::Done(output)) => output,
            other => return Err(self.failure(" to list what it has", limit, other)),
        };
        let mut addresses = Vec::new();
        let is_object = output.trim_ascii().first() == Some(&b'{');
        scan::members(&output, &mut |name, _| {
            addresses.extend(scan::name(name));
            false
        });
        match is_object {
            true => Ok(addresses),
            false => Err(self.error("did not list what it has as JSON")),
        }
    }

    async fn run(&self, verb: &'static str, input: &str, limit: Duration) -> io::Result<Outcome> {
        /// Tells the thread when nobody waits any more.
        struct Waiting(Arc<AtomicBool>);

        impl Drop for Waiting {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }

        let given_up = Arc::new(AtomicBool::new(false));
        let _waiting = Waiting(given_up.clone());
        let (program, input) = (self.program(), input.to_owned());
        let deadline = Instant::now() + limit;
        let (sender, receiver) = oneshot::channel();
        thread::Builder::new()
            .name(program.clone())
            .spawn(move || {
                let is_over = || given_up.load(Ordering::Relaxed) || Instant::now() >= deadline;
                let _ = sender.send(converse(&program, verb, input.as_bytes(), &is_over));
            })?;
        receiver
            .await
            .unwrap_or_else(|_| Err(io::Error::other("its thread ended")))
    }

    fn program(&self) -> String {
        #[cfg(test)]
        if self.name.starts_with('/') {
            return self.name.clone();
        }
        self.to_string()
    }

    fn failure(&self, about: &str, limit: Duration, outcome: io::Result<Outcome>) -> Error {
        match outcome {
            Ok(Outcome::Failed(status, words)) => {
                let words = match words.is_empty() {
                    true => format!("it says nothing, and ended with {status}"),
                    false => words,
                };
                self.error(format!("failed{about}: {words}"))
            }
            Ok(Outcome::Late) => {
                let sentence = format!("{self} did not answer{about} within {limit:?}{REMEDY}");
                Error::new(ErrorKind::Timeout, sentence)
            }
            Ok(Outcome::Done(_) | Outcome::TooMuch) => {
                self.error(format!("answered{about} with more than {OUTPUT} bytes"))
            }
            Err(error) => {
                let why = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such program on PATH".to_owned(),
                    _ => error.to_string(),
                };
                self.error(format!("cannot be asked{about}: {why}"))
                    .with_source(error)
            }
        }
    }

    fn error(&self, what: impl fmt::Display) -> Error {
        let sentence = format!(
            "the credential helper {self}, which {} in config.json names, {what}{REMEDY}",
            self.whence
        );
        Error::new(ErrorKind::Config, sentence)
    }
}

/// What to do about a helper.
const REMEDY: &str = ": run it by hand, or give the credentials in the program (RegistryAuth)";

impl fmt::Display for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "docker-credential-{}", self.name)
    }
}

/// Runs a helper to its end, or to that of the patience of those who wait.
fn converse(
    program: &str,
    verb: &str,
    input: &[u8],
    is_over: &dyn Fn() -> bool,
) -> io::Result<Outcome> {
    let mut child = Command::new(program)
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().map(gather);
    let errors = child.stderr.take().map(gather);
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read has its reasons.
        let _ = stdin.write_all(input);
    }
    let Some(status) = wait(&mut child, is_over)? else {
        return Ok(Outcome::Late);
    };
    let mut output = finish(output)?;
    if output.len() > OUTPUT {
        return Ok(Outcome::TooMuch);
    }
    if status.success() {
        return Ok(Outcome::Done(output));
    }
    // Words come on the standard output. JSON is no words, and may hold a secret.
    if output.trim_ascii().is_empty() || output.contains(&b'{') {
        output = finish(errors).unwrap_or_default();
    }
    Ok(Outcome::Failed(status, shorten_bytes(&output, EXCERPT)))
}

/// Waits for the end. None if that took too long; it is there in any case.
fn wait(child: &mut Child, is_over: &dyn Fn() -> bool) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if is_over() {
            // It may have ended this moment.
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

type Gathering = mpsc::Receiver<Vec<u8>>;

/// Reads a pipe to its end, or to one byte more than is allowed.
fn gather(pipe: impl Read + Send + 'static) -> Gathering {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.take(OUTPUT as u64 + 1).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

fn finish(gathering: Option<Gathering>) -> io::Result<Vec<u8>> {
    let Some(gathering) = gathering else {
        return Ok(Vec::new());
    };
    gathering.recv_timeout(GRACE).map_err(|_| {
        io::Error::other("it has ended, but something that it started holds on to its output")
    })
}
