//! What podman does not have, and says so.

use docker_api_gen_harness::VERSIONS;
use serde_json::{Value, json};

use super::NOBODY;
use crate::case::{Case, Outcome};
use crate::named::PODMAN_LACKS;

pub(super) async fn lacks(case: &Case<'_>) -> Outcome {
    if !case.facts.is_podman {
        return Ok(());
    }
    let version = case.version.to_string();
    let mut tables = VERSIONS.iter();
    let table = tables.find(|table| table.api == version);
    let operations = table.map_or(&[][..], |table| table.operations);
    for operation in operations {
        if !PODMAN_LACKS.contains(&operation.id) {
            continue;
        }
        let call = operation
            .required
            .iter()
            .fold(case.op(operation.id), |call, key| {
                match key.split_once(':') {
                    Some(("path", name)) => call.path(name, NOBODY),
                    Some((_, name)) => call.query(name, some(name)),
                    None => call,
                }
            });
        // One refusal less is one to be taken off the list, and no reason to stop.
        let _ = call.refused(&[404, 500, 501, 503]).await;
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
