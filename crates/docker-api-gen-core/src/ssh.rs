//! ssh: a private socket, and behind it one `ssh … docker system dial-stdio` for each connection.
//!
//! HTTP is spoken over the socket as with a local daemon. What comes of it is carried to and from ssh's standard input
//! and output, both ways at their own pace, the end of either way included. Where ssh fails before the daemon has said
//! anything, an answer of ours says why, so that the request which it was for ends with ssh's own words.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net as blocking;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http::header::HeaderName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::error::{Error, ErrorKind};
use crate::host::{Host, Ssh};
use crate::text::{contains, shorten};

/// How many connections may be on their way to being let in: from ten on, sshd turns some away at random.
const STARTING: usize = 8;

/// Whoever was not turned away by then has been let in.
const SETTLED: Duration = Duration::from_secs(3);

/// What was written before a connection was dropped may still arrive; then its ssh is ended.
const GRACE: Duration = Duration::from_secs(2);

/// A master connection that ssh leaves running may keep what it complains to open for ever.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// How much is kept of what ssh complains of.
const WORDS: usize = 4096;

/// How much of it is told.
const SHOWN: usize = 500;

/// How much is carried at a time.
const CHUNK: usize = 16 * 1024;

/// Why ssh failed, in an answer that is not the daemon's.
static FAILURE: HeaderName = HeaderName::from_static("docker-api-gen-failure");

/// A socket of our own that leads to a daemon behind ssh. Dropping it takes the socket away; connections that are open
/// go on until they are closed.
pub(crate) struct Bridge {
    folder: PathBuf,
    way: Arc<Way>,
    state: Mutex<State>,
}

enum State {
    /// Nobody accepts connections yet: that takes a runtime.
    Bound(blocking::UnixListener),
    Open(AbortHandle),
    Broken,
}

