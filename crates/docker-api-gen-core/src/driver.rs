//! What reads from connections and writes to them.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker, ready};

/// A connection of hyper's, which has no name once it can be handed over.
pub(crate) type Running = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// Has a connection go on.
///
/// A task does that, so that it is seen when the daemon hangs up, and all is sent that is to be sent. Whoever waits for
/// a piece of a body does it as well: the piece then takes no way through the scheduler, which for logs, with their
/// many small pieces, takes longer than all the rest.
pub(crate) struct Driver(Arc<Driven>);

struct Driven {
    /// None when it has ended. It is locked for the length of one poll.
    connection: Mutex<Option<Running>>,
    /// That of the task.
    waker: Mutex<Waker>,
    /// It is to end.
    is_closed: AtomicBool,
}

impl Driver {
    /// Has a task of this runtime drive it.
    pub(crate) fn spawn(connection: Running) -> Self {
        let driven = Arc::new(Driven {
            connection: Mutex::new(Some(connection)),
            waker: Mutex::new(Waker::noop().clone()),
            is_closed: AtomicBool::new(false),
        });
        tokio::spawn(Task(driven.clone()));
        Self(driven)
    }

    /// Reads and writes what can be. What happens next is told to `cx`, and not to the task until it is given back.
    pub(crate) fn drive(&self, cx: &mut Context<'_>) {
        // Somebody else may be at it: the task, or this very thread, where the body of the request wants the answer.
        if let Some(mut connection) = self.0.try_lock() {
            let _ = self.0.poll(&mut connection, cx);
        }
    }

    /// Leaves the connection to its task again.
    pub(crate) fn give_back(&self) {
        self.0.wake();
    }

    /// Closes the connection at once.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

impl Driven {
    fn poll(&self, connection: &mut Option<Running>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_closed.load(Ordering::Acquire) {
            *connection = None;
        }
        if let Some(running) = connection {
            // What ended it is told to its sender, or to the body of its answer.
            let _ = ready!(running.as_mut().poll(cx));
            *connection = None;
        }
        Poll::Ready(())
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        let connection = self.try_lock().and_then(|mut connection| connection.take());
        // Unlocked, as the body of its request, which is the caller's, goes with it.
        drop(connection);
        // To close it if somebody is at it right now, and to end.
        self.wake();
    }

    fn wake(&self) {
        // Unlocked, as whatever it wakes is not ours.
        let waker = self.waker().clone();
        waker.wake();
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<Running>>> {
        match self.connection.try_lock() {
            Ok(connection) => Some(connection),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Poisoned(poisoned)) => Some(unusable(poisoned)),
        }
    }

    fn waker(&self) -> MutexGuard<'_, Waker> {
        // A waker that panics has been put away whole.
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends with the connection, and the connection with it where its runtime is shut down.
struct Task(Arc<Driven>);

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.waker().clone_from(cx.waker());
        let mut connection = self.0.connection.lock().unwrap_or_else(unusable);
        self.0.poll(&mut connection, cx)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A connection in which something panicked.
fn unusable<'d>(
    poisoned: PoisonError<MutexGuard<'d, Option<Running>>>,
) -> MutexGuard<'d, Option<Running>> {
    let mut connection = poisoned.into_inner();
    *connection = None;
    connection
}
