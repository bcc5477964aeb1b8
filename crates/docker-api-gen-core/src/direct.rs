//! HTTP where no TLS is spoken: hyper's connections, and a place for those that no request is on.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, StatusCode};
use http_body::{Body as _, Frame};
use hyper::client::conn::http1;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::body::{Body, Sent};
use crate::connector::{Connector, UnknownName};
use crate::driver::Driver;
use crate::error::Source;
use crate::failure::find;
use crate::headers;
use crate::http_client::{Answer, AnswerBody, NoAnswer, Stage};

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(90);

/// How long a request that has been answered may go on being sent.
const GRACE: Duration = Duration::from_secs(5);

/// How much is read and written at a time, and how long the headers of an answer may be. What is larger than this is
/// allocated from the system anew for each piece of a body, which takes longer than reading it in smaller ones.
const BUFFER: usize = 64 * 1024;

/// A connection, as requests see it.
struct Link {
    sender: http1::SendRequest<Sent>,
    driver: Driver,
}

/// Sends requests over connections that it keeps for later.
pub(crate) struct Direct {
    connector: Connector,
    host: HeaderValue,
    pool: Arc<Pool>,
}

impl Direct {
    pub(crate) fn is_socket(&self) -> bool {
        self.connector.target.is_socket()
    }

    /// One that keeps no more than `spare` connections that nobody uses.
    pub(crate) fn new(connector: Connector, host: HeaderValue, spare: Option<usize>) -> Self {
        let pool = Pool {
            idle: Mutex::default(),
            spare: spare.unwrap_or(usize::MAX),
        };
        Self {
            connector,
            host,
            pool: Arc::new(pool),
        }
    }

    pub(crate) async fn send(&self, request: http::Request<Body>) -> Result<Answer, NoAnswer> {
        let mut request = request.map(Sent);
        if !request.headers().contains_key(HOST) {
            headers::set(request.headers_mut(), HOST, self.host.clone());
        }
        while let Some(mut link) = self.pool.take() {
            request = match link.sender.try_send_request(request).await {
                Ok(answer) => return Ok(self.answer(answer, link)),
                Err(mut failed) => match failed.take_message() {
                    // The daemon hung up before anything was sent.
                    Some(unsent) => unsent,
                    None => return Err(lost(failed.into_error())),
                },
            };
        }
        let mut link = self.connect().await?;
        match link.sender.send_request(request).await {
            Ok(answer) => Ok(self.answer(answer, link)),
            Err(error) => Err(lost(error)),
        }
    }

    async fn connect(&self) -> Result<Link, NoAnswer> {
        let io = self.connector.connect().await.map_err(unconnected)?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(io)
            .await
            .map_err(lost)?;
        // It ends when nobody has its sender or an answer's body any more.
        let driver = Driver::spawn(Box::pin(connection.with_upgrades()));
        Ok(Link { sender, driver })
    }

    fn answer(&self, answer: http::Response<hyper::body::Incoming>, link: Link) -> Answer {
        let lease = Lease {
            link,
            pool: self.pool.clone(),
        };
        // A connection that is handed over is nobody else's any more.
        let lease = (answer.status() != StatusCode::SWITCHING_PROTOCOLS).then_some(lease);
        answer.map(|body| {
            let mut body = Incoming {
                body,
                lease,
                is_driven: false,
            };
            if body.body.is_end_stream() {
                body.end();
            }
            AnswerBody::Direct(body)
        })
    }
}

fn lost(error: hyper::Error) -> NoAnswer {
    NoAnswer {
        error: error.into(),
        stage: Stage::Sending,
    }
}

fn unconnected(error: Source) -> NoAnswer {
    let is_late = |error: &std::io::Error| error.kind() == std::io::ErrorKind::TimedOut;
    let stage = if find::<UnknownName>(&*error).is_some() {
        Stage::Resolving
    } else if find(&*error).is_some_and(is_late) {
        Stage::LateConnecting
    } else {
        Stage::Connecting
    };
    NoAnswer { error, stage }
}

