//! Connections without TLS.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::error::Source;

/// How long the other side of a TCP connection may be gone before that is asked about.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// How long an address of a host may be silent before the next one is tried beside it, as RFC 8305 has it.
const HEAD_START: Duration = Duration::from_millis(250);

/// Where connections go.
pub(crate) enum Target {
    #[cfg(unix)]
    Unix(std::path::PathBuf),
    #[cfg(windows)]
    Pipe(String),
    Tcp {
        host: String,
        port: u16,
    },
}

impl Target {
    pub(crate) fn is_socket(&self) -> bool {
        match self {
            #[cfg(unix)]
            Target::Unix(_) => true,
            #[cfg(windows)]
            Target::Pipe(_) => false,
            Target::Tcp { .. } => false,
        }
    }
}

/// Makes connections within `limit`.
pub(crate) struct Connector {
    pub(crate) target: Target,
    pub(crate) limit: Option<Duration>,
}

impl Connector {
    pub(crate) async fn connect(&self) -> Result<Io, Source> {
        match self.limit {
            None => self.open().await,
            Some(limit) => match timeout(limit, self.open()).await {
                Ok(connected) => connected,
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            },
        }
    }

    async fn open(&self) -> Result<Io, Source> {
        match &self.target {
            #[cfg(unix)]
            Target::Unix(path) => Ok(io(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(windows)]
            Target::Pipe(path) => Ok(io(crate::pipe::open(path, self.limit).await?)),
            Target::Tcp { host, port } => {
                let found = lookup_host((host.as_str(), *port)).await;
                let stream = reach(found.map_err(UnknownName)?).await?;
                // A system that cannot do these is no reason not to talk.
                let _ = stream.set_nodelay(true);
                let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
                let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
                Ok(io(stream))
            }
        }
    }
}

/// Connects to whichever of a host's addresses answers first. Those of both families take turns, so that one family
/// that leads nowhere does not keep the other one waiting.
async fn reach(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = JoinSet::new();
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let mut addresses = take_turns(addresses.collect()).into_iter();
    loop {
        let attempt = match addresses.next() {
            Some(address) => {
                attempts.spawn(TcpStream::connect(address));
                match timeout(HEAD_START, attempts.join_next()).await {
                    Ok(attempt) => attempt,
                    Err(_) => continue,
                }
            }
            None => attempts.join_next().await,
        };
        match attempt {
            None => return Err(failed),
            Some(attempt) => match attempt? {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            },
        }
    }
}

/// One address of each family after the other, beginning with the first.
fn take_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_first = addresses.first().map(SocketAddr::is_ipv6);
    let (mut turns, others): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| Some(address.is_ipv6()) == is_first);
    for (turn, address) in others.into_iter().enumerate() {
        turns.insert((2 * turn + 1).min(turns.len()), address);
    }
    turns
}

/// A connection.
pub(crate) type Io = Box<dyn Duplex>;

/// Both ways.
pub(crate) trait Duplex: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Duplex for T {}

fn io<T>(stream: T) -> Io
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    Box::new(TokioIo::new(stream))
}

/// There is no address to a name.
#[derive(Debug)]
pub(crate) struct UnknownName(io::Error);

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for UnknownName {}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use socket2::{Domain, Socket, Type};

    use super::*;

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn refusing() -> SocketAddr {
        listener().1
    }

    #[tokio::test]
    async fn the_first_address_that_answers_is_taken() {
        let (_listener, good) = listener();
        let stream = reach([refusing(), good].into_iter()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        let error = reach([refusing(), refusing()].into_iter()).await;
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let error = reach(std::iter::empty()).await;
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn families_take_turns() {
        let addresses = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|text| text.parse().unwrap()).collect()
        };
        let given = addresses(&[
            "[::1]:1",
            "[::2]:1",
            "[::3]:1",
            "127.0.0.1:1",
            "127.0.0.2:1",
        ]);
        let turns = addresses(&[
            "[::1]:1",
            "127.0.0.1:1",
            "[::2]:1",
            "127.0.0.2:1",
            "[::3]:1",
        ]);
        assert_eq!(take_turns(given), turns);
        let given = addresses(&["127.0.0.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(take_turns(given.clone()), given);
    }

    /// Linux answers nobody once the queue of a listener is full.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_is_silent_does_not_keep_others_waiting() {
        let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        silent
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        silent.listen(0).unwrap();
        let address = silent.local_addr().unwrap().as_socket().unwrap();
        let mut queue = Vec::new();
        let moment = Duration::from_millis(200);
        while let Ok(stream) = timeout(moment, TcpStream::connect(address)).await {
            queue.push(stream.unwrap());
        }
        let (_listener, good) = listener();
        let stream = reach([address, refusing(), good].into_iter()).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), good);
    }
}
