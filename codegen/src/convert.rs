//! A published description (Swagger 2.0) becomes an OpenAPI 3.0.3 document of facts only.
//!
//! Prose is left out. Every keyword is either handled here or refused with its place, so that
//! nothing a future description says is lost in silence.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::document::{Document, METHODS};
use crate::error::Error;
use crate::pointer::At;
use crate::version::Version;
use crate::yaml;

/// Converts the description of `version`.
pub fn convert(version: Version, text: &str) -> Result<Document, Error> {
    let source = yaml::parse(text).map_err(|error| {
        Error::new(
            format!("v{version}.yaml"),
            format!("not readable as YAML: {error}"),
        )
        .in_version(version)
    })?;
    Converter::new(version, &source)
        .and_then(|mut converter| converter.document())
        .map_err(|error| error.in_version(version))
}

/// Keys of a schema, parameter or header that tell people, or Go's generator, something and hold no fact of the API.
const PROSE: &[&str] = &[
    "description",
    "title",
    "example",
    "examples",
    "externalDocs",
    "x-displayName",
    "x-go-name",
    "x-go-package",
    "x-go-type",
    "x-logo",
    "x-omitempty",
];

struct Converter<'a> {
    version: Version,
    source: &'a Map<String, Value>,
    definitions: &'a Map<String, Value>,
    operation_ids: BTreeSet<&'a str>,
}

impl<'a> Converter<'a> {
    fn new(version: Version, source: &'a Value) -> Result<Self, Error> {
        let source = object(source, &At::Root)?;
        let definitions = member(source, "definitions", &At::Root)?;
        let definitions = object(definitions, &At::Root.key("definitions"))?;
        Ok(Self {
            version,
            source,
            definitions,
            operation_ids: BTreeSet::new(),
        })
    }

    fn document(&mut self) -> Result<Document, Error> {
        let root = At::Root;
        only(
            self.source,
            &[
                "swagger",
                "schemes",
                "produces",
                "consumes",
                "basePath",
                "info",
                "tags",
                "paths",
                "definitions",
            ],
            &root,
        )?;
        is(self.source, "swagger", "2.0", &root)?;
        is(
            self.source,
            "basePath",
            &format!("/v{}", self.version),
            &root,
        )?;
        let info_at = root.key("info");
        let info = object(member(self.source, "info", &root)?, &info_at)?;
        only(
            info,
            &["title", "version", "description", "x-logo"],
            &info_at,
        )?;
        is(info, "version", &self.version.to_string(), &info_at)?;

        let definitions_at = root.key("definitions");
        let mut schemas = Map::new();
        for (name, schema) in self.definitions {
            schemas.insert(
                name.clone(),
                self.definition(schema, &definitions_at.key(name))?,
            );
        }

        let paths_at = root.key("paths");
        let mut paths = Map::new();
        for (path, item) in object(member(self.source, "paths", &root)?, &paths_at)? {
            let at = paths_at.key(path);
            let mut converted = Map::new();
            for (method, operation) in object(item, &at)? {
                let at = at.key(method);
                if !METHODS.contains(&method.as_str()) {
                    return Err(unknown(method, &at));
                }
                converted.insert(method.clone(), self.operation(method, operation, &at)?);
            }
            paths.insert(path.clone(), converted.into());
        }

        let root = json!({
            "openapi": "3.0.3",
            "info": {"title": "Docker Engine API", "version": self.version.to_string()},
            "servers": [{"url": format!("/v{}", self.version)}],
            "paths": paths,
            "components": {"schemas": schemas},
        });
        Ok(Document {
            version: self.version,
            root,
        })
    }

