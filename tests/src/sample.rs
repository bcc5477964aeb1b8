//! Values for everything that a request can say, made from the document.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::document::{Document, Operation};
use crate::shape::Shape;

/// Characters that mean something in a path, a query, a header or JSON.
const ODD: &str = "é/?#%2F &+=;,:@[]{}'\"\\<>\u{7f}🐳..";

/// Two samples are made of each thing, so that no value can be right by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// True, the greatest numbers, the last value of an enum.
    First,
    /// False, the least numbers, the first value of an enum, a null where a map has one.
    Second,
}

impl Round {
    pub(crate) const BOTH: [Self; 2] = [Self::First, Self::Second];
}

/// A value for each parameter of one operation and for its body.
#[derive(Debug)]
pub struct Sample {
    pub(crate) parameters: BTreeMap<String, Value>,
    pub(crate) body: Option<Body>,
    /// Whoever asks knows of parameters that the document does not have.
    is_part: bool,
    pub(crate) problems: RefCell<Vec<String>>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

impl Sample {
    pub(crate) fn of(
        document: &Document,
        operation: Operation<'_>,
        round: Round,
        is_part: bool,
    ) -> Self {
        let mut maker = Maker::new(document, round, is_part);
        let parameters = operation
            .parameters()
            .map(|parameter| {
                let (name, schema) = (parameter.name(), parameter.schema());
                let value = match (parameter.place(), parameter.json_items()) {
                    ("path", _) => maker.path(name),
                    (_, Some(items)) => (1..=2).filter_map(|_| maker.full(items, name)).collect(),
                    ("header", None) if !parameter.is_json() => json!(format!("{name} value")),
                    _ if parameter.is_csv() => json!([format!("{name} é"), "b&c"]),
                    _ => maker.full(schema, name).unwrap_or_default(),
                };
                (parameter.key(), value)
            })
            .collect();
        let body = operation
            .body()
            .map(|(_, schema)| match schema["format"].as_str() {
                Some("binary") => Body::Bytes(vec![0, 0xff, b'\r', b'\n', b'{']),
                _ => Body::Json(maker.full(schema, "body").unwrap_or_default()),
            });
        Self {
            parameters,
            body,
            is_part,
            problems: RefCell::default(),
        }
    }

    /// The value of a parameter, such as `query:signal`.
    pub fn get<T: DeserializeOwned + Default>(&self, parameter: &str) -> Option<T> {
        if self.is_part && !self.parameters.contains_key(parameter) {
            return None;
        }
        Some(self.need(parameter))
    }

    /// The value of a parameter, such as `path:id`.
    pub fn need<T: DeserializeOwned + Default>(&self, parameter: &str) -> T {
        self.read(self.parameters.get(parameter), parameter)
    }

    /// Whether there is a body.
    pub fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// The body, as JSON.
    pub fn body<T: DeserializeOwned + Default>(&self) -> T {
        match &self.body {
            Some(Body::Json(value)) => self.read(Some(value), "body"),
            _ => self.read(None, "JSON body"),
        }
    }

    /// The body, as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Some(Body::Bytes(bytes)) => bytes.clone(),
            _ => self.read(None, "body of bytes"),
        }
    }

    /// Every type is read from text by this one line: each way of reading is compiled for all types.
    fn read<T: DeserializeOwned + Default>(&self, value: Option<&Value>, what: &str) -> T {
        let Some(value) = value else {
            self.problem(format!("the document has no {what}"));
            return T::default();
        };
        serde_json::from_slice(value.to_string().as_bytes()).unwrap_or_else(|error| {
            self.problem(format!("{what} cannot be read: {error}"));
            T::default()
        })
    }

    fn problem(&self, text: String) {
        self.problems.borrow_mut().push(text);
    }
}

