//! The last look at a document before it is written: what it says has to hold together.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::document::Document;
use crate::error::Error;
use crate::pointer::At;

/// Adds what follows from the rest, how each operation answers, and refuses a document that contradicts itself.
pub fn finish(document: &mut Document) -> Result<(), Error> {
    let version = document.version;
    operations(document)
        .and_then(|()| schemas(document))
        .map_err(|error| error.in_version(version))?;
    document.tidy();
    serde_json::from_value::<openapiv3::OpenAPI>(document.root.clone()).map_err(|error| {
        Error::new("#", format!("is no OpenAPI document: {error}")).in_version(version)
    })?;
    Ok(())
}

fn operations(document: &mut Document) -> Result<(), Error> {
    let mut ids = BTreeSet::new();
    let root = At::Root;
    let paths = root.key("paths");
    for (path, method, operation) in document.operations_mut() {
        let at = paths.key(path);
        let at = at.key(method);
        let wrong = |message: String| Err(Error::new(at.to_string(), message));
        const KNOWN: &[&str] = &[
            "operationId",
            "tags",
            "parameters",
            "requestBody",
            "responses",
            "x-response",
            "x-outcomes",
            "x-tty",
            "x-unbounded",
            "x-behaviour",
            "x-defaults",
            "x-since",
            "x-until",
        ];
        if let Some(key) = operation.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            return wrong(format!("`{key}` is not a key of an operation"));
        }
        let id = operation
            .get("operationId")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if id.is_empty() || !ids.insert(id.clone()) {
            return wrong(format!("its operationId `{id}` is empty or taken"));
        }
        match operation
            .get("tags")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
        {
            Some([Value::String(_)]) => {}
            _ => return wrong(format!("{id} needs one tag")),
        }

        let declared: BTreeSet<&str> = operation
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let template: BTreeSet<&str> = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        if declared != template {
            return wrong(format!(
                "{id} declares the path parameters {declared:?} for this path"
            ));
        }

        let response = match operation.get("x-response") {
            Some(response) => response.clone(),
            None => match kind(method, operation) {
                Ok(kind) => json!({"kind": kind}),
                Err(message) => return wrong(format!("{id} {message}")),
            },
        };
        let item = response.get("item").is_some();
        match response["kind"].as_str() {
            Some("json-lines") if item => {}
            Some("json" | "unit" | "text" | "bytes" | "log-frames" | "upgrade" | "head")
                if !item => {}
            _ => return wrong(format!("{id} cannot answer as {response}")),
        }
        // The descriptions are silent about what many streams consist of.
        if let Some(item) = response.get("item")
            && let Some(Value::Object(responses)) = operation.get_mut("responses")
            && let Some(success) = responses.get_mut("200").and_then(Value::as_object_mut)
        {
            success
                .entry("content")
                .or_insert_with(|| json!({"application/json": {"schema": item}}));
        }
        operation.insert("x-response".into(), response);
    }
    Ok(())
}

/// How an operation answers, where the media type says it.
fn kind(method: &str, operation: &Map<String, Value>) -> Result<&'static str, String> {
    if method == "head" {
        return Ok("head");
    }
    let responses = operation
        .get("responses")
        .and_then(Value::as_object)
        .ok_or("has no responses")?;
    if responses.contains_key("101") {
        return Err("answers 101, and no correction says how to read it".into());
    }
    let mut success = responses
        .iter()
        .filter(|(status, _)| status.starts_with('2'))
        .peekable();
    if success.peek().is_none() {
        return Err("never succeeds".into());
    }
    let Some(content) = success.find_map(|(_, response)| response.get("content")?.as_object())
    else {
        return Ok("unit");
    };
    let media_types: Vec<_> = content.keys().map(String::as_str).collect();
    match media_types[..] {
        ["application/json"] => Ok("json"),
        ["text/plain"] => Ok("text"),
        ["application/x-tar" | "application/octet-stream"] => Ok("bytes"),
        _ => Err(format!(
            "answers with {}, and no correction says how to read it",
            media_types.join(" or ")
        )),
    }
}

