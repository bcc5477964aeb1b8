//! An OpenAPI document of one version, as `specs/openapi` keeps it.

use serde_json::{Map, Value};

use crate::error::Error;
use crate::pointer::At;
use crate::version::Version;

/// The order in which the methods of a path are written.
pub(crate) const METHODS: [&str; 5] = ["get", "head", "put", "post", "delete"];

/// What is called with each schema and its place.
type Visit<'v, E> = dyn FnMut(&mut Map<String, Value>, &At<'_>) -> Result<(), E> + 'v;

/// The OpenAPI 3.0.3 document of one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub version: Version,
    pub root: Value,
}

impl Document {
    /// The file's name in `specs/openapi`.
    pub fn file_name(&self) -> String {
        format!("v{}.json", self.version)
    }

    /// Reads a file of `specs/openapi`; `name` is what errors call it.
    pub fn parse(name: &str, version: Version, text: &str) -> Result<Self, Error> {
        let root: Value =
            serde_json::from_str(text).map_err(|error| Error::new(name, error.to_string()))?;
        let says = root["info"]["version"].as_str().unwrap_or_default();
        if says != version.to_string() {
            return Err(Error::new(
                name,
                format!("it describes version `{says}`, not {version}"),
            ));
        }
        Ok(Self { version, root })
    }

    /// The text of the file, the same for the same facts.
    pub fn to_text(&self) -> String {
        let mut text = format!("{:#}", self.root);
        text.push('\n');
        text
    }

    /// Makes it the description of another version, for one that was never described.
    pub(crate) fn set_version(&mut self, version: Version) {
        self.version = version;
        self.root["info"]["version"] = version.to_string().into();
        self.root["servers"][0]["url"] = format!("/v{version}").into();
    }

    /// Puts everything whose order means nothing into the order it is written in.
    pub(crate) fn tidy(&mut self) {
        const ROOT: &[&str] = &["openapi", "info", "servers", "paths", "components"];
        const OPERATION: &[&str] = &[
            "operationId",
            "tags",
            "parameters",
            "requestBody",
            "responses",
            "x-response",
            "x-outcomes",
            "x-tty",
            "x-unbounded",
        ];
        const PARAMETER: &[&str] = &[
            "name",
            "in",
            "required",
            "x-name",
            "style",
            "explode",
            "schema",
            "content",
            "x-encoding",
            "x-credentials",
        ];
        const RESPONSE: &[&str] = &["description", "headers", "content"];

        order(&mut self.root, ROOT);
        if let Some(Value::Object(paths)) = self.root.get_mut("paths") {
            paths.sort_keys();
            for item in paths.values_mut() {
                order(item, &METHODS);
                for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
                    order(operation, OPERATION);
                    for parameter in operation
                        .get_mut("parameters")
                        .and_then(Value::as_array_mut)
                        .into_iter()
                        .flatten()
                    {
                        order(parameter, PARAMETER);
                    }
                    if let Some(body) = operation.get_mut("requestBody") {
                        order(body, PARAMETER);
                    }
                    if let Some(Value::Object(responses)) = operation.get_mut("responses") {
                        responses.sort_keys();
                        responses
                            .values_mut()
                            .for_each(|response| order(response, RESPONSE));
                    }
                }
            }
        }
        if let Some(Value::Object(schemas)) = self.root.pointer_mut("/components/schemas") {
            schemas.sort_keys();
        }
        let _: Result<(), ()> = self.visit_schemas_mut(&mut |schema, _| {
            order_schema(schema);
            Ok(())
        });
    }

    /// Every operation with its place, in the order of the document.
    pub(crate) fn operations_mut(
        &mut self,
    ) -> impl Iterator<Item = (&str, &str, &mut Map<String, Value>)> {
        let paths = self.root.get_mut("paths").and_then(Value::as_object_mut);
        paths.into_iter().flatten().flat_map(|(path, item)| {
            item.as_object_mut()
                .into_iter()
                .flatten()
                .filter_map(move |(method, operation)| {
                    Some((path.as_str(), method.as_str(), operation.as_object_mut()?))
                })
        })
    }

    /// Calls `visit` with every schema, outer ones first.
    pub(crate) fn visit_schemas_mut<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        let root = At::Root;
        if let Some(Value::Object(schemas)) = self.root.pointer_mut("/components/schemas") {
            let (components, place);
            components = root.key("components");
            place = components.key("schemas");
            for (name, schema) in schemas {
                visit_schema(schema, &place.key(name), visit)?;
            }
        }
        let paths = root.key("paths");
        for (path, method, operation) in self.operations_mut() {
            let path = paths.key(path);
            let at = path.key(method);
            if let Some(Value::Array(parameters)) = operation.get_mut("parameters") {
                let at = at.key("parameters");
                for (index, parameter) in parameters.iter_mut().enumerate() {
                    let at = at.index(index);
                    if let Some(schema) = parameter.get_mut("schema") {
                        visit_schema(schema, &at.key("schema"), visit)?;
                    }
                    visit_content(parameter, &at, visit)?;
                }
            }
            if let Some(body) = operation.get_mut("requestBody") {
                visit_content(body, &at.key("requestBody"), visit)?;
            }
            if let Some(Value::Object(responses)) = operation.get_mut("responses") {
                let at = at.key("responses");
                for (status, response) in responses {
                    let at = at.key(status);
                    visit_content(response, &at, visit)?;
                    if let Some(Value::Object(headers)) = response.get_mut("headers") {
                        let at = at.key("headers");
                        for (name, header) in headers {
                            if let Some(schema) = header.get_mut("schema") {
                                let at = at.key(name);
                                visit_schema(schema, &at.key("schema"), visit)?;
                            }
                        }
                    }
                }
            }
            if let Some(item) = operation
                .get_mut("x-response")
                .and_then(|response| response.get_mut("item"))
            {
                let at = at.key("x-response");
                visit_schema(item, &at.key("item"), visit)?;
            }
        }
        Ok(())
    }
}

