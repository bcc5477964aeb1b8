//! What those who watch with `tracing` see.
//!
//! Nothing of bodies, headers, queries or names is in it: any of them can be secret.

use std::sync::Arc;
use std::time::Instant;

use tracing::field::{self, Empty};
use tracing::{Instrument as _, Span};

use crate::call::Sending;
use crate::error::{Error, ErrorKind};
use crate::http_client::Answer;
use crate::origin::Origin;
use crate::unsupported::Change;

const TARGET: &str = "docker_api_gen";

/// A span that ends when nobody needs it any more.
struct Watch {
    span: Span,
    start: Instant,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let duration = self.start.elapsed().as_secs_f64() * 1000.0;
        self.span.record("duration_ms", duration);
    }
}

/// Gives a request its span, which its answer takes along for [`failed`].
pub(crate) fn watch<'a>(sending: Sending<'a, Answer>, origin: &Origin) -> Sending<'a, Answer> {
    let span = tracing::debug_span!(
        target: TARGET,
        "docker request",
        operation = origin.operation.name,
        api_version = field::display(origin.version),
        status = Empty,
        error = Empty,
        duration_ms = Empty,
    );
    if span.is_disabled() {
        return sending;
    }
    let watch = Arc::new(Watch {
        span: span.clone(),
        start: Instant::now(),
    });
    let watched = async move {
        let mut answer = sending.await;
        match &mut answer {
            Ok(answer) => {
                watch.span.record("status", answer.status().as_u16());
                answer.extensions_mut().insert(watch);
            }
            Err(error) => record(&watch.span, error.kind()),
        }
        answer
    };
    Box::pin(watched.instrument(span))
}

/// Says in the span of an answer that it is none.
pub(crate) fn failed(extensions: &http::Extensions, error: &Error) {
    if let Some(watch) = extensions.get::<Arc<Watch>>() {
        record(&watch.span, error.kind());
    }
}

fn record(span: &Span, kind: ErrorKind) {
    span.record("error", field::debug(kind));
}

/// Tells of credentials that are left out because their helper failed.
pub(crate) fn passed_over(error: &Error) {
    tracing::warn!(target: TARGET, "credentials are left out: {error}");
}

/// Tells of what a request could not say in the version spoken.
pub(crate) fn changed(change: &Change, origin: &Origin) {
    let Change { what, renamed } = change;
    let (name, version) = (origin.operation.name, origin.version);
    match renamed {
        Some(renamed) => {
            tracing::debug!(target: TARGET, "{name}: {what} is called {renamed} in API {version}");
        }
        None => {
            tracing::warn!(target: TARGET, "{name}: {what} is left out, API {version} does not have it")
        }
    }
}