/// The body of an answer. Its connection is free again when it has ended; dropped before that, it ends the connection.
pub(crate) struct Incoming {
    body: hyper::body::Incoming,
    lease: Option<Lease>,
    /// The connection goes on with whoever reads this.
    is_driven: bool,
}

impl Incoming {
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Source>>> {
        let Some(lease) = &self.lease else {
            let frame = Pin::new(&mut self.body).poll_frame(cx);
            return frame.map_err(Source::from);
        };
        // For what is at hand, nobody has to be told of what comes then: that takes longer than a small piece itself.
        let mut frame = Poll::Pending;
        for cx in [&mut Context::from_waker(Waker::noop()), cx] {
            if self.is_driven {
                lease.link.driver.drive(cx);
            }
            // From the first time on that it is asked for more.
            self.is_driven = true;
            frame = Pin::new(&mut self.body).poll_frame(cx);
            if frame.is_ready() {
                break;
            }
        }
        let frame = ready!(frame);
        match &frame {
            Some(Ok(_)) => {}
            Some(Err(_)) => self.close(),
            None => self.end(),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Source::from)))
    }

    fn end(&mut self) {
        if let Some(Lease { link, pool }) = self.lease.take() {
            if self.is_driven {
                link.driver.give_back();
            }
            pool.keep(link);
        }
    }

    fn close(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.link.driver.close();
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.close();
    }
}

/// A connection that is to come back to the pool.
struct Lease {
    link: Link,
    pool: Arc<Pool>,
}

/// Connections that no request is on.
struct Pool {
    idle: Mutex<Idle>,
    /// How many there are at most.
    spare: usize,
}

#[derive(Default)]
struct Idle {
    /// Each with when it came, the last one last.
    connections: Vec<(Link, Instant)>,
    /// Closes those that were not used for long.
    sweeper: Option<JoinHandle<()>>,
}

impl Pool {
    /// The one that was used last, which is the least likely to have been closed.
    fn take(&self) -> Option<Link> {
        let mut idle = self.idle();
        while let Some((link, since)) = idle.connections.pop() {
            if !link.sender.is_closed() && since.elapsed() < IDLE {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection whose answer has ended, as soon as its request has, too. One whose request goes on is closed.
    fn keep(self: &Arc<Self>, mut link: Link) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if link.sender.is_ready() {
            self.add(link, &runtime);
            return;
        }
        let pool = Arc::downgrade(self);
        runtime.spawn(async move {
            match tokio::time::timeout(GRACE, link.sender.ready()).await {
                Err(_) => link.driver.close(),
                Ok(Err(_)) => {}
                Ok(Ok(())) => {
                    if let Some(pool) = pool.upgrade() {
                        pool.add(link, &Handle::current());
                    }
                }
            }
        });
    }

    fn add(self: &Arc<Self>, link: Link, runtime: &Handle) {
        let mut idle = self.idle();
        if idle.connections.len() >= self.spare {
            return;
        }
        idle.connections.push((link, Instant::now()));
        // That of a runtime that is gone has ended with it.
        if idle.sweeper.as_ref().is_none_or(JoinHandle::is_finished) {
            idle.sweeper = Some(runtime.spawn(sweep(Arc::downgrade(self))));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // A panic here leaves nothing half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(sweeper) = self.idle().sweeper.take() {
            sweeper.abort();
        }
    }
}

/// Closes connections that nobody has used for long, until there are none.
async fn sweep(pool: Weak<Pool>) {
    let mut next = Instant::now() + IDLE;
    loop {
        tokio::time::sleep_until(next).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle();
        let now = Instant::now();
        idle.connections
            .retain(|(link, since)| !link.sender.is_closed() && *since + IDLE > now);
        match idle.connections.first() {
            Some((_, since)) => next = *since + IDLE,
            None => {
                idle.sweeper = None;
                return;
            }
        }
    }
}
