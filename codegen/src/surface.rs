//! What users' code can hold on to in a generated crate: the rules behind it, which [`emit`](crate::emit)
//! follows and [`diff`](crate::diff) compares.

use std::collections::BTreeSet;

use crate::model::{Api, Encoding, Field, Operation, Parameter, Place, Type, Usage};
use crate::names;

/// Whether a field is held as it is, with its default where it was left out, or in an `Option`.
///
/// A list in an answer is bare: daemons send `null`, `[]` and nothing at all for the same thing. What a
/// user may send is optional, because leaving a field out and sending an empty one are two things.
pub(crate) fn is_bare(api: &Api, field: &Field, usage: Usage) -> bool {
    let is_collection = matches!(
        api.resolve(&field.ty),
        Type::List(_) | Type::Map(_) | Type::Set
    );
    match (usage.request, usage.response) {
        (true, true) => false,
        (true, false) => field.required && !field.nullable,
        (false, _) => is_collection || (field.required && !field.nullable),
    }
}

/// Whether a struct can be written with its fields and `..Default::default()`. Users only read what only
/// daemons send, so that struct is `#[non_exhaustive]`.
pub(crate) fn is_literal(usage: Usage) -> bool {
    usage.request
}

/// The Rust names of an object's fields, all different.
pub(crate) fn field_names(fields: &[Field]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    fields
        .iter()
        .map(|field| {
            let mut name = names::field(&field.name);
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            name
        })
        .collect()
}

/// Filters have a type of their own: lists of values by name, as JSON.
pub(crate) fn is_filters(parameter: &Parameter) -> bool {
    parameter.encoding == Encoding::Json
        && parameter.ty == Type::Map(Box::new(Type::List(Box::new(Type::Text))))
}

/// Whether a required parameter is taken as `&str`.
pub(crate) fn is_borrowed_text(api: &Api, parameter: &Parameter) -> bool {
    parameter.place == Place::Path || matches!(api.resolve(&parameter.ty), Type::Text)
}

/// The Rust names that belong to one operation.
pub(crate) struct OperationNames {
    /// `stop`
    pub(crate) method: String,
    /// `Stop`
    pub(crate) request: String,
    /// `StopOptions`
    pub(crate) options: String,
    /// `StopOutcome`
    pub(crate) outcome: String,
    /// `PingHeadHeaders`
    pub(crate) headers: String,
    /// `STOP`
    pub(crate) constant: String,
}

impl OperationNames {
    pub(crate) fn new(operation: &Operation) -> Self {
        let method = names::method(operation);
        let request = names::pascal(&method);
        Self {
            options: format!("{request}Options"),
            outcome: format!("{request}Outcome"),
            headers: format!("{request}Headers"),
            constant: names::constant(&method),
            method,
            request,
        }
    }
}
