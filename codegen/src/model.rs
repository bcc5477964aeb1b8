//! One API version as plain data: what a document of `specs/openapi` says, with references resolved and
//! unnamed types given a place. There is no Rust syntax here, and no Rust name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::version::Version;

/// All that one API version consists of.
#[derive(Clone, Debug)]
pub struct Api {
    pub version: Version,
    /// In the order of the document.
    pub operations: Vec<Operation>,
    /// Named types first, in the order of the document, then unnamed ones as they were met.
    pub types: Vec<TypeDef>,
}

/// The place of a type in [`Api::types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub usize);

/// A type with a shape of its own: a definition, or an unnamed object or enum inside something else.
#[derive(Clone, Debug)]
pub struct TypeDef {
    pub place: Vec<Step>,
    pub shape: Shape,
    /// `null` may stand where the type is expected.
    pub nullable: bool,
    pub usage: Usage,
}

impl TypeDef {
    /// The types that it is made of.
    pub fn parts(&self) -> Vec<&Type> {
        match &self.shape {
            Shape::Object(fields) => fields.iter().map(|field| &field.ty).collect(),
            Shape::Alias(ty) => vec![ty],
            Shape::TextEnum(_) | Shape::IntegerEnum(_) => Vec::new(),
        }
    }
}

/// A step on the way from a name in the document to a type inside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A definition.
    Definition(String),
    /// The parameter of an operation.
    Parameter(String, String),
    /// The body of an operation's request.
    Request(String),
    /// The body of an operation's successful answer.
    Response(String),
    /// A field of an object.
    Field(String),
    /// The items of a list.
    Item,
    /// The values of a map.
    Entry,
}

