//! A socket of our own that leads to a daemon in another way than its address says.
//!
//! HTTP is spoken over the socket as with a local daemon. What comes of it is carried to and from the other side, both
//! ways at their own pace, the end of either way included. Where there is no other side to be reached, an answer of ours
//! says why, so that the request which it was for ends with the reason.

use std::fs::{self, DirBuilder};
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net as blocking;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http::header::HeaderName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

#[cfg(feature = "custom-transport")]
use crate::dial::Dial;
use crate::error::{Error, ErrorKind};
use crate::host::Host;
use crate::http_client::Answer;
#[cfg(feature = "ssh")]
use crate::ssh::Ssh;

/// What was written before a connection was dropped may still arrive; then the other side is let go.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// Whoever was not turned away by then has been let in.
const SETTLED: Duration = Duration::from_secs(3);

/// How much is carried at a time.
const CHUNK: usize = 16 * 1024;

/// Why there is no way, in an answer that is not the daemon's.
static FAILURE: HeaderName = HeaderName::from_static("docker-api-gen-failure");

/// How a connection gets to the daemon.
pub(crate) enum Way {
    #[cfg(feature = "ssh")]
    Ssh(Ssh),
    #[cfg(feature = "custom-transport")]
    Dial(Dial),
}

/// Why a connection does not get there: what kind of failure that is, and its sentence.
pub(crate) type NoWay = (ErrorKind, String);

/// How often a connection broke off, as far as is known, and why the last one did.
///
/// On this side, that looks like an end: a stream that may not end like that compares what was known when it began.
#[derive(Clone, Default)]
pub(crate) struct Breaks(Arc<Mutex<(u64, String)>>);

impl Breaks {
    pub(crate) fn count(&self) -> u64 {
        self.known().0
    }

    /// Why a connection broke off, if one has since there were so many.
    pub(crate) fn since(&self, count: u64) -> Option<String> {
        let known = self.known();
        (known.0 != count).then(|| known.1.clone())
    }

    fn add(&self, why: String) {
        let mut known = self.known();
        known.0 += 1;
        known.1 = why;
    }

