//! Proof that the end of a stream is the program's own.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Method};

use crate::body::Body;
#[cfg(all(feature = "bridge", unix))]
use crate::bridge::Breaks;
use crate::call::Sending;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::exchange::exchange;
use crate::origin::Origin;
use crate::request::Request;

/// Tells the end of a program's output from the end of its daemon.
///
/// On a connection that was taken over both look the same: nothing more comes. A daemon that still answers is not the
/// reason.
pub(crate) struct Proof {
    connection: Connection,
    path: String,
    /// How often a connection had broken off before.
    #[cfg(all(feature = "bridge", unix))]
    breaks: u64,
    /// Never locked, only reached through `&mut`: that lets the streams be shared between threads.
    asking: Mutex<Option<Sending<'static, ()>>>,
}

impl Proof {
    /// Asks for `path`; any answer to it will do.
    pub(crate) fn new(connection: Connection, path: String) -> Self {
        Self {
            #[cfg(all(feature = "bridge", unix))]
            breaks: connection.breaks().map_or(0, Breaks::count),
            connection,
            path,
            asking: Mutex::new(None),
        }
    }

    /// Whether `error` may be how a connection ends that has another side which did not read all that was written: a
    /// program need not read its input. Whether it is the end is to be proven like any other.
    ///
    /// On a socket of this machine, what was sent before has been read by then. From a network it may be lost.
    pub(crate) fn may_be_end(slot: Option<&Self>, error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::ConnectionReset
            && slot.is_some_and(|proof| proof.connection.http().is_socket())
    }

    /// Whether the daemon is still there; asked once.
    pub(crate) fn poll(
        slot: &mut Option<Self>,
        cx: &mut Context<'_>,
        origin: &Origin,
    ) -> Poll<Result<(), Error>> {
        let Some(proof) = slot else {
            return Poll::Ready(Ok(()));
        };
        #[cfg(all(feature = "bridge", unix))]
        if let Some(why) = proof.break_off() {
            let sentence = format!("the connection broke off, there may be more output: {why}");
            return Poll::Ready(Err(Error::new(ErrorKind::Interrupted, sentence).at(origin)));
        }
        let asking = proof
            .asking
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let asking = asking.get_or_insert_with(|| {
            ask(
                proof.connection.clone(),
                std::mem::take(&mut proof.path),
                origin.clone(),
            )
        });
        let answer = ready!(asking.as_mut().poll(cx));
        *slot = None;
        Poll::Ready(answer.map_err(|error| {
            let sentence =
                "the connection ended, and the daemon no longer answers: there may be more output";
            Error::new(ErrorKind::Interrupted, sentence)
                .at(origin)
                .with_source(error)
        }))
    }
}

#[cfg(all(feature = "bridge", unix))]
impl Proof {
    /// Why the connection broke off, or another one beside it.
    fn break_off(&self) -> Option<String> {
        self.connection.breaks()?.since(self.breaks)
    }
}

fn ask(connection: Connection, path: String, origin: Origin) -> Sending<'static, ()> {
    let request = Request {
        method: Method::GET,
        path_and_query: path,
        headers: HeaderMap::new(),
        body: Body::empty(),
    };
    Box::pin(async move {
        let limits = connection.limits();
        exchange(&connection, request, limits, &origin)
            .await
            .map(drop)
    })
}
