//! What podman does not have, and says so.

use serde_json::{Value, json};

use super::NOBODY;
use crate::ask::UNSENT;
use crate::case::{Case, Outcome};
use crate::named::PODMAN_LACKS;

pub(super) async fn lacks(case: &Case<'_>) -> Outcome {
    if !case.facts.is_podman {
        return Ok(());
    }
    for operation in PODMAN_LACKS {
        if !case.has(operation) {
            continue;
        }
        let required = case.client.required(operation);
        let call = required
            .iter()
            .fold(case.op(operation), |call, (place, name)| match *place {
                "path" => call.path(name, NOBODY),
                _ => call.query(name, some(name)),
            });
        // One refusal less is one to be taken off the list, and no reason to stop.
        let _ = call.refused(&[404, 500, 501, 503, UNSENT]).await;
    }
    Ok(())
}

/// A value that the parameter can have.
fn some(parameter: &str) -> Value {
    match parameter {
        "version" | "timeout" | "h" | "w" => json!(1),
        _ => json!(NOBODY),
    }
}