impl Bridge {
    /// Makes the socket, in a folder that is this user's alone.
    pub(crate) fn new(
        host: &Host,
        ssh: &Ssh,
        program: &OsStr,
        connect: Option<Duration>,
    ) -> Result<Self, Error> {
        let folder = private_folder().map_err(|error| unprepared(host, error))?;
        let bound = blocking::UnixListener::bind(socket(&folder)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        match bound {
            Ok(listener) => Ok(Self {
                folder,
                way: Arc::new(Way {
                    program: program.to_owned(),
                    arguments: arguments(ssh, connect),
                    by_hand: by_hand(ssh),
                    host: host.to_string(),
                    starting: Arc::new(Semaphore::new(STARTING)),
                }),
                state: Mutex::new(State::Bound(listener)),
            }),
            Err(error) => {
                remove(&folder);
                Err(unprepared(host, error))
            }
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket(&self.folder)
    }

    pub(crate) fn program(&self) -> &OsStr {
        &self.way.program
    }

    /// Accepts connections from now on, on the runtime of the caller.
    pub(crate) fn open(&self) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Bound(_) = *state
            && let State::Bound(listener) = std::mem::replace(&mut *state, State::Broken)
        {
            let listener = UnixListener::from_std(listener).map_err(|error| {
                let sentence = format!("cannot prepare connections to {}", self.way.host);
                Error::new(ErrorKind::Io, sentence).with_source(error)
            })?;
            let serving = tokio::spawn(serve(listener, self.way.clone()));
            *state = State::Open(serving.abort_handle());
        }
        Ok(())
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(serving) = state {
            serving.abort();
        }
        remove(&self.folder);
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("s")
}

fn remove(folder: &Path) {
    // Somebody who tidies up may have been faster.
    let _ = fs::remove_file(socket(folder));
    let _ = fs::remove_dir(folder);
}

/// A new folder that nobody else can look into. Its path is short, as sockets' must be.
fn private_folder() -> io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let temporary = std::env::temp_dir();
    let mut attempts = 0;
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = temporary.join(format!("docker-ssh-{:x}-{count:x}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            // Left by a process that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempts < 1000 => {
                attempts += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn unprepared(host: &Host, error: io::Error) -> Error {
    let sentence = format!(
        "cannot make a private socket for {host} in {}: set TMPDIR to a folder that can be written to",
        std::env::temp_dir().display()
    );
    Error::new(ErrorKind::Config, sentence).with_source(error)
}

/// What `docker` would call ssh with; nothing is asked on a terminal, which is the program's.
fn arguments(ssh: &Ssh, connect: Option<Duration>) -> Vec<String> {
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
fn by_hand(ssh: &Ssh) -> String {
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

async fn serve(listener: UnixListener, way: Arc<Way>) {
    loop {
        match listener.accept().await {
            Ok((local, _)) => drop(tokio::spawn(way.clone().serve(local))),
            // Too many files are open, most likely.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// How a connection gets to the daemon.
struct Way {
    program: OsString,
    arguments: Vec<String>,
    by_hand: String,
    host: String,
    starting: Arc<Semaphore>,
}

impl Way {
    /// Serves one connection from its beginning to its end.
    async fn serve(self: Arc<Self>, mut local: UnixStream) {
        // A spare connection that may never be used is not worth a process, and an answer has to follow a request.
        let mut first = vec![0; CHUNK];
        match local.read(&mut first).await {
            Ok(read @ 1..) => first.truncate(read),
            _ => return,
        }
        let Ok(watched) = twin(&local) else {
            return;
        };
        let turn = self.starting.clone().acquire_owned();
        let Some(Ok(turn)) = unless(turn, closed(&watched)).await else {
            return;
        };
        if let Some((kind, sentence)) = self.carry(first, &mut local, &watched, turn).await {
            answer(&mut local, kind, &sentence).await;
        }
    }

    /// Carries all there is between `local`, which `first` came from, and the daemon. If the daemon never said anything, this gives the reason.
    async fn carry(
        &self,
        first: Vec<u8>,
        local: &mut UnixStream,
        watched: &UnixStream,
        turn: OwnedSemaphorePermit,
    ) -> Option<(ErrorKind, String)> {
        let mut child = match self.start() {
            Ok(child) => child,
            Err(error) => return Some(self.not_started(&error)),
        };
        let (Some(input), Some(output), Some(complaints)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return None;
        };
        let heard = AtomicBool::new(false);
        let words = Mutex::new(Vec::new());
        let (from_local, to_local) = local.split();
        let mut there = pin!(there(first, from_local, input));
        let mut back = pin!(back(output, to_local, &heard, turn));
        let mut listening = pin!(listen(complaints, &words));
        let (mut is_going, mut is_listening) = (true, true);
        let was_closed = {
            let mut carrying = pin!(poll_fn(|cx| {
                is_going = is_going && there.as_mut().poll(cx).is_pending();
                is_listening = is_listening && listening.as_mut().poll(cx).is_pending();
                back.as_mut().poll(cx)
            }));
            let carried = unless(carrying.as_mut(), closed(watched)).await;
            if carried.is_none() {
                let _ = timeout(GRACE, carrying).await;
            }
            carried.is_none()
        };
        if was_closed {
            let _ = child.kill().await;
            return None;
        }
        let status = timeout(GRACE, child.wait()).await;
        if is_listening {
            let _ = timeout(LAST_WORDS, listening).await;
        }
        let _ = child.kill().await;
        match status {
            Ok(Ok(status)) if !status.success() && !heard.load(Ordering::Relaxed) => {
                let words = words.lock().unwrap_or_else(PoisonError::into_inner);
                Some(self.failed(status, &last_lines(&words)))
            }
            _ => None,
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

    fn not_started(&self, error: &io::Error) -> (ErrorKind, String) {
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
    fn failed(&self, status: ExitStatus, words: &str) -> (ErrorKind, String) {
        let by_hand = &self.by_hand;
        let says = match words {
            "" => format!("nothing and ended with {status}"),
            words => format!("{words:?}"),
        };
        // This is what ssh ends with if it is ssh itself that failed.
        if status.code() == Some(255) {
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

/// A second handle on a socket, with a readiness of its own.
fn twin(socket: &UnixStream) -> io::Result<UnixStream> {
    let twin = socket.as_fd().try_clone_to_owned()?;
    UnixStream::from_std(blocking::UnixStream::from(twin))
}

/// Waits until nothing that is written to the socket can be read any more: the other end is closed, and not merely done
/// with writing.
async fn closed(socket: &UnixStream) {
    while let Ok(ready) = socket.ready(Interest::WRITABLE).await
        && !ready.is_write_closed()
    {
        // Says that it has been written to until nothing more fits, to hear of it again when something changes.
        let full = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = socket.try_io(Interest::WRITABLE, full);
    }
}

/// What `one` gives, unless `other` is ready first.
async fn unless<T>(one: impl Future<Output = T>, other: impl Future<Output = ()>) -> Option<T> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => other.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Carries what is written to the daemon; its end is the end of what the daemon reads.
async fn there(
    first: Vec<u8>,
    mut local: impl AsyncRead + Unpin,
    mut ssh: impl AsyncWrite + Unpin,
) {
    let mut read = first.len();
    let mut chunk = first;
    chunk.resize(CHUNK, 0);
    while ssh.write_all(&chunk[..read]).await.is_ok() {
        match local.read(&mut chunk).await {
            Ok(more @ 1..) => read = more,
            _ => return,
        }
    }
}

/// Carries what the daemon says.
async fn back(
    mut ssh: impl AsyncRead + Unpin,
    mut local: impl AsyncWrite + Unpin,
    heard: &AtomicBool,
    turn: OwnedSemaphorePermit,
) {
    let mut turn = Some(turn);
    let mut is_wanted = true;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = if turn.is_some() {
            let read = timeout(SETTLED, ssh.read(&mut chunk)).await;
            turn = None;
            match read {
                Ok(read) => read,
                Err(_) => continue,
            }
        } else {
            ssh.read(&mut chunk).await
        };
        let Ok(read @ 1..) = read else {
            if heard.load(Ordering::Relaxed) {
                let _ = local.shutdown().await;
            }
            return;
        };
        heard.store(true, Ordering::Relaxed);
        // What nobody reads is still taken, as the other way may not have come to its end.
        is_wanted = is_wanted && local.write_all(&chunk[..read]).await.is_ok();
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

/// Answers in the daemon's place.
async fn answer(local: &mut UnixStream, kind: ErrorKind, sentence: &str) {
    let kind = match kind {
        ErrorKind::Permission => "permission",
        ErrorKind::Timeout => "timeout",
        _ => "connect",
    };
    let answer = format!(
        "HTTP/1.1 502 Bad Gateway\r\n{FAILURE}: {kind} {sentence}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let telling = async {
        if local.write_all(answer.as_bytes()).await.is_ok() {
            // Closing while a body is still coming would take the answer away.
            let mut chunk = vec![0; CHUNK];
            while let Ok(1..) = local.read(&mut chunk).await {}
        }
    };
    let _ = timeout(GRACE, telling).await;
}

/// The failure that an answer stands for, if it is not the daemon's.
pub(crate) fn failure(answer: &reqwest::Response) -> Option<Error> {
    let value = answer.headers().get(&FAILURE)?.as_bytes();
    let value = String::from_utf8_lossy(value);
    let (kind, sentence) = value.split_once(' ')?;
    let kind = match kind {
        "permission" => ErrorKind::Permission,
        "timeout" => ErrorKind::Timeout,
        _ => ErrorKind::Connect,
    };
    Some(Error::new(kind, sentence))
}
