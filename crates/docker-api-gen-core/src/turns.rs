//! One attempt at a time, and everybody who waits for it shares how it ends.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::Error;
use crate::origin::Origin;

/// Attempts at something that needs to be done once.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Attempts>);

#[derive(Default)]
struct Attempts {
    /// One is under way.
    busy: bool,
    /// Who waits for it to end.
    waiting: Vec<Waker>,
    ended: u64,
    /// How the last one failed, if it did.
    last: Option<Error>,
}

/// The time in which nobody else makes an attempt.
pub(crate) struct Turn<'t>(&'t Turns);

impl Turns {
    /// Waits for the caller's turn; none is needed if the thing `is_done` by then.
    ///
    /// # Errors
    ///
    /// How somebody else's attempt failed that ended meanwhile.
    pub(crate) async fn next(
        &self,
        is_done: &(dyn Fn() -> bool + Sync),
        origin: &Origin,
    ) -> Result<Option<Turn<'_>>, Error> {
        let before = self.attempts().ended;
        let turn = poll_fn(|cx| self.poll_turn(cx)).await;
        if is_done() {
            return Ok(None);
        }
        let failure = match &*self.attempts() {
            Attempts { ended, last, .. } if *ended != before => {
                last.as_ref().map(|error| error.again(origin))
            }
            _ => None,
        };
        match failure {
            Some(error) => Err(error),
            None => Ok(Some(turn)),
        }
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_turn(&self, cx: &Context<'_>) -> Poll<Turn<'_>> {
        let mut attempts = self.attempts();
        if attempts.busy {
            let waiting = &mut attempts.waiting;
            if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        attempts.busy = true;
        Poll::Ready(Turn(self))
    }
}

impl Turn<'_> {
    /// The attempt is over. One that is only dropped was given up, and says nothing to those who wait.
    pub(crate) fn end(self, failure: Option<Error>) {
        let mut attempts = self.0.attempts();
        attempts.ended += 1;
        attempts.last = failure;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut attempts = self.0.attempts();
        attempts.busy = false;
        let waiting = std::mem::take(&mut attempts.waiting);
        drop(attempts);
        waiting.into_iter().for_each(Waker::wake);
    }
}
