//! ssh: one `ssh … docker system dial-stdio` for each connection, as `docker` does it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::bridge::{Beside, Carried, End, GRACE, Near, NoWay};
use crate::error::ErrorKind;
use crate::host::{Host, Ssh as Address};
use crate::text::{contains, shorten};

/// How many connections may be on their way to being let in: from ten on, sshd turns some away at random.
const STARTING: usize = 8;

/// A master connection that ssh leaves running may keep what it complains to open for ever.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// How much is kept of what ssh complains of.
const WORDS: usize = 4096;

/// How much of it is told.
const SHOWN: usize = 500;

/// What ssh ends with if it is ssh itself that failed.
const SSH_FAILED: i32 = 255;

/// What `docker` would call ssh with; nothing is asked on a terminal, which is the program's.
fn arguments(ssh: &Address, connect: Option<Duration>) -> Vec<String> {
    let mut arguments = vec!["-o".to_owned(), "BatchMode=yes".to_owned()];
    if let Some(limit) = connect {
        let seconds = limit.as_secs() + u64::from(limit.subsec_nanos() > 0);
        let seconds = seconds.clamp(1, 1 << 20);
        arguments.extend(["-o".to_owned(), format!("ConnectTimeout={seconds}")]);
    }
    if let Some(user) = &ssh.user {
        arguments.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = ssh.port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    arguments.extend(["-T", "--", &ssh.host, "docker"].map(str::to_owned));
    if let Some(socket) = &ssh.socket {
        arguments.push(quoted(&format!("--host=unix://{socket}")));
    }
    arguments.extend(["system", "dial-stdio"].map(str::to_owned));
    arguments
}

/// `text` as one word of the shell that will read it on the other side.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/:=.,_@+-".contains(c);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The command that somebody would try in a shell.
fn by_hand(ssh: &Address) -> String {
    let mut command = "ssh ".to_owned();
    if let Some(port) = ssh.port {
        command.push_str(&format!("-p {port} "));
    }
    if let Some(user) = &ssh.user {
        command.push_str(&format!("{user}@"));
    }
    command.push_str(&ssh.host);
    command
}

/// The way through ssh.
pub(crate) struct Ssh {
    program: OsString,
    arguments: Vec<String>,
    by_hand: String,
    host: String,
    starting: Arc<Semaphore>,
}

impl Ssh {
    pub(crate) fn new(
        host: &Host,
        address: &Address,
        program: Option<&OsStr>,
        connect: Option<Duration>,
    ) -> Self {
        Self {
            program: program.unwrap_or(OsStr::new("ssh")).to_owned(),
            arguments: arguments(address, connect),
            by_hand: by_hand(address),
            host: host.to_string(),
            starting: Arc::new(Semaphore::new(STARTING)),
        }
    }

    /// Carries all there is between this side and the daemon. If the daemon never said anything, this gives the reason.
    pub(crate) async fn carry(&self, near: Near<'_>) -> Result<Carried, NoWay> {
        let turn = self.starting.clone().acquire_owned();
        let Some(Ok(turn)) = near.unless_closed(turn).await else {
            return Ok(Carried::Whole);
        };
        let mut child = self.start().map_err(|error| self.not_started(&error))?;
        let (Some(input), Some(output), Some(complaints)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Ok(Carried::Whole);
        };
        let words = Mutex::new(Vec::new());
        let mut listening: Beside<'_> = Some(Box::pin(listen(complaints, &words)));
        let end = near.carry(input, output, Some(turn), &mut listening).await;
        if let End::Closed = end {
            let _ = child.kill().await;
            return Ok(Carried::Whole);
        }
        let status = timeout(GRACE, child.wait()).await;
        let is_failure = matches!(&status, Ok(Ok(status)) if !status.success());
        if let Some(listening) = listening.filter(|_| is_failure) {
            let _ = timeout(LAST_WORDS, listening).await;
        }
        let _ = child.kill().await;
        let words = || last_lines(&words.lock().unwrap_or_else(PoisonError::into_inner));
        match (end, status) {
            (End::Silent, Ok(Ok(status))) if !status.success() => {
                Err(self.failed(status, &words()))
            }
            // Where docker itself ends with an error, the daemon may have closed the connection with something unread.
            (End::Complete(_), Ok(Ok(status))) if is_own_failure(status) => {
                Ok(Carried::Broken(said(status, &words())))
            }
            _ => Ok(Carried::Whole),
        }
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // What interrupts this program from its terminal is not meant for ssh.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    fn not_started(&self, error: &io::Error) -> NoWay {
        let program = self.program.display();
        let why = match error.kind() {
            io::ErrorKind::NotFound => {
                format!("there is no program `{program}`: install the client of OpenSSH")
            }
            _ => format!("`{program}` cannot be run ({error})"),
        };
        (ErrorKind::Connect, self.no_way(&why))
    }

    /// What it means that ssh ended like this, and what to do about it.
    fn failed(&self, status: ExitStatus, words: &str) -> NoWay {
        let by_hand = &self.by_hand;
        let says = says(status, words);
        if status.code() == Some(SSH_FAILED) {
            let (kind, advice) = if contains(words, "ost key verification failed") {
                let advice = format!("connect once with `{by_hand}` to get to know its key");
                (ErrorKind::Connect, advice)
            } else if contains(words, "ermission denied") || contains(words, "uthentication") {
                let advice = format!(
                    "`{by_hand}` has to work without a question, with a key and an agent that knows its passphrase"
                );
                (ErrorKind::Connect, advice)
            } else if contains(words, "timed out") {
                (ErrorKind::Timeout, format!("does `{by_hand}` work?"))
            } else {
                (ErrorKind::Connect, format!("does `{by_hand}` work?"))
            };
            return (kind, self.no_way(&format!("ssh says {says}: {advice}")));
        }
        if matches!(status.code(), Some(126 | 127)) {
            let why = format!(
                "that machine says {says}: does `{by_hand} docker version` work? \
                 The command line of docker has to be there, on the PATH that ssh gives"
            );
            return (ErrorKind::Connect, self.no_way(&why));
        }
        let says = format!("docker on that machine says {says}");
        if contains(words, "ermission denied") {
            let advice =
                "add that user to the group docker there, or name another socket in the address";
            return (
                ErrorKind::Permission,
                self.no_way(&format!("{says}: {advice}")),
            );
        }
        let advice = "is the daemon running there?";
        (
            ErrorKind::Connect,
            self.no_way(&format!("{says}: {advice}")),
        )
    }

    fn no_way(&self, why: &str) -> String {
        format!(
            "cannot connect to the Docker daemon at {}: {why}",
            self.host
        )
    }
}

/// Whether it is ssh itself that failed, or was killed, and not what it ran.
fn is_own_failure(status: ExitStatus) -> bool {
    matches!(status.code(), Some(SSH_FAILED) | None)
}

fn said(status: ExitStatus, words: &str) -> String {
    format!("ssh said {}", says(status, words))
}

fn says(status: ExitStatus, words: &str) -> String {
    match words {
        "" => format!("nothing and ended with {status}"),
        words => format!("{words:?}"),
    }
}

/// Keeps the end of what ssh complains of.
async fn listen(mut complaints: impl AsyncRead + Unpin, words: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 512];
    while let Ok(read @ 1..) = complaints.read(&mut chunk).await {
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend_from_slice(&chunk[..read]);
        let surplus = words.len().saturating_sub(WORDS);
        words.drain(..surplus);
    }
}

/// The end of what ssh said, on one line: what comes before is a banner, or a warning.
fn last_lines(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let lines: Vec<_> = words
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    shorten(&lines[lines.len().saturating_sub(3)..].join("; "), SHOWN)
}