#[derive(Clone, Debug)]
pub enum Shape {
    Object(Vec<Field>),
    TextEnum(Vec<String>),
    IntegerEnum(Vec<NamedInteger>),
    /// A definition that only gives a name to a list, a map or a scalar.
    Alias(Type),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedInteger {
    pub value: i64,
    /// What it means, where a correction says so: descriptions list bare numbers.
    pub name: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Field {
    /// As it stands in JSON.
    pub name: String,
    pub ty: Type,
    pub required: bool,
    pub nullable: bool,
    /// Other spellings that daemons send.
    pub aliases: Vec<String>,
    /// Never to be shown in debug output.
    pub secret: bool,
    pub default: Option<Value>,
    /// What values may be, beyond what their type says.
    pub form: Option<String>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    Text,
    Boolean,
    Integer(Integer),
    Number,
    /// RFC 3339.
    Timestamp,
    /// Bytes, as base64 text.
    Base64,
    /// Any JSON value.
    Any,
    List(Box<Type>),
    /// Keys are text.
    Map(Box<Type>),
    /// An entry of a map whose null says something of its own, other than an empty value.
    Nullable(Box<Type>),
    /// An object of which only the keys matter.
    Set,
    Named(TypeId),
}

impl Type {
    /// What an entry of a map is where it is not null.
    pub fn entry(&self) -> &Self {
        match self {
            Self::Nullable(entry) => entry,
            other => other,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Integer {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
}

/// Which way values of a type travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub request: bool,
    pub response: bool,
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub id: String,
    pub tag: String,
    /// Upper case.
    pub method: String,
    pub path: String,
    pub parameters: Vec<Parameter>,
    pub body: Option<Body>,
    pub answer: Answer,
    /// Where a successful answer holds the daemon's words about a failure, as a JSON pointer.
    pub failure: Option<String>,
    /// Several successful statuses, each with what it means; empty where there is only one.
    pub outcomes: Vec<Outcome>,
    /// Declared statuses of failure.
    pub errors: Vec<u16>,
    pub tty: Option<Tty>,
    /// There is no limit on how long the daemon may take.
    pub unbounded: bool,
    /// What the daemon does, in this version, with what is described otherwise or not at all.
    pub behaviours: Vec<(Said, Behaviour)>,
    /// What the daemon takes, in this version, for what is not said, where versions differ in that; in words.
    pub defaults: Vec<(Said, String)>,
}

/// A place in a request, as in `body:HostConfig.Mounts[].Type=image`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub place: SaidIn,
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaidIn {
    Query,
    Header,
    Body,
}

/// What a daemon does with something that its version does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It goes on as if it had not been said.
    Ignored,
    /// It answers with an error.
    Refused,
    /// It has the same thing under this name.
    Renamed(String),
}

#[derive(Clone, Debug)]
pub struct Outcome {
    pub status: u16,
    /// Such as `already-started`.
    pub name: String,
    pub body: Option<Type>,
}

/// Where to learn whether a stream comes from a terminal.
#[derive(Clone, Debug)]
pub struct Tty {
    pub path: String,
    pub pointer: String,
    /// The answer's content type says it already.
    pub content_type: bool,
}

#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    pub place: Place,
    pub required: bool,
    pub ty: Type,
    pub encoding: Encoding,
    pub default: Option<Value>,
    /// What values may be, beyond what their type says.
    pub form: Option<String>,
    /// Whose credentials it holds, which the client finds unless it is told.
    pub credentials: Option<Credentials>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Those for the registry of the image that this parameter names.
    Of(String),
    /// Those for every registry, by its address.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Path,
    Query,
    Header,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As text; a list repeats the parameter.
    Plain,
    /// A list in one value, separated by commas.
    Csv,
    Json,
    /// A list that repeats the parameter, each item as JSON.
    JsonItems,
    /// JSON in the URL-safe base64 alphabet.
    Base64UrlJson,
}

#[derive(Clone, Debug)]
pub struct Body {
    pub required: bool,
    pub content: BodyContent,
}

#[derive(Clone, Debug)]
pub enum BodyContent {
    Json(Type),
    /// Octets of this media type.
    Binary(String),
}

#[derive(Clone, Debug)]
pub enum Answer {
    Json(Type),
    Unit,
    Text,
    Bytes,
    JsonLines(Type),
    LogFrames,
    Upgrade,
    Head(Vec<Header>),
}

#[derive(Clone, Debug)]
pub struct Header {
    pub name: String,
    pub ty: Type,
    pub encoding: Encoding,
}

type Result<T> = std::result::Result<T, Error>;

impl Api {
    /// Reads a document of `specs/openapi`.
    pub fn read(document: &Value) -> Result<Self> {
        let pointer = "/info/version";
        let text = document
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default();
        let version = text
            .parse()
            .map_err(|problem: String| Error::new(format!("#{pointer}"), problem))?;
        let mut reader = Reader {
            version,
            document,
            types: Vec::new(),
            definitions: BTreeMap::new(),
        };
        reader.definitions()?;
        let operations = reader.operations()?;
        let mut api = Self {
            version,
            operations,
            types: reader.types,
        };
        api.find_usage();
        Ok(api)
    }

    pub fn type_def(&self, id: TypeId) -> &TypeDef {
        &self.types[id.0]
    }

    /// Follows names that only stand for another type.
    pub fn resolve<'a>(&'a self, ty: &'a Type) -> &'a Type {
        match ty {
            Type::Named(id) => match &self.type_def(*id).shape {
                Shape::Alias(aliased) => self.resolve(aliased),
                _ => ty,
            },
            _ => ty,
        }
    }

    /// Finds out which way the values of each type travel.
    pub fn find_usage(&mut self) {
        for def in &mut self.types {
            def.usage = Usage::default();
        }
        let mut requests = Vec::new();
        let mut responses = Vec::new();
        for operation in &self.operations {
            requests.extend(
                operation
                    .parameters
                    .iter()
                    .map(|parameter| parameter.ty.clone()),
            );
            if let Some(Body {
                content: BodyContent::Json(ty),
                ..
            }) = &operation.body
            {
                requests.push(ty.clone());
            }
            match &operation.answer {
                Answer::Json(ty) | Answer::JsonLines(ty) => responses.push(ty.clone()),
                Answer::Head(headers) => responses.extend(headers.iter().map(|h| h.ty.clone())),
                _ => {}
            }
            responses.extend(operation.outcomes.iter().filter_map(|o| o.body.clone()));
        }
        for ty in requests {
            self.mark(&ty, |usage| &mut usage.request);
        }
        for ty in responses {
            self.mark(&ty, |usage| &mut usage.response);
        }
        // What nothing refers to can only come from a daemon: the error body, items of free-form lists.
        for at in 0..self.types.len() {
            if self.types[at].usage == Usage::default() {
                self.mark(&Type::Named(TypeId(at)), |usage| &mut usage.response);
            }
        }
    }

    fn mark(&mut self, ty: &Type, way: fn(&mut Usage) -> &mut bool) {
        match ty {
            Type::List(inner) | Type::Map(inner) | Type::Nullable(inner) => {
                self.mark(inner, way);
            }
            Type::Named(id) => {
                if std::mem::replace(way(&mut self.types[id.0].usage), true) {
                    return;
                }
                match self.types[id.0].shape.clone() {
                    Shape::Object(fields) => fields.iter().for_each(|f| self.mark(&f.ty, way)),
                    Shape::Alias(aliased) => self.mark(&aliased, way),
                    Shape::TextEnum(_) | Shape::IntegerEnum(_) => {}
                }
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    version: Version,
    document: &'a Value,
    types: Vec<TypeDef>,
    definitions: BTreeMap<String, TypeId>,
}

/// Where the reader is: the JSON pointer for errors, and the place for types met there.
#[derive(Clone)]
struct At {
    pointer: String,
    place: Vec<Step>,
}

impl At {
    fn new(pointer: String, step: Step) -> Self {
        Self {
            pointer,
            place: vec![step],
        }
    }

    fn step(&self, pointer: &str, step: Step) -> Self {
        let mut place = self.place.clone();
        place.push(step);
        Self {
            pointer: format!("{}{pointer}", self.pointer),
            place,
        }
    }

    fn inside(&self, pointer: &str) -> Self {
        Self {
            pointer: format!("{}{pointer}", self.pointer),
            place: self.place.clone(),
        }
    }
}

const METHODS: [&str; 5] = ["get", "head", "put", "post", "delete"];

impl<'a> Reader<'a> {
    fn error(&self, pointer: &str, problem: impl Into<String>) -> Error {
        Error::new(format!("#{pointer}"), problem).in_version(self.version)
    }

    fn object(&self, value: &'a Value, pointer: &str) -> Result<&'a Map<String, Value>> {
        value
            .as_object()
            .ok_or_else(|| self.error(pointer, "an object is expected here"))
    }

    fn definitions(&mut self) -> Result<()> {
        let pointer = "/components/schemas";
        let Some(schemas) = self.document.pointer(pointer) else {
            return Ok(());
        };
        let schemas = self.object(schemas, pointer)?;
        for (at, (name, schema)) in schemas.iter().enumerate() {
            self.definitions.insert(name.clone(), TypeId(at));
            self.types.push(TypeDef {
                place: vec![Step::Definition(name.clone())],
                shape: Shape::Alias(Type::Any),
                nullable: flag(schema, "nullable"),
                usage: Usage::default(),
            });
        }
        for (name, schema) in schemas {
            let at = At::new(format!("{pointer}/{name}"), Step::Definition(name.clone()));
            let id = self.definitions[name];
            let shape = match self.shape(schema, &at)? {
                Some(shape) => shape,
                None => Shape::Alias(self.ty(schema, &at)?),
            };
            self.types[id.0].shape = shape;
        }
        Ok(())
    }

    fn operations(&mut self) -> Result<Vec<Operation>> {
        let mut operations = Vec::new();
        let paths = self.document.get("paths").unwrap_or(&Value::Null);
        for (path, item) in self.object(paths, "/paths")? {
            let pointer = format!("/paths/{}", escape(path));
            for (method, operation) in self.object(item, &pointer)? {
                if !METHODS.contains(&method.as_str()) {
                    return Err(self.error(&pointer, format!("the method {method} is not known")));
                }
                operations.push(self.operation(
                    path,
                    method,
                    operation,
                    &format!("{pointer}/{method}"),
                )?);
            }
        }
        Ok(operations)
    }

    fn operation(
        &mut self,
        path: &str,
        method: &str,
        value: &'a Value,
        pointer: &str,
    ) -> Result<Operation> {
        let id = text(value, "operationId")
            .ok_or_else(|| self.error(pointer, "the operation has no operationId"))?;
        let tag = value["tags"][0]
            .as_str()
            .ok_or_else(|| self.error(pointer, "the operation has no tag"))?;
        let mut parameters = Vec::new();
        for (n, parameter) in value["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            parameters.push(self.parameter(
                &id,
                parameter,
                &format!("{pointer}/parameters/{n}"),
            )?);
        }
        let body = match value.get("requestBody") {
            Some(body) => Some(self.body(&id, body, &format!("{pointer}/requestBody"))?),
            None => None,
        };
        let responses = self.object(&value["responses"], &format!("{pointer}/responses"))?;
        let mut errors = Vec::new();
        for status in responses.keys() {
            let status: u16 = status
                .parse()
                .map_err(|_| self.error(pointer, format!("`{status}` is not a status")))?;
            if status >= 400 {
                errors.push(status);
            }
        }
        Ok(Operation {
            answer: self.answer(&id, value, pointer)?,
            outcomes: self.outcomes(&id, value, pointer)?,
            failure: text(&value["x-response"], "failure"),
            tty: value.get("x-tty").map(|tty| Tty {
                path: text(tty, "path").unwrap_or_default(),
                pointer: text(tty, "pointer").unwrap_or_default(),
                content_type: flag(tty, "content-type"),
            }),
            unbounded: flag(value, "x-unbounded"),
            behaviours: self.behaviours(value, pointer)?,
            defaults: self.defaults(value, pointer)?,
            id,
            tag: tag.to_owned(),
            method: method.to_uppercase(),
            path: path.to_owned(),
            parameters,
            body,
            errors,
        })
    }

    fn behaviours(&self, value: &Value, pointer: &str) -> Result<Vec<(Said, Behaviour)>> {
        let pointer = format!("{pointer}/x-behaviour");
        let said = value.get("x-behaviour").and_then(Value::as_object);
        let read = |(place, behaviour): (&String, &Value)| {
            let place = self.said(place, &pointer)?;
            let behaviour = match (behaviour.as_str(), text(behaviour, "renamed")) {
                (Some("ignored"), _) => Behaviour::Ignored,
                (Some("refused"), _) => Behaviour::Refused,
                (_, Some(name)) => Behaviour::Renamed(name),
                _ => return Err(self.error(&pointer, format!("{behaviour} is no behaviour"))),
            };
            Ok((place, behaviour))
        };
        said.into_iter().flatten().map(read).collect()
    }

    fn defaults(&self, value: &Value, pointer: &str) -> Result<Vec<(Said, String)>> {
        let pointer = format!("{pointer}/x-defaults");
        let said = value.get("x-defaults").and_then(Value::as_object);
        let read = |(place, default): (&String, &Value)| match default.as_str() {
            Some(default) => Ok((self.said(place, &pointer)?, default.to_owned())),
            None => Err(self.error(&pointer, format!("{default} is no text"))),
        };
        said.into_iter().flatten().map(read).collect()
    }

    fn said(&self, place: &str, pointer: &str) -> Result<Said> {
        let (place, path) = place.split_once(':').unwrap_or(("", place));
        let place = match place {
            "query" => SaidIn::Query,
            "header" => SaidIn::Header,
            "body" => SaidIn::Body,
            _ => {
                let problem = format!("{path} stands in the query, a header or the body");
                return Err(self.error(pointer, problem));
            }
        };
        let path = path.to_owned();
        Ok(Said { place, path })
    }

    fn parameter(&mut self, id: &str, value: &'a Value, pointer: &str) -> Result<Parameter> {
        let name =
            text(value, "name").ok_or_else(|| self.error(pointer, "a parameter without a name"))?;
        let place = match text(value, "in").as_deref() {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") => Place::Header,
            other => {
                return Err(self.error(
                    pointer,
                    format!("parameters in {other:?} are not supported"),
                ));
            }
        };
        let at = At::new(
            pointer.to_owned(),
            Step::Parameter(id.to_owned(), name.clone()),
        );
        let (schema, encoding, at) = self.encoded_schema(value, &at)?;
        let encoding = match value.get("explode") {
            Some(Value::Bool(false)) if encoding == Encoding::Plain => Encoding::Csv,
            _ => encoding,
        };
        let (ty, encoding) = match schema.pointer("/items/x-json") {
            Some(item) => {
                let item = self.ty(item, &at.step("/items/x-json", Step::Item))?;
                (Type::List(Box::new(item)), Encoding::JsonItems)
            }
            None => (self.ty(schema, &at)?, encoding),
        };
        Ok(Parameter {
            ty,
            required: flag(value, "required"),
            default: schema.get("default").cloned(),
            form: form(schema),
            credentials: text(value, "x-credentials").map(|of| match of.as_str() {
                "all" => Credentials::All,
                _ => Credentials::Of(of),
            }),
            name,
            place,
            encoding,
        })
    }

    /// The schema of a parameter or header, which stands in `schema` or, for JSON, in `content`.
    fn encoded_schema(&self, value: &'a Value, at: &At) -> Result<(&'a Value, Encoding, At)> {
        if let Some(schema) = value.pointer("/content/application~1json/schema") {
            let encoding = match text(value, "x-encoding").as_deref() {
                None => Encoding::Json,
                Some("base64url" | "base64") => Encoding::Base64UrlJson,
                Some(other) => {
                    return Err(self.error(
                        &at.pointer,
                        format!("the encoding {other} is not supported"),
                    ));
                }
            };
            return Ok((
                schema,
                encoding,
                at.inside("/content/application~1json/schema"),
            ));
        }
        match value.get("schema") {
            Some(schema) => Ok((schema, Encoding::Plain, at.inside("/schema"))),
            None => Err(self.error(&at.pointer, "neither a schema nor JSON content")),
        }
    }

    fn body(&mut self, id: &str, value: &'a Value, pointer: &str) -> Result<Body> {
        let content = self.object(&value["content"], &format!("{pointer}/content"))?;
        let (media, schema) = match content.iter().next() {
            Some((media, value)) if content.len() == 1 => (media, &value["schema"]),
            _ => return Err(self.error(pointer, "a body needs exactly one media type")),
        };
        let content = if text(schema, "format").as_deref() == Some("binary") {
            BodyContent::Binary(media.clone())
        } else {
            let pointer = format!("{pointer}/content/{}/schema", escape(media));
            BodyContent::Json(self.ty(schema, &At::new(pointer, Step::Request(id.to_owned())))?)
        };
        Ok(Body {
            required: flag(value, "required"),
            content,
        })
    }

    fn answer(&mut self, id: &str, value: &'a Value, pointer: &str) -> Result<Answer> {
        let response = &value["x-response"];
        Ok(match text(response, "kind").as_deref() {
            Some("json") => {
                let (status, schema) = self
                    .success_schemas(value)
                    .into_iter()
                    .next()
                    .ok_or_else(|| self.error(pointer, "a JSON answer without a schema"))?;
                let at = At::new(
                    format!("{pointer}/responses/{status}"),
                    Step::Response(id.to_owned()),
                );
                Answer::Json(self.ty(schema, &at)?)
            }
            Some("unit") => Answer::Unit,
            Some("text") => Answer::Text,
            Some("bytes") => Answer::Bytes,
            Some("json-lines") => {
                let at = At::new(
                    format!("{pointer}/x-response/item"),
                    Step::Response(id.to_owned()),
                );
                Answer::JsonLines(self.ty(&response["item"], &at)?)
            }
            Some("log-frames") => Answer::LogFrames,
            Some("upgrade") => Answer::Upgrade,
            Some("head") => Answer::Head(self.headers(id, value, pointer)?),
            other => {
                return Err(self.error(
                    &format!("{pointer}/x-response"),
                    format!("unknown kind {other:?}"),
                ));
            }
        })
    }

    /// Each successful status whose answer is a JSON document, with its schema.
    fn success_schemas(&self, operation: &'a Value) -> Vec<(&'a str, &'a Value)> {
        let responses = operation["responses"].as_object().into_iter().flatten();
        responses
            .filter(|(status, _)| status.starts_with('2'))
            .filter_map(|(status, response)| {
                Some((
                    status.as_str(),
                    response.pointer("/content/application~1json/schema")?,
                ))
            })
            .collect()
    }

    fn outcomes(&mut self, id: &str, value: &'a Value, pointer: &str) -> Result<Vec<Outcome>> {
        let Some(outcomes) = value.get("x-outcomes") else {
            return Ok(Vec::new());
        };
        let schemas: BTreeMap<_, _> = self.success_schemas(value).into_iter().collect();
        let pointer = format!("{pointer}/x-outcomes");
        let mut list = Vec::new();
        for (status, name) in self.object(outcomes, &pointer)? {
            let body = match schemas.get(status.as_str()) {
                Some(schema) => Some(self.ty(
                    schema,
                    &At::new(pointer.clone(), Step::Response(id.to_owned())),
                )?),
                None => None,
            };
            list.push(Outcome {
                status: status
                    .parse()
                    .map_err(|_| self.error(&pointer, "a status is expected"))?,
                name: name.as_str().unwrap_or_default().to_owned(),
                body,
            });
        }
        Ok(list)
    }

    fn headers(&mut self, id: &str, value: &'a Value, pointer: &str) -> Result<Vec<Header>> {
        let mut list = Vec::new();
        let Some(headers) = value.pointer("/responses/200/headers") else {
            return Ok(list);
        };
        let pointer = format!("{pointer}/responses/200/headers");
        for (name, header) in self.object(headers, &pointer)? {
            let mut at = At::new(format!("{pointer}/{name}"), Step::Response(id.to_owned()));
            at.place.push(Step::Field(name.clone()));
            let (schema, encoding, at) = self.encoded_schema(header, &at)?;
            list.push(Header {
                name: name.clone(),
                ty: self.ty(schema, &at)?,
                encoding,
            });
        }
        Ok(list)
    }

    /// The shape of a schema that makes a type of its own: an object with fields, or an enum.
    fn shape(&mut self, schema: &'a Value, at: &At) -> Result<Option<Shape>> {
        if schema.get("allOf").is_some() && reference_alone(schema).is_none() {
            let mut fields = Vec::new();
            self.all_fields(schema, at, &mut fields)?;
            return Ok(Some(Shape::Object(fields)));
        }
        if schema.get("properties").is_some() {
            let mut fields = Vec::new();
            self.fields(schema, at, &mut fields)?;
            return Ok(Some(Shape::Object(fields)));
        }
        let Some(values) = schema.get("enum").and_then(Value::as_array) else {
            return Ok(None);
        };
        let unsupported = || self.error(&at.pointer, "only texts or integers can be enumerated");
        match text(schema, "type").as_deref() {
            Some("integer") => {
                let named = values.iter().enumerate().map(|(n, value)| {
                    let name = schema["x-enum-varnames"][n].as_str().map(str::to_owned);
                    Some(NamedInteger {
                        value: value.as_i64()?,
                        name,
                    })
                });
                Ok(Some(Shape::IntegerEnum(
                    named.collect::<Option<_>>().ok_or_else(unsupported)?,
                )))
            }
            Some("string") => {
                let values = values
                    .iter()
                    .map(|v| v.as_str().map(str::to_owned))
                    .collect::<Option<_>>();
                Ok(Some(Shape::TextEnum(values.ok_or_else(unsupported)?)))
            }
            _ => Err(unsupported()),
        }
    }

    /// The fields of an object made of several schemas. A later one wins over an earlier one of its name.
    fn all_fields(&mut self, schema: &'a Value, at: &At, fields: &mut Vec<Field>) -> Result<()> {
        for (n, part) in schema["allOf"].as_array().into_iter().flatten().enumerate() {
            let at = at.inside(&format!("/allOf/{n}"));
            if part.get("allOf").is_some() {
                self.all_fields(part, &at, fields)?;
            } else if let Some(name) = reference(part) {
                // Read again rather than taken from the definition, which may not have been read yet;
                // unnamed types inside keep the definition's name.
                let target = self.target(name, &at.pointer)?;
                let pointer = format!("/components/schemas/{name}");
                let at = At::new(pointer, Step::Definition(name.to_owned()));
                if target.get("allOf").is_some() {
                    self.all_fields(target, &at, fields)?;
                } else {
                    self.fields(target, &at, fields)?;
                }
            } else {
                self.fields(part, &at, fields)?;
            }
        }
        self.fields(schema, at, fields)
    }

    fn fields(&mut self, schema: &'a Value, at: &At, fields: &mut Vec<Field>) -> Result<()> {
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let Some(properties) = schema.get("properties") else {
            return Ok(());
        };
        for (name, property) in self.object(properties, &at.pointer)? {
            let at = at.step(&format!("/properties/{name}"), Step::Field(name.clone()));
            let ty = self.ty(property, &at)?;
            let nullable_type = match &ty {
                Type::Named(id) => self.types[id.0].nullable,
                _ => false,
            };
            let field = Field {
                name: name.clone(),
                ty,
                required: required.contains(&name.as_str()),
                nullable: flag(property, "nullable") || nullable_type,
                aliases: property["x-aliases"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|alias| alias.as_str().map(str::to_owned))
                    .collect(),
                secret: flag(property, "x-secret"),
                default: property.get("default").cloned(),
                form: form(property),
            };
            match fields.iter_mut().find(|known| known.name == *name) {
                Some(known) => *known = field,
                None => fields.push(field),
            }
        }
        Ok(())
    }

    fn ty(&mut self, schema: &'a Value, at: &At) -> Result<Type> {
        if let Some(name) = reference_alone(schema) {
            self.target(name, &at.pointer)?;
            return Ok(Type::Named(self.definitions[name]));
        }
        if let Some(shape) = self.shape(schema, at)? {
            return Ok(Type::Named(self.unnamed(shape, at)));
        }
        if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
            return match choices
                .iter()
                .find(|choice| text(choice, "type").as_deref() == Some("array"))
            {
                // A list or a lone text: reading accepts both wherever a list is due.
                Some(list) => self.ty(list, at),
                None => Err(self.error(&at.pointer, "this choice of types is not supported")),
            };
        }
        let Some(kind) = text(schema, "type") else {
            return Ok(Type::Any);
        };
        let format = text(schema, "format");
        Ok(match (kind.as_str(), format.as_deref()) {
            ("string", Some("date-time")) => Type::Timestamp,
            ("string", Some("byte")) => Type::Base64,
            ("string", _) => Type::Text,
            ("boolean", _) => Type::Boolean,
            ("number", _) => Type::Number,
            ("integer", format) => Type::Integer(match format {
                None | Some("int64" | "int") => Integer::I64,
                Some("int32") => Integer::I32,
                Some("int16") => Integer::I16,
                Some("int8") => Integer::I8,
                Some("uint64" | "uint") => Integer::U64,
                Some("uint32") => Integer::U32,
                Some("uint16") => Integer::U16,
                Some("uint8") => Integer::U8,
                Some(other) => {
                    return Err(self.error(
                        &at.pointer,
                        format!("integers of format {other} are not supported"),
                    ));
                }
            }),
            ("array", _) => {
                let items = &schema["items"];
                Type::List(Box::new(self.ty(items, &at.step("/items", Step::Item))?))
            }
            ("object", _) if flag(schema, "x-set") => Type::Set,
            ("object", _) => match schema.get("additionalProperties") {
                Some(values @ Value::Object(_)) => {
                    let at = at.step("/additionalProperties", Step::Entry);
                    let entry = self.ty(values, &at)?;
                    // No list and an empty one are the same thing everywhere.
                    let is_collection = matches!(entry, Type::List(_) | Type::Map(_) | Type::Set);
                    Type::Map(Box::new(if flag(values, "nullable") && !is_collection {
                        Type::Nullable(Box::new(entry))
                    } else {
                        entry
                    }))
                }
                _ => Type::Any,
            },
            (other, _) => {
                return Err(self.error(&at.pointer, format!("the type {other} is not supported")));
            }
        })
    }

    /// The type of an unnamed object or enum: the one already met at that place, or a new one.
    fn unnamed(&mut self, shape: Shape, at: &At) -> TypeId {
        if let Some(known) = self.types.iter().position(|known| known.place == at.place) {
            return TypeId(known);
        }
        self.types.push(TypeDef {
            place: at.place.clone(),
            shape,
            nullable: false,
            usage: Usage::default(),
        });
        TypeId(self.types.len() - 1)
    }

    fn target(&self, name: &str, pointer: &str) -> Result<&'a Value> {
        self.document
            .pointer("/components/schemas")
            .and_then(|schemas| schemas.get(name))
            .ok_or_else(|| self.error(pointer, format!("there is no definition {name}")))
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema
        .get("$ref")?
        .as_str()?
        .strip_prefix("#/components/schemas/")
}

/// The definition that a schema stands for and adds nothing to, `nullable` aside.
fn reference_alone(schema: &Value) -> Option<&str> {
    if let Some(name) = reference(schema) {
        return Some(name);
    }
    match schema.get("allOf")?.as_array()?.as_slice() {
        [part] if schema.get("properties").is_none() => reference(part),
        _ => None,
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}
/// What a schema says of its values beyond their type, as a sentence.
fn form(schema: &Value) -> Option<String> {
    let of = |least: &str, most: &str| (schema.get(least), schema.get(most));
    let range = match of("minimum", "maximum") {
        (Some(least), Some(most)) => Some(format!("Range: {least} to {most}.")),
        (Some(least), None) => Some(format!("At least {least}.")),
        (None, Some(most)) => Some(format!("At most {most}.")),
        (None, None) => None,
    };
    let length = match of("minLength", "maxLength") {
        (Some(least), Some(most)) if least == most => Some(format!("Length: {least}.")),
        (Some(least), Some(most)) => Some(format!("Length: {least} to {most}.")),
        _ => None,
    };
    // Other formats are types.
    let format = match text(schema, "format").as_deref() {
        Some("cidr") => Some("Format: CIDR.".to_owned()),
        Some("ip-address") => Some("Format: IP address.".to_owned()),
        Some("uri") => Some("Format: URI.".to_owned()),
        _ => None,
    };
    let said: Vec<_> = [range, length, format].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(" "))
}