    fn operation(
        &mut self,
        method: &str,
        operation: &'a Value,
        at: &At<'_>,
    ) -> Result<Value, Error> {
        let operation = object(operation, at)?;
        only(
            operation,
            &[
                "operationId",
                "tags",
                "summary",
                "description",
                "consumes",
                "produces",
                "parameters",
                "responses",
            ],
            at,
        )?;
        let id = text(
            member(operation, "operationId", at)?,
            &at.key("operationId"),
        )?;
        if !self.operation_ids.insert(id) {
            return Err(Error::new(
                at.key("operationId").to_string(),
                format!("a second operation is named `{id}`"),
            ));
        }
        let mut converted = Map::new();
        converted.insert("operationId".into(), id.into());
        if let Some(tags) = operation.get("tags") {
            let tags_at = at.key("tags");
            for (index, tag) in array(tags, &tags_at)?.iter().enumerate() {
                text(tag, &tags_at.index(index))?;
            }
            converted.insert("tags".into(), tags.clone());
        }

        let mut parameters = Vec::new();
        let mut body = None;
        let mut content_type = None;
        let mut names = BTreeSet::new();
        let parameters_at = at.key("parameters");
        for (index, parameter) in operation
            .get("parameters")
            .map_or(Ok(&[][..]), |list| array(list, &parameters_at))?
            .iter()
            .enumerate()
        {
            let at = parameters_at.index(index);
            let parameter = object(parameter, &at)?;
            let place = text(member(parameter, "in", &at)?, &at.key("in"))?;
            let name = text(member(parameter, "name", &at)?, &at.key("name"))?;
            if !names.insert((place, name)) {
                return Err(Error::new(
                    at.to_string(),
                    format!("a second {place} parameter is named `{name}`"),
                ));
            }
            match place {
                "body" if body.is_some() => {
                    return Err(Error::new(at.to_string(), "a second body"));
                }
                "body" => body = Some((name, parameter, index)),
                // OpenAPI 3 has no such parameter: it is the media type of the body.
                "header" if name.eq_ignore_ascii_case("content-type") => {
                    content_type = Some(text(
                        member(parameter, "default", &at)?,
                        &at.key("default"),
                    )?);
                }
                "path" | "query" | "header" => {
                    parameters.push(self.parameter(place, name, parameter, &at)?)
                }
                _ => {
                    return Err(Error::new(
                        at.key("in").to_string(),
                        format!("parameters in `{place}` are not supported"),
                    ));
                }
            }
        }
        if !parameters.is_empty() {
            converted.insert("parameters".into(), parameters.into());
        }
        if let Some((name, parameter, index)) = body {
            let consumes = media_types(operation, "consumes", at)?;
            let at = parameters_at.index(index);
            converted.insert(
                "requestBody".into(),
                self.body(name, parameter, consumes, content_type, &at)?,
            );
        }

        let produces = media_types(operation, "produces", at)?;
        let responses_at = at.key("responses");
        let mut responses = Map::new();
        for (status, response) in object(member(operation, "responses", at)?, &responses_at)? {
            let at = responses_at.key(status);
            if !(status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit())) {
                return Err(unknown(status, &at));
            }
            responses.insert(
                status.clone(),
                self.response(method, status, response, produces.as_deref(), &at)?,
            );
        }
        converted.insert("responses".into(), responses.into());
        Ok(converted.into())
    }

    fn parameter(
        &self,
        place: &str,
        name: &str,
        parameter: &Map<String, Value>,
        at: &At<'_>,
    ) -> Result<Value, Error> {
        only(
            parameter,
            &[
                "name",
                "in",
                "description",
                "required",
                "type",
                "format",
                "enum",
                "default",
                "pattern",
                "items",
                "collectionFormat",
                "minimum",
                "maximum",
            ],
            at,
        )?;
        let mut converted = Map::new();
        converted.insert("name".into(), name.into());
        converted.insert("in".into(), place.into());
        if let Some(required) = parameter.get("required")
            && flag(required, &at.key("required"))?
        {
            converted.insert("required".into(), true.into());
        } else if place == "path" {
            return Err(Error::new(
                at.to_string(),
                format!("the path parameter `{name}` is not required"),
            ));
        }
        let multi = match parameter
            .get("collectionFormat")
            .map(|format| text(format, &at.key("collectionFormat")))
            .transpose()?
        {
            Some("multi") => true,
            Some("csv") | None => false,
            Some(other) => {
                let message = format!("collectionFormat `{other}` is not supported");
                return Err(Error::new(at.key("collectionFormat").to_string(), message));
            }
        };
        let mut schema = parameter.clone();
        for key in ["name", "in", "required", "collectionFormat"] {
            schema.remove(key);
        }
        if !schema.contains_key("type") {
            return Err(Error::new(
                at.to_string(),
                format!("the parameter `{name}` has no type"),
            ));
        }
        // Says that the text is JSON, and not of which shape: corrections do.
        if schema.get("format").and_then(Value::as_str) == Some("json") {
            schema.remove("format");
        }
        let schema = self.schema(&schema.into(), at)?;
        if schema["type"] == "array" {
            if place != "query" {
                return Err(Error::new(
                    at.to_string(),
                    format!("an array as {place} parameter is not supported"),
                ));
            }
            converted.insert("style".into(), "form".into());
            converted.insert("explode".into(), multi.into());
        } else if parameter.contains_key("collectionFormat") {
            return Err(Error::new(
                at.key("collectionFormat").to_string(),
                "collectionFormat of what is no array",
            ));
        }
        converted.insert("schema".into(), schema);
        Ok(converted.into())
    }

    fn body(
        &self,
        name: &str,
        parameter: &Map<String, Value>,
        consumes: Option<Vec<&str>>,
        content_type: Option<&str>,
        at: &At<'_>,
    ) -> Result<Value, Error> {
        only(
            parameter,
            &["name", "in", "description", "required", "schema"],
            at,
        )?;
        let mut schema = self.schema(member(parameter, "schema", at)?, &at.key("schema"))?;
        // A body that is text is a file. Which kind is in the header parameter, or in `consumes`.
        let media_type = if schema["type"] == "string" {
            schema = json!({"type": "string", "format": "binary"});
            let tar = consumes
                .iter()
                .flatten()
                .any(|&media_type| media_type == "application/x-tar");
            content_type.unwrap_or(if tar {
                "application/x-tar"
            } else {
                "application/octet-stream"
            })
        } else {
            "application/json"
        };
        let mut body = Map::new();
        body.insert("x-name".into(), name.into());
        if let Some(required) = parameter.get("required")
            && flag(required, &at.key("required"))?
        {
            body.insert("required".into(), true.into());
        }
        body.insert("content".into(), json!({media_type: {"schema": schema}}));
        Ok(body.into())
    }

    fn response(
        &self,
        method: &str,
        status: &str,
        response: &Value,
        produces: Option<&[&str]>,
        at: &At<'_>,
    ) -> Result<Value, Error> {
        let response = object(response, at)?;
        only(
            response,
            &["description", "schema", "examples", "headers"],
            at,
        )?;
        let mut converted = Map::new();
        // OpenAPI demands one.
        converted.insert("description".into(), "".into());
        if let Some(headers) = response.get("headers") {
            let headers_at = at.key("headers");
            let mut list = Map::new();
            for (name, header) in object(headers, &headers_at)? {
                let at = headers_at.key(name);
                only(
                    object(header, &at)?,
                    &["type", "format", "description", "default", "enum"],
                    &at,
                )?;
                list.insert(name.clone(), json!({"schema": self.schema(header, &at)?}));
            }
            converted.insert("headers".into(), list.into());
        }
        let schema = response
            .get("schema")
            .map(|schema| self.schema(schema, &at.key("schema")))
            .transpose()?;
        let content = match schema {
            // An answer to HEAD has no body, whatever is written there.
            _ if method == "head" => None,
            Some(schema) if !status.starts_with('2') => {
                Some(json!({"application/json": {"schema": schema}}))
            }
            Some(schema) => {
                let mut content = Map::new();
                for media_type in answer_types(produces, schema["type"] == "string") {
                    content.insert(media_type.into(), json!({"schema": schema}));
                }
                Some(content.into())
            }
            None if status.starts_with('2') => {
                let streams: Vec<_> = produces
                    .unwrap_or(&[])
                    .iter()
                    .filter(|media_type| is_bytes(media_type))
                    .collect();
                let content = streams.iter().map(|&&media_type| {
                    (
                        media_type.to_owned(),
                        json!({"schema": {"type": "string", "format": "binary"}}),
                    )
                });
                (!streams.is_empty()).then(|| content.collect())
            }
            None => None,
        };
        if let Some(content) = content {
            converted.insert("content".into(), content);
        }
        Ok(converted.into())
    }

    /// A schema with a name of its own, which it keeps even where it says nothing beyond another one.
    fn definition(&self, schema: &Value, at: &At<'_>) -> Result<Value, Error> {
        let converted = self.schema(schema, at)?;
        match converted.get("$ref") {
            Some(_) => Ok(json!({"allOf": [converted]})),
            None => Ok(converted),
        }
    }

    fn schema(&self, schema: &Value, at: &At<'_>) -> Result<Value, Error> {
        let schema = object(schema, at)?;
        let nullable = match schema.get("x-nullable") {
            Some(nullable) => flag(nullable, &at.key("x-nullable"))?,
            None => false,
        };
        if schema.contains_key("$ref") {
            return self.reference(schema, nullable, at);
        }
        if schema.contains_key("allOf") {
            return self.all_of(schema, nullable, at);
        }
        if schema.get("type").is_some_and(Value::is_array) {
            return self.one_of_types(schema, nullable, at);
        }

        let kind = self.kind(schema, at)?;
        let mut converted = Map::new();
        // Without a type it is any value, null among them.
        if let Some(kind) = kind {
            converted.insert("type".into(), kind.into());
            if nullable {
                converted.insert("nullable".into(), true.into());
            }
        }
        for (key, value) in schema {
            let at = at.key(key);
            let belongs_to = |kinds: &[&str]| match kind {
                Some(kind) if kinds.contains(&kind) => Ok(()),
                _ => Err(Error::new(
                    at.to_string(),
                    format!("`{key}` of a schema of type {}", kind.unwrap_or("any")),
                )),
            };
            let value = match key.as_str() {
                "type" | "x-nullable" => continue,
                key if PROSE.contains(&key) => continue,
                // A default of null says that there is none.
                "default" if value.is_null() => continue,
                // Go's `struct{}`, the value of a map that stands for a set.
                "enum" | "default" if kind == Some("object") && is_empty_enum(schema) => continue,
                "default" => value.clone(),
                "format" => format(kind, text(value, &at)?, &at)?.into(),
                "enum" => {
                    belongs_to(&["string", "integer"])?;
                    for (index, member) in array(value, &at)?.iter().enumerate() {
                        if !(if kind == Some("string") {
                            member.is_string()
                        } else {
                            member.is_i64()
                        }) {
                            let message = format!(
                                "`{member}` among the values of an enum of type {}",
                                kind.unwrap_or("any")
                            );
                            return Err(Error::new(at.index(index).to_string(), message));
                        }
                    }
                    value.clone()
                }
                "minimum" | "maximum" => {
                    belongs_to(&["integer", "number"])?;
                    value.clone()
                }
                // The daemon judges names; a client that did so too would refuse what a newer one allows.
                "pattern" => {
                    belongs_to(&["string"])?;
                    continue;
                }
                "minLength" | "maxLength" => {
                    belongs_to(&["string"])?;
                    value.clone()
                }
                "minItems" | "maxItems" => {
                    belongs_to(&["array"])?;
                    value.clone()
                }
                "required" => {
                    belongs_to(&["object"])?;
                    for (index, name) in array(value, &at)?.iter().enumerate() {
                        text(name, &at.index(index))?;
                    }
                    value.clone()
                }
                "properties" => {
                    belongs_to(&["object"])?;
                    let mut properties = Map::new();
                    for (name, property) in object(value, &at)? {
                        properties.insert(name.clone(), self.schema(property, &at.key(name))?);
                    }
                    properties.into()
                }
                "items" => {
                    belongs_to(&["array"])?;
                    self.schema(value, &at)?
                }
                "additionalProperties" => {
                    belongs_to(&["object"])?;
                    if value["type"] == "object" && value.as_object().is_some_and(is_empty_enum) {
                        converted.insert("x-set".into(), true.into());
                    }
                    self.schema(value, &at)?
                }
                _ => return Err(unknown(key, &at)),
            };
            converted.insert(key.clone(), value);
        }
        if kind == Some("array") && !schema.contains_key("items") {
            return Err(Error::new(at.to_string(), "an array without items"));
        }
        Ok(converted.into())
    }

    /// The type, also where it is left out and something else tells it.
    fn kind<'s>(
        &self,
        schema: &'s Map<String, Value>,
        at: &At<'_>,
    ) -> Result<Option<&'s str>, Error> {
        if let Some(kind) = schema.get("type") {
            let at = at.key("type");
            return match text(kind, &at)? {
                kind @ ("object" | "array" | "string" | "integer" | "number" | "boolean") => {
                    Ok(Some(kind))
                }
                other => Err(Error::new(
                    at.to_string(),
                    format!("the type `{other}` is not supported"),
                )),
            };
        }
        let has = |key| schema.contains_key(key);
        Ok(if has("enum") {
            Some("string")
        } else if has("properties") || has("additionalProperties") {
            Some("object")
        } else {
            None
        })
    }

    fn reference(
        &self,
        schema: &Map<String, Value>,
        nullable: bool,
        at: &At<'_>,
    ) -> Result<Value, Error> {
        for (key, value) in schema {
            match key.as_str() {
                "$ref" | "x-nullable" => {}
                key if PROSE.contains(&key) => {}
                // Repeats what the definition says.
                "type" if value == "object" => {}
                _ => {
                    return Err(Error::new(
                        at.key(key).to_string(),
                        format!("`{key}` beside `$ref` is not supported"),
                    ));
                }
            }
        }
        let at = at.key("$ref");
        let target = text(&schema["$ref"], &at)?;
        let name = target
            .strip_prefix("#/definitions/")
            .filter(|name| self.definitions.contains_key(*name))
            .ok_or_else(|| {
                Error::new(
                    at.to_string(),
                    format!("`{target}` is nowhere in the description"),
                )
            })?;
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        Ok(if nullable {
            json!({"allOf": [reference], "nullable": true})
        } else {
            reference
        })
    }

    fn all_of(
        &self,
        schema: &Map<String, Value>,
        nullable: bool,
        at: &At<'_>,
    ) -> Result<Value, Error> {
        let members_at = at.key("allOf");
        let mut members = Vec::new();
        for (index, member) in array(&schema["allOf"], &members_at)?.iter().enumerate() {
            let member = self.schema(member, &members_at.index(index))?;
            // A member that is there to carry a description.
            if member != json!({"type": "object"}) {
                members.push(member);
            }
        }
        // What stands beside `allOf` is one more member.
        let mut beside = schema.clone();
        beside.remove("allOf");
        beside.remove("x-nullable");
        let beside = self.schema(&beside.into(), at)?;
        if beside != json!({"type": "object"}) && beside != json!({}) {
            members.push(beside);
        }
        if members.is_empty() {
            return Err(Error::new(
                members_at.to_string(),
                "no member says anything",
            ));
        }
        let mut converted = Map::new();
        if members.len() == 1 && !nullable {
            return Ok(members.remove(0));
        }
        converted.insert("allOf".into(), members.into());
        if nullable {
            converted.insert("nullable".into(), true.into());
        }
        Ok(converted.into())
    }

    /// `type: [array, string]`, which Swagger does not have but old descriptions use.
    fn one_of_types(
        &self,
        schema: &Map<String, Value>,
        nullable: bool,
        at: &At<'_>,
    ) -> Result<Value, Error> {
        let type_at = at.key("type");
        let mut members = Vec::new();
        for (index, kind) in array(&schema["type"], &type_at)?.iter().enumerate() {
            let mut member = schema.clone();
            member.retain(|key, _| !PROSE.contains(&key.as_str()) && key != "x-nullable");
            if text(kind, &type_at.index(index))? != "array" {
                member.remove("items");
            }
            member.insert("type".into(), kind.clone());
            members.push(self.schema(&member.into(), at)?);
        }
        let mut converted = Map::new();
        converted.insert("oneOf".into(), members.into());
        if nullable {
            converted.insert("nullable".into(), true.into());
        }
        Ok(converted.into())
    }
}

