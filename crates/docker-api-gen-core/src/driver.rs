//! What reads from connections and writes to them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};

/// A connection of hyper's, which has no name once it can be handed over.
pub(crate) type Running = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// Has a connection go on.
///
/// A task does that, so that it is seen when the daemon hangs up, and all is sent that is to be sent. Whoever waits for
/// a piece of a body does it as well: the piece then takes no way through the scheduler, which for logs, with their
/// many small pieces, takes longer than all the rest.
pub(crate) struct Driver(Arc<Mutex<Driven>>);

struct Driven {
    /// None when it has ended.
    connection: Option<Running>,
    /// That of the task.
    waker: Waker,
}

impl Driver {
    /// Has a task of this runtime drive it.
    pub(crate) fn spawn(connection: Running) -> Self {
        let driven = Arc::new(Mutex::new(Driven {
            connection: Some(connection),
            waker: Waker::noop().clone(),
        }));
        tokio::spawn(Task(driven.clone()));
        Self(driven)
    }

    /// Reads and writes what can be. What happens next is told to `cx`, and not to the task until it is given back.
    pub(crate) fn drive(&self, cx: &mut Context<'_>) {
        let _ = locked(&self.0).poll(cx);
    }

    /// Leaves the connection to its task again.
    pub(crate) fn give_back(&self) {
        locked(&self.0).waker.wake_by_ref();
    }

    /// Closes the connection at once.
    pub(crate) fn close(&self) {
        close(&self.0);
        self.give_back();
    }
}

impl Driven {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(connection) = &mut self.connection {
            // What ended it is told to its sender, or to the body of its answer.
            let _ = ready!(connection.as_mut().poll(cx));
            self.connection = None;
        }
        Poll::Ready(())
    }
}

/// Ends with the connection, and the connection with it where its runtime is shut down.
struct Task(Arc<Mutex<Driven>>);

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut driven = locked(&self.0);
        driven.waker.clone_from(cx.waker());
        driven.poll(cx)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        close(&self.0);
    }
}

fn close(driven: &Mutex<Driven>) {
    let connection = locked(driven).connection.take();
    // Unlocked, as the body of its request, which is the caller's, goes with it.
    drop(connection);
}

fn locked(driven: &Mutex<Driven>) -> MutexGuard<'_, Driven> {
    driven.lock().unwrap_or_else(|poisoned| {
        // A connection in which something panicked is of no use.
        let mut driven = poisoned.into_inner();
        driven.connection = None;
        driven
    })
}