/// Makes values that differ from place to place.
pub(crate) struct Maker<'a> {
    document: &'a Document,
    round: Round,
    /// The values are for types that know other versions too.
    is_part: bool,
    count: u64,
    /// The definitions on the way here: none is put inside itself.
    inside: Vec<String>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(document: &'a Document, round: Round, is_part: bool) -> Self {
        Self {
            document,
            round,
            is_part,
            count: 0,
            inside: Vec::new(),
        }
    }

    /// A value with everything that the schema has; none for a definition inside itself.
    pub(crate) fn full(&mut self, schema: &'a Value, name: &str) -> Option<Value> {
        let references: Vec<_> = references(schema).map(str::to_owned).collect();
        if references.iter().any(|next| self.inside.contains(next)) {
            return None;
        }
        let depth = self.inside.len();
        self.inside.extend(references);
        let value = self.shape(Shape::of(self.document, schema), name);
        self.inside.truncate(depth);
        Some(value)
    }

    fn shape(&mut self, shape: Shape<'a>, name: &str) -> Value {
        self.count += 1;
        let count = self.count;
        let first = self.round == Round::First;
        match shape {
            Shape::Object(properties) => properties
                .into_iter()
                .filter_map(|property| {
                    let value = self.full(property.schema, property.name)?;
                    Some((property.name.to_owned(), value))
                })
                .collect(),
            Shape::Map(values) => {
                let mut map = serde_json::Map::new();
                for n in 1..=2 {
                    if let Some(value) = self.full(values, name) {
                        map.insert(format!("{n} {name} {ODD}"), value);
                    }
                }
                let is_collection = matches!(
                    Shape::of(self.document, values),
                    Shape::List(_) | Shape::Map(_) | Shape::Set
                );
                // A list that is null and one that is empty are the same thing everywhere.
                if !first && values["nullable"] == true && !is_collection {
                    map.insert("nothing".to_owned(), Value::Null);
                }
                map.into()
            }
            Shape::Set => json!({ format!("{name} {ODD}"): {}, "80/tcp": {} }),
            Shape::List(items) => (1..=2).filter_map(|_| self.full(items, name)).collect(),
            Shape::Text => json!(format!("{name} {count} {ODD}")),
            Shape::Enum(values) => json!(if first { values.last() } else { values.first() }),
            Shape::Time if first => json!(format!("2026-02-03T04:05:06.{count:09}Z")),
            Shape::Time => json!(format!("2026-02-03T04:05:06.{count:09}+05:30")),
            Shape::Base64 => json!(STANDARD.encode(format!("{name} {count} {ODD}"))),
            Shape::Boolean => json!(first),
            // Neighbours differ, also where there are few numbers.
            Shape::Integer(_, greatest) if first => json!(greatest - count % 100),
            // Where versions differ in the sign, it is the one that fits what daemons send.
            Shape::Integer(i64::MIN, _) if self.is_part => json!(count % 100),
            Shape::Integer(0, _) => json!(count % 100),
            Shape::Integer(least, _) => json!(least + (count % 100) as i64),
            Shape::IntegerEnum(values) => json!(if first { values.last() } else { values.first() }),
            Shape::Number => json!(count as f64 + if first { 0.25 } else { -1000.5 }),
            Shape::Any if first => {
                json!({ format!("{name} {ODD}"): [count, -1, 0.5, true, null, "é", {}, []] })
            }
            Shape::Any => json!(format!("{name} {count}")),
        }
    }

    fn path(&mut self, name: &str) -> Value {
        self.count += 1;
        // Daemons write container names with a slash in front, and read them without.
        let slash = match self.round {
            Round::First => "",
            Round::Second => "/",
        };
        json!(format!("{slash}../{name} {} {ODD}", self.count))
    }
}

fn references(schema: &Value) -> impl Iterator<Item = &str> {
    let parts = schema["allOf"].as_array().into_iter().flatten();
    std::iter::once(schema)
        .chain(parts)
        .filter_map(|schema| schema["$ref"].as_str())
}