/// The media types of a successful answer that has a schema.
fn answer_types<'t>(produces: Option<&[&'t str]>, is_text: bool) -> Vec<&'t str> {
    let listed = produces.unwrap_or(&["application/json"]);
    let streams: Vec<_> = listed
        .iter()
        .copied()
        .filter(|media_type| is_bytes(media_type) || is_json_stream(media_type))
        .collect();
    if !streams.is_empty() {
        streams
    } else if is_text && listed == ["text/plain"] {
        vec!["text/plain"]
    } else {
        // text/plain beside it is never sent.
        vec!["application/json"]
    }
}

fn is_bytes(media_type: &str) -> bool {
    media_type == "application/x-tar"
        || media_type == "application/octet-stream"
        || media_type.starts_with("application/vnd.docker.")
}

fn is_json_stream(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/jsonl" | "application/x-ndjson" | "application/json-seq"
    )
}

/// What an operation itself lists; the list for all operations is never what happens.
fn media_types<'s>(
    operation: &'s Map<String, Value>,
    key: &str,
    at: &At<'_>,
) -> Result<Option<Vec<&'s str>>, Error> {
    let at = at.key(key);
    let Some(list) = operation.get(key) else {
        return Ok(None);
    };
    let mut types = Vec::new();
    for (index, media_type) in array(list, &at)?.iter().enumerate() {
        let at = at.index(index);
        let media_type = text(media_type, &at)?;
        if !(is_bytes(media_type)
            || is_json_stream(media_type)
            || matches!(media_type, "application/json" | "text/plain"))
        {
            return Err(Error::new(
                at.to_string(),
                format!("the media type `{media_type}` is not supported"),
            ));
        }
        types.push(media_type);
    }
    Ok(Some(types))
}

