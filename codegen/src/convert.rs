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
        Error::new("#", format!("not readable as YAML: {error}")).in_version(version)
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

#[cfg(test)]
mod tests {
    use super::*;

    const V: Version = Version::new(1, 41);

    /// A description with these operations and definitions, in the flow style of YAML.
    fn description(paths: &str, definitions: &str) -> String {
        format!(
            "{{swagger: '2.0', schemes: [http], produces: [application/json, text/plain], consumes: [application/json, \
             text/plain], basePath: /v1.41, info: {{title: x, version: '1.41', description: prose}}, tags: [], paths: \
             {{{paths}}}, definitions: {{{definitions}}}}}"
        )
    }

    fn converted(paths: &str, definitions: &str) -> Value {
        convert(V, &description(paths, definitions))
            .unwrap_or_else(|error| panic!("{error}"))
            .root
    }

    fn refused(paths: &str, definitions: &str) -> String {
        convert(V, &description(paths, definitions))
            .expect_err("this is wrong")
            .to_string()
    }

    fn schema(text: &str) -> Value {
        converted("", &format!("Other: {{type: object}}, S: {text}"))["components"]["schemas"]["S"]
            .clone()
    }

    fn refused_schema(text: &str) -> String {
        refused("", &format!("Other: {{type: object}}, S: {text}"))
    }

    /// The one operation of a description.
    fn operation(text: &str) -> Value {
        let root = converted(
            &format!("/a: {{post: {{operationId: A, {text}}}}}"),
            "Other: {type: object}",
        );
        root["paths"]["/a"]["post"].clone()
    }

    fn refused_operation(text: &str) -> String {
        refused(
            &format!("/a: {{post: {{operationId: A, {text}}}}}"),
            "Other: {type: object}",
        )
    }

    #[test]
    fn a_document_says_which_version_it_is() {
        let root = converted("", "");
        assert_eq!(root["openapi"], "3.0.3");
        assert_eq!(root["servers"], json!([{"url": "/v1.41"}]));
        assert_eq!(
            root["info"],
            json!({"title": "Docker Engine API", "version": "1.41"})
        );
    }

    #[test]
    fn the_description_of_another_version_is_refused() {
        let text = description("", "").replace("/v1.41", "/v1.40");
        assert_eq!(
            convert(V, &text).unwrap_err().to_string(),
            "v1.41 #/basePath: is \"/v1.40\", and \"/v1.41\" is expected"
        );
    }