fn visit_content<E>(holder: &mut Value, at: &At<'_>, visit: &mut Visit<'_, E>) -> Result<(), E> {
    if let Some(Value::Object(content)) = holder.get_mut("content") {
        let at = at.key("content");
        for (media_type, media) in content {
            if let Some(schema) = media.get_mut("schema") {
                let at = at.key(media_type);
                visit_schema(schema, &at.key("schema"), visit)?;
            }
        }
    }
    Ok(())
}

fn visit_schema<E>(schema: &mut Value, at: &At<'_>, visit: &mut Visit<'_, E>) -> Result<(), E> {
    let Value::Object(schema) = schema else {
        return Ok(());
    };
    visit(schema, at)?;
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let at = at.key("properties");
        for (name, property) in properties {
            visit_schema(property, &at.key(name), visit)?;
        }
    }
    for key in ["items", "additionalProperties", "x-json"] {
        if let Some(inner) = schema.get_mut(key) {
            visit_schema(inner, &at.key(key), visit)?;
        }
    }
    for key in ["allOf", "oneOf"] {
        if let Some(Value::Array(members)) = schema.get_mut(key) {
            let at = at.key(key);
            for (index, member) in members.iter_mut().enumerate() {
                visit_schema(member, &at.index(index), visit)?;
            }
        }
    }
    Ok(())
}

fn order_schema(schema: &mut Map<String, Value>) {
    const SCHEMA: &[&str] = &[
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
    ];
    order_map(schema, SCHEMA);
}

fn order(value: &mut Value, keys: &[&str]) {
    if let Value::Object(map) = value {
        order_map(map, keys);
    }
}

/// The listed keys first, in the order of the list; then the others by name.
fn order_map(map: &mut Map<String, Value>, keys: &[&str]) {
    let rank = |key: &str| {
        keys.iter()
            .position(|&listed| listed == key)
            .unwrap_or(keys.len())
    };
    if map.keys().is_sorted_by(|a, b| (rank(a), a) <= (rank(b), b)) {
        return;
    }
    let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
    map.extend(entries);
}