fn schemas(document: &mut Document) -> Result<(), Error> {
    const KNOWN: &[&str] = &[
        "$ref",
        "allOf",
        "oneOf",
        "type",
        "format",
        "nullable",
        "enum",
        "default",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "required",
        "properties",
        "items",
        "additionalProperties",
        "x-set",
        "x-secret",
        "x-aliases",
        "x-json",
        "x-since",
        "x-until",
    ];
    let names: BTreeSet<String> = document
        .root
        .pointer("/components/schemas")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|schemas| schemas.keys().cloned())
        .collect();
    document.visit_schemas_mut(&mut |schema, at| {
        let wrong = |message: String| Err(Error::new(at.to_string(), message));
        if let Some(key) = schema.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            return wrong(format!("`{key}` is not a key of a schema"));
        }
        let kind = match schema.get("type") {
            Some(kind) => kind.as_str().unwrap_or_default(),
            None => "any",
        };
        if !matches!(
            kind,
            "any" | "object" | "array" | "string" | "integer" | "number" | "boolean"
        ) {
            return wrong(format!("{} is no type", schema["type"]));
        }
        if schema.contains_key("items") != (kind == "array") {
            return wrong(format!("items belong to an array, and its type is {kind}"));
        }
        for key in ["properties", "additionalProperties", "required"] {
            if schema.contains_key(key) && kind != "object" {
                return wrong(format!(
                    "`{key}` belongs to an object, and its type is {kind}"
                ));
            }
        }
        if let Some(target) = schema.get("$ref") {
            let name = target
                .as_str()
                .and_then(|target| target.strip_prefix("#/components/schemas/"));
            if !name.is_some_and(|name| names.contains(name)) {
                return wrong(format!("{target} is nowhere in the document"));
            }
            if schema.len() > 1 {
                return wrong("OpenAPI allows nothing beside `$ref`".into());
            }
        }
        if let Some(required) = schema.get("required").and_then(Value::as_array) {
            let missing = required.iter().find(|name| {
                schema
                    .get("properties")
                    .is_none_or(|all| all.get(name.as_str().unwrap_or("")).is_none())
            });
            if let Some(missing) = missing {
                return wrong(format!("requires {missing}, which is no property of it"));
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;

    fn document(operation: Value, schemas: Value) -> Document {
        let root = json!({
            "openapi": "3.0.3",
            "info": {"title": "t", "version": "1.41"},
            "paths": {"/a": {"get": operation}},
            "components": {"schemas": schemas},
        });
        Document {
            version: Version::new(1, 41),
            root,
        }
    }

    fn operation(success: Value) -> Value {
        json!({"operationId": "A", "tags": ["T"], "responses": success})
    }

    fn kind(operation: Value) -> Result<Value, String> {
        let mut document = document(operation, json!({"S": {"type": "object"}}));
        finish(&mut document).map_err(|error| error.to_string())?;
        Ok(document.root["paths"]["/a"]["get"]["x-response"].clone())
    }

    fn answer(media_type: &str) -> Value {
        json!({"200": {"description": "", "content": {media_type: {"schema": {"type": "string"}}}}})
    }

    #[test]
    fn the_media_type_tells_how_an_operation_answers() {
        assert_eq!(
            kind(operation(answer("application/json"))),
            Ok(json!({"kind": "json"}))
        );
        assert_eq!(
            kind(operation(answer("text/plain"))),
            Ok(json!({"kind": "text"}))
        );
        assert_eq!(
            kind(operation(answer("application/x-tar"))),
            Ok(json!({"kind": "bytes"}))
        );
        assert_eq!(
            kind(operation(json!({"204": {"description": ""}}))),
            Ok(json!({"kind": "unit"}))
        );
    }

    #[test]
    fn a_stream_has_to_be_told_by_a_correction() {
        let stream = operation(answer("application/vnd.docker.raw-stream"));
        assert_eq!(
            kind(stream.clone()).unwrap_err(),
            "v1.41 #/paths/~1a/get: A answers with application/vnd.docker.raw-stream, and no correction says how to read it"
        );
        let mut told = stream;
        told["x-response"] = json!({"kind": "log-frames"});
        assert_eq!(kind(told), Ok(json!({"kind": "log-frames"})));
        assert!(
            kind(operation(json!({"101": {"description": ""}})))
                .unwrap_err()
                .contains("answers 101")
        );
        assert!(
            kind(operation(json!({"404": {"description": ""}})))
                .unwrap_err()
                .contains("never succeeds")
        );
    }

    #[test]
    fn json_lines_have_an_item_and_nothing_else_has() {
        for response in [
            json!({"kind": "json-lines"}),
            json!({"kind": "json", "item": {}}),
            json!({"kind": "lines"}),
        ] {
            let mut operation = operation(answer("application/json"));
            operation["x-response"] = response;
            assert!(kind(operation).unwrap_err().contains("cannot answer as"));
        }
    }

    #[test]
    fn a_document_holds_together() {
        let refused = |operation: Value, schemas: Value| {
            finish(&mut document(operation, schemas))
                .unwrap_err()
                .to_string()
        };
        let good = || operation(json!({"204": {"description": ""}}));
        let with = |key: &str, value: Value| {
            let mut operation = good();
            operation[key] = value;
            operation
        };
        for (message, place) in [
            (
                refused(good(), json!({"S": {"$ref": "#/components/schemas/None"}})),
                "#/components/schemas/S: ",
            ),
            (
                refused(good(), json!({"S": {"type": "object", "required": ["A"]}})),
                "#/components/schemas/S: requires \"A\"",
            ),
            (
                refused(good(), json!({"S": {"type": "object", "formt": "x"}})),
                "#/components/schemas/S: `formt`",
            ),
            (
                refused(with("tags", json!([])), json!({})),
                "A needs one tag",
            ),
            (
                refused(with("x-respnse", json!({})), json!({})),
                "`x-respnse` is not a key of an operation",
            ),
            (
                refused(
                    with(
                        "parameters",
                        json!([{"name": "id", "in": "path", "required": true, "schema": {}}]),
                    ),
                    json!({}),
                ),
                "A declares the path parameters {\"id\"}",
            ),
            (
                refused(good(), json!({"S": {"type": "text"}})),
                "#/components/schemas/S: \"text\" is no type",
            ),
            (
                refused(good(), json!({"S": {"type": "array"}})),
                "items belong to an array",
            ),
            (
                refused(with("responses", json!({"204": {}})), json!({})),
                "#: is no OpenAPI document",
            ),
        ] {
            assert!(
                message.starts_with("v1.41 ") && message.contains(place),
                "{message}"
            );
        }
    }
}