    #[test]
    fn yaml_that_cannot_be_read_is_named_with_its_line() {
        for text in ["swagger: [", "a: 1\na: 2", "", "paths:\n  /a:\n\t- x"] {
            let message = convert(V, text).unwrap_err().to_string();
            assert!(message.starts_with("v1.41 "), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
        let whole = description("", "S: {type: object, properties: {A: {type: string}}}");
        for length in 1..whole.len() {
            let message = convert(V, &whole[..length])
                .expect_err(&whole[..length])
                .to_string();
            assert!(
                message.starts_with("v1.41 #") && !message.contains('\n'),
                "{message}"
            );
        }
    }

    #[test]
    fn prose_is_left_out() {
        let text = "{type: string, description: d, title: t, example: e, x-go-name: N, x-omitempty: true, pattern: '^a$'}";
        assert_eq!(schema(text), json!({"type": "string"}));
    }

    #[test]
    fn an_unknown_keyword_is_refused_with_its_place() {
        assert_eq!(
            refused_schema("{type: object, properties: {A/B: {type: string, readOnly: true}}}"),
            "v1.41 #/definitions/S/properties/A~1B/readOnly: `readOnly` is not a keyword this conversion knows"
        );
        assert!(
            refused_operation("deprecated: true, responses: {}")
                .contains("#/paths/~1a/post/deprecated")
        );
        assert!(refused_operation("parameters: [{name: a, in: query, type: string, allowEmptyValue: true}], responses: {}")
            .contains("#/paths/~1a/post/parameters/0/allowEmptyValue"));
        assert!(refused("/a: {patch: {}}", "").contains("#/paths/~1a/patch"));
    }

    #[test]
    fn an_unknown_type_or_format_is_refused() {
        assert!(refused_schema("{type: file}").contains("#/definitions/S/type: the type `file`"));
        assert!(
            refused_schema("{type: string, format: uuid}")
                .contains("#/definitions/S/format: the format `uuid`")
        );
        assert!(
            refused_schema("{type: integer, format: date-time}").contains("of the type integer")
        );
    }

    #[test]
    fn a_keyword_of_another_type_is_refused() {
        for text in [
            "{type: string, minimum: 1}",
            "{type: object, items: {type: string}}",
            "{type: array}",
            "{type: boolean, enum: [true]}",
        ] {
            assert!(
                refused_schema(text).starts_with("v1.41 #/definitions/S"),
                "{text}"
            );
        }
    }

    #[test]
    fn spellings_of_formats_are_one() {
        assert_eq!(
            schema("{type: string, format: dateTime}")["format"],
            "date-time"
        );
        assert_eq!(schema("{type: string, format: CIDR}")["format"], "cidr");
        assert_eq!(schema("{type: integer, format: int}")["format"], "int64");
    }

    #[test]
    fn null_is_told_in_the_way_of_openapi() {
        assert_eq!(
            schema("{type: string, x-nullable: true}"),
            json!({"type": "string", "nullable": true})
        );
        assert_eq!(
            schema("{type: string, x-nullable: false}"),
            json!({"type": "string"})
        );
        let other = json!({"$ref": "#/components/schemas/Other"});
        assert_eq!(
            schema(
                "{type: object, properties: {A: {$ref: '#/definitions/Other', x-nullable: true}, B: {$ref: '#/definitions/Other', type: object}}}"
            )["properties"],
            json!({"A": {"allOf": [other], "nullable": true}, "B": other})
        );
    }

    #[test]
    fn a_reference_to_nowhere_is_refused() {
        assert_eq!(
            refused_schema("{type: array, items: {$ref: '#/definitions/Nowhere'}}"),
            "v1.41 #/definitions/S/items/$ref: `#/definitions/Nowhere` is nowhere in the description"
        );
        assert!(refused_schema("{$ref: 'other.yaml'}").contains("other.yaml"));
        assert!(
            refused_schema("{$ref: '#/definitions/Other', minLength: 1}")
                .contains("`minLength` beside `$ref`")
        );
    }

    #[test]
    fn members_that_carry_a_description_are_dropped() {
        let other = json!({"$ref": "#/components/schemas/Other"});
        let of_property = |text: &str| {
            schema(&format!("{{type: object, properties: {{A: {text}}}}}"))["properties"]["A"]
                .clone()
        };
        assert_eq!(
            of_property("{description: d, allOf: [{$ref: '#/definitions/Other'}]}"),
            other
        );
        assert_eq!(
            of_property("{allOf: [{$ref: '#/definitions/Other'}, {type: object, example: {}}]}"),
            other
        );
        assert_eq!(
            of_property("{x-nullable: true, allOf: [{$ref: '#/definitions/Other'}]}"),
            json!({"allOf": [other], "nullable": true})
        );
    }

    #[test]
    fn what_stands_beside_all_of_is_one_more_member() {
        let properties = json!({"type": "object", "properties": {"A": {"type": "string"}}});
        assert_eq!(
            schema(
                "{type: object, allOf: [{$ref: '#/definitions/Other'}], properties: {A: {type: string}}}"
            ),
            json!({"allOf": [{"$ref": "#/components/schemas/Other"}, properties]})
        );
    }

    #[test]
    fn a_definition_that_is_another_one_keeps_its_name() {
        assert_eq!(
            schema("{type: object, allOf: [{$ref: '#/definitions/Other'}]}"),
            json!({"allOf": [{"$ref": "#/components/schemas/Other"}]})
        );
    }

    #[test]
    fn a_map_that_stands_for_a_set_is_marked() {
        assert_eq!(
            schema("{type: object, additionalProperties: {type: object, enum: [{}], default: {}}}"),
            json!({"type": "object", "x-set": true, "additionalProperties": {"type": "object"}})
        );
    }

    #[test]
    fn a_type_that_is_left_out_is_found() {
        assert_eq!(
            schema("{enum: [a, b]}"),
            json!({"type": "string", "enum": ["a", "b"]})
        );
        assert_eq!(
            schema("{properties: {}}"),
            json!({"type": "object", "properties": {}})
        );
        assert_eq!(
            schema("{additionalProperties: {type: string}}")["type"],
            "object"
        );
        assert_eq!(schema("{x-go-type: {type: Summary}}"), json!({}));
    }

    #[test]
    fn a_list_of_types_becomes_alternatives() {
        assert_eq!(
            schema("{type: [array, string], items: {type: string}}"),
            json!({"oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]})
        );
    }

    #[test]
    fn arrays_in_a_query_say_how_they_are_written() {
        let parameters = operation(
            "parameters: [{name: a, in: query, type: array, items: {type: string}, collectionFormat: multi}, {name: b, in: \
             query, type: array, items: {type: string}}], responses: {}",
        )["parameters"]
            .clone();
        assert_eq!(parameters[0]["style"], "form");
        assert_eq!(parameters[0]["explode"], true);
        assert_eq!(parameters[1]["explode"], false);
        let pipes = "parameters: [{name: a, in: query, type: array, items: {type: string}, collectionFormat: pipes}], responses: {}";
        assert!(refused_operation(pipes).contains("collectionFormat `pipes` is not supported"));
    }

    #[test]
    fn a_parameter_is_there_once_and_in_a_place_that_is_known() {
        let twice = "parameters: [{name: a, in: query, type: string}, {name: a, in: query, type: string}], responses: {}";
        assert!(
            refused_operation(twice)
                .contains("#/paths/~1a/post/parameters/1: a second query parameter is named `a`")
        );
        assert!(
            refused_operation("parameters: [{name: a, in: formData, type: string}], responses: {}")
                .contains("`formData`")
        );
        assert!(
            refused_operation("parameters: [{name: a, in: path, type: string}], responses: {}")
                .contains("is not required")
        );
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let message = refused(
            "/a: {get: {operationId: A, responses: {}}}, /b: {get: {operationId: A, responses: {}}}",
            "",
        );
        assert_eq!(
            message,
            "v1.41 #/paths/~1b/get/operationId: a second operation is named `A`"
        );
    }

    #[test]
    fn a_body_has_one_media_type() {
        let body =
            |text: &str| operation(&format!("{text}, responses: {{}}"))["requestBody"].clone();
        let object = "{name: b, in: body, required: true, schema: {$ref: '#/definitions/Other'}}";
        assert_eq!(
            body(&format!(
                "consumes: [application/octet-stream], parameters: [{object}]"
            )),
            json!({"x-name": "b", "required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Other"}}}})
        );
        let file = "{name: b, in: body, schema: {type: string}}";
        let binary = json!({"schema": {"type": "string", "format": "binary"}});
        assert_eq!(
            body(&format!(
                "consumes: [application/x-tar, application/octet-stream], parameters: [{file}]"
            ))["content"],
            json!({"application/x-tar": binary})
        );
        assert_eq!(
            body(&format!("parameters: [{file}]"))["content"],
            json!({"application/octet-stream": binary})
        );
        let header = "{name: Content-type, in: header, type: string, default: application/x-tar}";
        assert_eq!(
            body(&format!(
                "consumes: [application/octet-stream], parameters: [{file}, {header}]"
            )),
            json!({"x-name": "b", "content": {"application/x-tar": binary}})
        );
    }

    #[test]
    fn an_answer_has_the_media_types_that_are_sent() {
        let content = |text: &str| operation(text)["responses"]["200"].get("content").cloned();
        let json = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Other"}}});
        assert_eq!(
            content("responses: {200: {description: d, schema: {$ref: '#/definitions/Other'}}}"),
            Some(json)
        );
        assert_eq!(content("responses: {200: {description: d}}"), None);
        assert_eq!(
            content("produces: [application/x-tar], responses: {200: {description: d}}"),
            Some(json!({"application/x-tar": {"schema": {"type": "string", "format": "binary"}}}))
        );
        assert_eq!(
            content(
                "produces: [text/plain], responses: {200: {description: d, schema: {type: string}}}"
            ),
            Some(json!({"text/plain": {"schema": {"type": "string"}}}))
        );
        assert_eq!(
            content(
                "produces: [application/json, text/plain], responses: {200: {description: d, schema: {type: string}}}"
            ),
            Some(json!({"application/json": {"schema": {"type": "string"}}}))
        );
        assert!(
            refused_operation("produces: [image/png], responses: {}")
                .contains("the media type `image/png`")
        );
    }

    #[test]
    fn an_answer_to_head_has_no_content() {
        let head = "/a: {head: {operationId: A, responses: {200: {description: d, schema: {type: string}, headers: {N: {type: string}}}}}}";
        assert_eq!(
            converted(head, "")["paths"]["/a"]["head"]["responses"]["200"],
            json!({"description": "", "headers": {"N": {"schema": {"type": "string"}}}})
        );
    }
}