fn format<'f>(kind: Option<&str>, format: &'f str, at: &At<'_>) -> Result<&'f str, Error> {
    Ok(match (kind, format) {
        (Some("string"), "dateTime") => "date-time",
        (Some("string"), "CIDR") => "cidr",
        (Some("string"), "date-time" | "cidr" | "ip-address" | "uri" | "binary" | "byte") => format,
        // Go's own, as wide as the machine.
        (Some("integer"), "int") => "int64",
        (Some("integer"), "int64" | "int32" | "uint8" | "uint16" | "uint32" | "uint64") => format,
        (Some("number"), "double" | "float") => format,
        _ => {
            let message = format!(
                "the format `{format}` of the type {} is not supported",
                kind.unwrap_or("any")
            );
            return Err(Error::new(at.to_string(), message));
        }
    })
}

fn is_empty_enum(schema: &Map<String, Value>) -> bool {
    schema
        .get("enum")
        .is_some_and(|values| *values == json!([{}]))
}

fn unknown(key: &str, at: &At<'_>) -> Error {
    Error::new(
        at.to_string(),
        format!("`{key}` is not a keyword this conversion knows"),
    )
}

fn only(object: &Map<String, Value>, known: &[&str], at: &At<'_>) -> Result<(), Error> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(unknown(key, &at.key(key))),
        None => Ok(()),
    }
}

