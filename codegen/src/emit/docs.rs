//! The facts in the documentation of generated items.

use serde_json::Value;

use super::Context;
use crate::history::Span;
use crate::model::{Field, Operation, Parameter, TypeId};
use crate::version::Version;

impl Context<'_> {
    /// `GET /containers/json` · API 1.24 – 1.55
    pub(super) fn endpoint(&self, operation: &Operation) -> String {
        let endpoint = format!("`{}`", endpoint(operation));
        match self.history.operation(operation) {
            Some(Span { since, until }) => format!("{endpoint} · API {since} – {until}"),
            None => endpoint,
        }
    }

    pub(super) fn parameter(&self, operation: &Operation, parameter: &Parameter) -> String {
        let span = self.history.parameter(operation, parameter);
        let operation = self.history.operation(operation);
        // What came and goes with its operation needs no word.
        let span = span.filter(|span| Some(*span) != operation);
        self.facts(
            &format!("`{}`", parameter.name),
            span,
            parameter.default.as_ref(),
        )
    }

    pub(super) fn field(&self, id: TypeId, field: &Field) -> String {
        let span = self.history.field(&self.places[id.0], &field.name);
        self.facts(&format!("`{}`", field.name), span, field.default.as_ref())
    }

    pub(super) fn value(&self, id: TypeId, value: &str) -> String {
        let shown = if value.is_empty() {
            "The empty text".to_owned()
        } else {
            format!("`{value}`")
        };
        self.facts(&shown, self.history.value(&self.places[id.0], value), None)
    }

    /// The release that brought a version: ` (Docker 23.0)`.
    pub(super) fn release(&self, version: Version) -> String {
        match self.versions.get(version) {
            Some(row) => format!(" ({})", row.release()),
            None => String::new(),
        }
    }

    fn facts(&self, name: &str, span: Option<Span>, default: Option<&Value>) -> String {
        let mut text = format!(" {name}");
        if let Some(Span { since, until }) = span {
            if since > self.history.oldest() {
                text.push_str(&format!(", since {since}{}", self.release(since)));
            }
            if until < self.history.newest() {
                text.push_str(&format!(", until {until}{}", self.release(until)));
            }
        }
        text.push('.');
        if let Some(default) = default.filter(|default| says_something(default)) {
            text.push_str(&format!(" Default: `{default}`."));
        }
        text
    }
}

/// `GET /containers/json`
pub(super) fn endpoint(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

fn says_something(default: &Value) -> bool {
    !matches!(default, Value::Null) && *default != Value::String(String::new())
}
