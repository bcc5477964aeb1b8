//! A document in the shape that progenitor needs.
//!
//! It takes one kind of success and one of failure, no parameter whose value is JSON, and no stream of JSON
//! documents. Nothing is changed by name here: each rule follows from what a document says, and what a rule
//! takes out of progenitor's sight is put back as a definition of its own, to be compared nevertheless.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::source::Api;

/// A document, and where what it says of JSON inside of parameters and streams stands now.
pub(crate) struct Adapted {
    pub(crate) document: Value,
    pub(crate) lifted: Lifted,
}

/// By endpoint and by parameter, or by [`ITEM`], the definition that the schema was made.
pub(crate) type Lifted = BTreeMap<(String, String), String>;

/// One of the documents that make up an answer.
pub(crate) const ITEM: &str = "item";

pub(crate) fn adapt(mut document: Value) -> Adapted {
    let mut lifted = Lifted::new();
    let mut definitions = Map::new();
    let mut lift = |endpoint: &str, what: String, schema: Value| {
        let name = format!("Lifted{}", lifted.len());
        lifted.insert((endpoint.to_owned(), what), name.clone());
        definitions.insert(name, schema);
    };
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let endpoint = Api::endpoint(method, path);
            let parameters = operation.get_mut("parameters");
            for parameter in parameters
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if let Some(schema) = json_value(parameter) {
                    lift(&endpoint, key(parameter), schema);
                    if let Some(parameter) = parameter.as_object_mut() {
                        parameter.remove("content");
                        parameter.insert("schema".to_owned(), json!({ "type": "string" }));
                    }
                }
            }
            if let Some(item) = operation["x-response"].get("item") {
                lift(&endpoint, ITEM.to_owned(), item.clone());
            }
            responses(operation);
            request_body(operation);
        }
    }
    if let Some(all) = document["components"]["schemas"].as_object_mut() {
        all.extend(definitions);
    }
    Adapted { document, lifted }
}

/// The schema of a parameter that is JSON, as a whole or in each of its items.
fn json_value(parameter: &Value) -> Option<Value> {
    let whole = parameter.pointer("/content/application~1json/schema");
    let items = parameter.pointer("/schema/items/x-json");
    whole
        .cloned()
        .or(items.map(|items| json!({ "type": "array", "items": items })))
}

/// `query:signal`
fn key(parameter: &Value) -> String {
    let text = |key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
    format!("{}:{}", text("in"), text("name"))
}

/// One success and one kind of failure.
fn responses(operation: &mut Value) {
    let Some(responses) = operation["responses"].as_object() else {
        return;
    };
    let empty = json!({ "description": "" });
    let octets = json!({ "type": "string", "format": "binary" });
    let stream = json!({
        "description": "",
        "content": { "application/octet-stream": { "schema": octets } }
    });
    let with_json = responses.iter().find(|(status, response)| {
        status.starts_with('2') && response.pointer("/content/application~1json").is_some()
    });
    let any = responses.iter().find(|(status, _)| status.starts_with('2'));
    let status = any.map_or("200", |(status, _)| status.as_str());
    let (status, success) = match operation["x-response"]["kind"].as_str() {
        Some("json") => match with_json {
            Some((status, response)) => (status.as_str(), response.clone()),
            None => (status, empty),
        },
        Some("unit" | "head" | "upgrade") => (status, empty),
        _ => (status, stream),
    };
    let failure = responses
        .iter()
        .find(|(status, response)| *status >= &"4".to_owned() && response.get("content").is_some())
        .map(|(_, response)| response.clone());
    let mut adapted = Map::new();
    adapted.insert(status.to_owned(), success);
    if let Some(failure) = failure {
        adapted.insert("4XX".to_owned(), failure.clone());
        adapted.insert("5XX".to_owned(), failure);
    }
    operation["responses"] = adapted.into();
}

/// Octets of whatever kind are octets.
fn request_body(operation: &mut Value) {
    let Some(content) = operation.pointer_mut("/requestBody/content") else {
        return;
    };
    let octets = content
        .as_object()
        .and_then(|content| content.values().next())
        .filter(|content| content["schema"]["format"] == "binary")
        .cloned();
    if let Some(octets) = octets {
        *content = json!({ "application/octet-stream": octets });
    }
}