fn is(object: &Map<String, Value>, key: &str, expected: &str, at: &At<'_>) -> Result<(), Error> {
    let value = member(object, key, at)?;
    if value == expected {
        Ok(())
    } else {
        Err(Error::new(
            at.key(key).to_string(),
            format!("is {value}, and \"{expected}\" is expected"),
        ))
    }
}

fn member<'v>(object: &'v Map<String, Value>, key: &str, at: &At<'_>) -> Result<&'v Value, Error> {
    object
        .get(key)
        .ok_or_else(|| Error::new(at.to_string(), format!("`{key}` is missing")))
}

fn object<'v>(value: &'v Value, at: &At<'_>) -> Result<&'v Map<String, Value>, Error> {
    value
        .as_object()
        .ok_or_else(|| Error::new(at.to_string(), "is not an object"))
}

fn array<'v>(value: &'v Value, at: &At<'_>) -> Result<&'v [Value], Error> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| Error::new(at.to_string(), "is not an array"))
}

fn text<'v>(value: &'v Value, at: &At<'_>) -> Result<&'v str, Error> {
    value
        .as_str()
        .ok_or_else(|| Error::new(at.to_string(), "is not text"))
}

fn flag(value: &Value, at: &At<'_>) -> Result<bool, Error> {
    value
        .as_bool()
        .ok_or_else(|| Error::new(at.to_string(), "is neither true nor false"))
}
