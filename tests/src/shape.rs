//! What a schema allows.

use serde_json::Value;

use crate::document::{Document, entries};

/// What values of a schema look like.
#[derive(Debug)]
pub enum Shape<'a> {
    Object(Vec<Property<'a>>),
    /// Values by names of any kind.
    Map(&'a Value),
    /// An object of which only the names matter.
    Set,
    List(&'a Value),
    Text,
    Enum(Vec<&'a str>),
    Time,
    Base64,
    Boolean,
    /// The least and the greatest value.
    Integer(i64, u64),
    IntegerEnum(Vec<i64>),
    Number,
    Any,
}

/// A property of an object.
#[derive(Clone, Debug)]
pub struct Property<'a> {
    pub name: &'a str,
    pub schema: &'a Value,
    /// Other spellings that are read.
    pub aliases: Vec<&'a str>,
}

impl<'a> Shape<'a> {
    /// # Panics
    ///
    /// If the schema is one that no document has had so far.
    pub fn of(document: &'a Document, schema: &'a Value) -> Self {
        if let Some(reference) = schema["$ref"].as_str() {
            return Self::of(document, document.definition(reference));
        }
        if schema.get("allOf").is_some() {
            return Self::all_of(document, schema);
        }
        if schema.get("properties").is_some() {
            return Self::Object(properties(schema));
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            return choices
                .iter()
                .map(|choice| Self::of(document, choice))
                .find(|shape| matches!(shape, Self::List(_)))
                .unwrap_or_else(|| panic!("no list among the choices of {schema}"));
        }
        let values = || schema["enum"].as_array().into_iter().flatten();
        let is_enum = schema.get("enum").is_some();
        match (schema["type"].as_str(), schema["format"].as_str()) {
            (None, _) => Self::Any,
            (Some("object"), _) if schema["x-set"] == true => Self::Set,
            (Some("object"), _) => match schema.get("additionalProperties") {
                Some(values) if values.is_object() => Self::Map(values),
                _ => Self::Any,
            },
            (Some("array"), _) => Self::List(&schema["items"]),
            (Some("string"), _) if is_enum => {
                Self::Enum(values().filter_map(Value::as_str).collect())
            }
            (Some("string"), Some("date-time")) => Self::Time,
            (Some("string"), Some("byte")) => Self::Base64,
            (Some("string"), _) => Self::Text,
            (Some("boolean"), _) => Self::Boolean,
            (Some("number"), _) => Self::Number,
            (Some("integer"), _) if is_enum => {
                Self::IntegerEnum(values().filter_map(Value::as_i64).collect())
            }
            (Some("integer"), format) => {
                let (least, greatest) = range(format.unwrap_or("int64"))
                    .unwrap_or_else(|| panic!("integers of format {format:?}"));
                Self::Integer(least, greatest)
            }
            (Some(other), _) => panic!("values of type {other}"),
        }
    }

    /// All properties of all parts, a later one in place of an earlier one; of a single part, its shape.
    fn all_of(document: &'a Document, schema: &'a Value) -> Self {
        let mut all: Vec<Property<'a>> = Vec::new();
        let parts = schema["allOf"].as_array().into_iter().flatten();
        for part in parts {
            match Self::of(document, part) {
                Self::Object(properties) => add(&mut all, properties),
                single
                    if schema["allOf"]
                        .as_array()
                        .is_some_and(|parts| parts.len() == 1) =>
                {
                    return single;
                }
                // A part that only says that it is an object.
                _ => {}
            }
        }
        add(&mut all, properties(schema));
        Self::Object(all)
    }
}

fn add<'a>(all: &mut Vec<Property<'a>>, more: Vec<Property<'a>>) {
    for property in more {
        match all.iter_mut().find(|known| known.name == property.name) {
            Some(known) => *known = property,
            None => all.push(property),
        }
    }
}

fn properties(schema: &Value) -> Vec<Property<'_>> {
    entries(&schema["properties"])
        .map(|(name, schema)| Property {
            name,
            schema,
            aliases: schema["x-aliases"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect(),
        })
        .collect()
}

fn range(format: &str) -> Option<(i64, u64)> {
    let signed = |bits: u32| (-(1_i64 << (bits - 1)), (1_u64 << (bits - 1)) - 1);
    let unsigned = |bits: u32| (0, (1_u64 << bits) - 1);
    Some(match format {
        "int8" => signed(8),
        "int16" => signed(16),
        "int32" => signed(32),
        "int64" | "int" => (i64::MIN, i64::MAX.unsigned_abs()),
        "uint8" => unsigned(8),
        "uint16" => unsigned(16),
        "uint32" => unsigned(32),
        "uint64" | "uint" => (0, u64::MAX),
        _ => return None,
    })
}
