//! How long things may take.

use std::time::Duration;

/// How long a daemon may take; `None` is as long as it likes.
///
/// | operations | connecting | until the answer begins | silence inside the answer |
/// | --- | --- | --- | --- |
/// | all but those below | 10 s | 60 s | 60 s |
/// | waiting: `containers.wait`, `containers.stop`, `containers.restart` | 10 s | no limit | no limit |
/// | streaming: `containers.attach`, `containers.attach_websocket`, `containers.logs`, `containers.stats`, `exec.start`, `services.logs`, `session.start`, `system.events`, `tasks.logs` | 10 s | no limit | no limit |
/// | building and moving data: `containers.archive`, `containers.checkpoint_create`, `containers.export`, `containers.put_archive`, `images.build`, `images.commit`, `images.create`, `images.load`, `images.push`, `images.save`, `images.save_all`, `plugins.create`, `plugins.pull`, `plugins.push`, `plugins.upgrade` | 10 s | no limit | no limit |
/// | tidying up: `containers.prune`, `images.build_prune`, `images.prune`, `networks.prune`, `volumes.prune` | 10 s | no limit | no limit |
///
/// Nothing limits how long an answer may take as a whole, as long as it goes on: for that there is
/// [`tokio::time::timeout`], which ends the request when it fires, as dropping any future or stream does.
///
/// Connecting includes what TLS takes. For ssh it is the time in which `ssh` has to reach the other side. The limit on
/// the beginning of an answer includes connecting and sending the request with its body.
///
/// A credential helper that is asked before a request has a minute, or the request's limit until the answer begins if that
/// is less.
///
/// A connection's limits are set by [`ConnectionBuilder::limits`](crate::ConnectionBuilder::limits), those of one call
/// by `with_timeout` and `with_idle_timeout` of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until there is a connection.
    pub connect: Option<Duration>,
    /// Until the headers of the answer are there, for operations that have such a limit.
    pub headers: Option<Duration>,
    /// Between two pieces of the answer's body, for operations that have such a limit.
    pub idle: Option<Duration>,
}

impl Limits {
    /// No limit at all.
    pub const NONE: Self = Self {
        connect: None,
        headers: None,
        idle: None,
    };

    /// The limits of an operation.
    pub(crate) fn of(self, unbounded: bool) -> Self {
        if unbounded {
            Self {
                headers: None,
                idle: None,
                ..self
            }
        } else {
            self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(10)),
            headers: Some(Duration::from_secs(60)),
            idle: Some(Duration::from_secs(60)),
        }
    }
}