    fn known(&self) -> MutexGuard<'_, (u64, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropping it takes the socket away; connections that are open go on until they are closed.
pub(crate) struct Bridge {
    folder: PathBuf,
    host: String,
    state: Mutex<State>,
    breaks: Breaks,
}

enum State {
    /// Nobody accepts connections yet: that takes a runtime.
    Bound(blocking::UnixListener, Way),
    Open(AbortHandle),
    Broken,
}

impl Bridge {
    /// Makes the socket, in a folder that is this user's alone.
    pub(crate) fn new(host: &Host, way: Way) -> Result<Self, Error> {
        let folder = private_folder().map_err(|error| unprepared(host, error))?;
        let bound = blocking::UnixListener::bind(socket(&folder)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        match bound {
            Ok(listener) => Ok(Self {
                folder,
                host: host.to_string(),
                state: Mutex::new(State::Bound(listener, way)),
                breaks: Breaks::default(),
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

    pub(crate) fn breaks(&self) -> &Breaks {
        &self.breaks
    }

    /// Accepts connections from now on, on the runtime of the caller.
    pub(crate) fn open(&self) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Bound(..) = *state
            && let State::Bound(listener, way) = std::mem::replace(&mut *state, State::Broken)
        {
            let listener = UnixListener::from_std(listener).map_err(|error| {
                let sentence = format!("cannot prepare connections to {}", self.host);
                Error::new(ErrorKind::Io, sentence).with_source(error)
            })?;
            let serving = tokio::spawn(accept(listener, Arc::new(way), self.breaks.clone()));
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
        let folder = temporary.join(format!("docker-way-{:x}-{count:x}", std::process::id()));
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

async fn accept(listener: UnixListener, way: Arc<Way>, breaks: Breaks) {
    loop {
        match listener.accept().await {
            Ok((local, _)) => drop(tokio::spawn(serve(local, way.clone(), breaks.clone()))),
            // Too many files are open, most likely.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Serves one connection from its beginning to its end.
async fn serve(mut local: UnixStream, way: Arc<Way>, breaks: Breaks) {
    // A spare connection that may never be used is not worth a way, and an answer has to follow a request.
    let mut first = vec![0; CHUNK];
    match local.read(&mut first).await {
        Ok(read @ 1..) => first.truncate(read),
        _ => return,
    }
    let Ok(watched) = twin(&local) else {
        return;
    };
    let near = Near {
        first,
        local: &mut local,
        watched,
    };
    let carried = match &*way {
        #[cfg(feature = "ssh")]
        Way::Ssh(ssh) => ssh.carry(near).await,
        #[cfg(feature = "custom-transport")]
        Way::Dial(dial) => dial.carry(near).await,
    };
    match carried {
        Ok(Carried::Whole) => {}
        // Before this side sees an end.
        Ok(Carried::Broken(why)) => breaks.add(why),
        Err(no_way) => answer(&mut local, no_way).await,
    }
}

/// What became of a connection that got to the daemon.
pub(crate) enum Carried {
    Whole,
    /// It broke off, for this reason.
    Broken(String),
}

/// Something to be done at the same time, until it is done.
pub(crate) type Beside<'a> = Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>;

/// This side of a connection, which has begun to speak.
pub(crate) struct Near<'a> {
    first: Vec<u8>,
    local: &'a mut UnixStream,
    watched: UnixStream,
}

/// How a connection ended.
pub(crate) enum End {
    /// This side closed it before the other did.
    Closed,
    /// The other side did, and had not said anything.
    Silent,
    /// The other side did, or, where there is an error, broke off.
    Complete(Option<io::Error>),
}

impl Near<'_> {
    /// What `work` gives, unless this side is closed first.
    pub(crate) async fn unless_closed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        unless(work, closed(&self.watched)).await
    }

    /// Carries all there is between this side and the other. `turn` is given back when the other side has spoken.
    pub(crate) async fn carry(
        self,
        input: impl AsyncWrite + Unpin,
        output: impl AsyncRead + Unpin,
        turn: Option<OwnedSemaphorePermit>,
        beside: &mut Beside<'_>,
    ) -> End {
        let mut was_heard = false;
        let (from_local, to_local) = self.local.split();
        let mut there = pin!(there(self.first, from_local, input));
        let mut is_going = true;
        let carried = {
            let back = back(output, to_local, &mut was_heard, turn);
            let mut back = pin!(back);
            let mut carrying = pin!(poll_fn(|cx| {
                is_going = is_going && there.as_mut().poll(cx).is_pending();
                if beside
                    .as_mut()
                    .is_some_and(|work| work.as_mut().poll(cx).is_ready())
                {
                    *beside = None;
                }
                back.as_mut().poll(cx)
            }));
            let carried = unless(carrying.as_mut(), closed(&self.watched)).await;
            if carried.is_none() {
                let _ = timeout(GRACE, carrying).await;
            }
            carried
        };
        match (carried, was_heard) {
            (None, _) => End::Closed,
            (Some(_), false) => End::Silent,
            (Some(ended), true) => End::Complete(ended.err()),
        }
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
    mut far: impl AsyncWrite + Unpin,
) {
    let mut read = first.len();
    let mut chunk = first;
    chunk.resize(CHUNK, 0);
    while far.write_all(&chunk[..read]).await.is_ok() && far.flush().await.is_ok() {
        match local.read(&mut chunk).await {
            Ok(more @ 1..) => read = more,
            _ => break,
        }
    }
    let _ = far.shutdown().await;
}

/// Carries what the daemon says. Its end is told to this side when all is known of it, by closing the connection.
async fn back(
    mut far: impl AsyncRead + Unpin,
    mut local: impl AsyncWrite + Unpin,
    was_heard: &mut bool,
    turn: Option<OwnedSemaphorePermit>,
) -> io::Result<()> {
    let mut turn = turn;
    let mut is_wanted = true;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = if turn.is_some() {
            let read = timeout(SETTLED, far.read(&mut chunk)).await;
            turn = None;
            match read {
                Ok(read) => read,
                Err(_) => continue,
            }
        } else {
            far.read(&mut chunk).await
        };
        let read = match read? {
            0 => return Ok(()),
            read => read,
        };
        *was_heard = true;
        // What nobody reads is still taken, as the other way may not have come to its end.
        is_wanted = is_wanted && local.write_all(&chunk[..read]).await.is_ok();
    }
}

/// Answers in the daemon's place.
async fn answer(local: &mut UnixStream, (kind, sentence): NoWay) {
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
pub(crate) fn failure(answer: &Answer) -> Option<Error> {
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
