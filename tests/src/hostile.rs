//! JSON as no description promises it and every daemon sends it.

use serde_json::{Map, Value, json};

use crate::document::Document;
use crate::request::compare;
use crate::sample::{Maker, Round};
use crate::shape::Shape;

/// A name that no schema has.
const EXTRA: &str = "X-NeverHeardOf";
/// A text that no enum has.
const UNKNOWN: &str = "never heard of é";
/// A number that no enum has, and that every integer can hold.
const UNKNOWN_NUMBER: i64 = 113;

/// A document, and the places in it that can be made hostile.
pub(crate) struct Hostile {
    /// What reads it knows of more than the document does.
    is_part: bool,
    full: Value,
    places: Vec<Place>,
}

/// One value in the document.
struct Place {
    pointer: String,
    /// How many objects, lists and maps it is inside of.
    depth: usize,
    kind: Kind,
}

enum Kind {
    /// Its properties, and their other spellings.
    Object(Vec<(String, Vec<String>)>),
    /// A list, a map or a set.
    Collection,
    Enum,
    IntegerEnum,
    Integer(i64, u64),
    Number,
    Time,
    Other,
}

/// Takes out the empty lists and maps that were not sent, which is how a type holds those it did not get, and writes
/// names as they were sent, where they are the same but for their case.
fn as_sent(sent: &Value, written: &mut Value) {
    match (sent, written) {
        (Value::Object(sent), Value::Object(written)) => {
            written.retain(|name, value| {
                sent.contains_key(name) || !(*value == json!([]) || *value == json!({}))
            });
            for name in sent
                .keys()
                .filter(|name| !written.contains_key(*name))
                .collect::<Vec<_>>()
            {
                let same = written.keys().find(|written| {
                    written.eq_ignore_ascii_case(name) && !sent.contains_key(*written)
                });
                if let Some(value) = same.cloned().and_then(|same| written.remove(&same)) {
                    written.insert(name.clone(), value);
                }
            }
            for (name, value) in written {
                if let Some(sent) = sent.get(name) {
                    as_sent(sent, value);
                }
            }
        }
        (Value::Array(sent), Value::Array(written)) => {
            for (sent, written) in sent.iter().zip(written) {
                as_sent(sent, written);
            }
        }
        _ => {}
    }
}

/// A way to make a document hostile: its name, and the edits that it consists of.
struct Case {
    name: String,
    edits: Vec<Edit>,
}

#[derive(Clone)]
enum Edit {
    Set(String, Value),
    /// A property that no schema has, in the object at the place.
    Extra(String),
    /// Another spelling of a property of the object at the place.
    Rename(String, String, String),
}

impl Hostile {
    pub(crate) fn new(document: &Document, schema: &Value, name: &str, is_part: bool) -> Self {
        let full = Maker::new(document, Round::First, is_part)
            .full(schema, name)
            .unwrap_or_default();
        let mut places = Vec::new();
        find(document, schema, &full, String::new(), 0, &mut places);
        Self {
            is_part,
            full,
            places,
        }
    }

    /// Reads every case and writes it again by `decode`; returns what went wrong.
    pub(crate) fn try_all(&self, decode: impl Fn(&[u8]) -> Result<Vec<u8>, String>) -> Vec<String> {
        let mut wrong = Vec::new();
        let again = |value: &Value| -> Result<Value, String> {
            let written = decode(value.to_string().as_bytes())?;
            let mut written = serde_json::from_slice(&written)
                .map_err(|error| format!("written as no JSON: {error}"))?;
            if self.is_part {
                as_sent(&self.full, &mut written);
            }
            Ok(written)
        };
        match again(&self.full) {
            Ok(written) => compare(&self.full, &written, "#", &mut wrong),
            Err(error) => wrong.push(error),
        }
        if !wrong.is_empty() {
            // Every case that follows would fail for the same reason.
            wrong
                .iter_mut()
                .for_each(|text| text.insert_str(0, "complete: "));
            return wrong;
        }
        let empty = match &self.full {
            Value::Object(_) => json!({}),
            Value::Array(_) => json!([]),
            _ => Value::Null,
        };
        for value in [Value::Null, empty] {
            if let Err(error) = again(&value) {
                wrong.push(format!("{value}: {error}"));
            }
        }
        for case in self.cases() {
            let Err(problem) = self.try_edits(&case.edits, again) else {
                continue;
            };
            // All edits of a case are tried at once, which is quick; the one at fault is looked for now.
            let single = case
                .edits
                .iter()
                .find_map(|edit| self.try_edits(std::slice::from_ref(edit), again).err());
            wrong.push(format!("{}: {}", case.name, single.unwrap_or(problem)));
        }
        wrong
    }

    fn try_edits(
        &self,
        edits: &[Edit],
        again: impl Fn(&Value) -> Result<Value, String>,
    ) -> Result<(), String> {
        let mut sent = self.full.clone();
        let mut kept = self.full.clone();
        for edit in edits {
            edit.apply(&mut sent);
            if let Edit::Set(..) = edit {
                edit.apply(&mut kept);
            }
        }
        let place = match edits {
            [edit] => edit.describe(),
            _ => String::new(),
        };
        let written = again(&sent).map_err(|error| format!("{place}{error}"))?;
        let mut lost = Vec::new();
        find_lost(&kept, &written, "#", &mut lost);
        match lost.into_iter().next() {
            None => Ok(()),
            Some(lost) => Err(format!("{place}{lost}")),
        }
    }

    fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let deepest = self.places.iter().map(|place| place.depth).max();
        for depth in 1..=deepest.unwrap_or(0) {
            // One depth at a time: what is inside of a null is not there to be null.
            self.case(
                &mut cases,
                &format!("nothing but null {depth} deep"),
                |place| (place.depth == depth).then_some(Value::Null),
            );
            self.case(
                &mut cases,
                &format!("no list and no map {depth} deep"),
                |place| {
                    let is_collection = matches!(place.kind, Kind::Collection);
                    (place.depth == depth && is_collection).then_some(Value::Null)
                },
            );
        }
        self.case(&mut cases, "unknown values of enums", |place| {
            match place.kind {
                Kind::Enum => Some(json!(UNKNOWN)),
                Kind::IntegerEnum => Some(json!(UNKNOWN_NUMBER)),
                _ => None,
            }
        });
        self.case(&mut cases, "empty values of enums", |place| {
            matches!(place.kind, Kind::Enum).then(|| json!(""))
        });
        self.case(&mut cases, "the greatest numbers", |place| {
            match place.kind {
                Kind::Integer(_, greatest) => Some(json!(greatest)),
                Kind::Number => Some(json!(f64::MAX)),
                _ => None,
            }
        });
        self.case(&mut cases, "the least numbers", |place| match place.kind {
            // Where versions differ in the sign, it is the one that fits what daemons send.
            Kind::Integer(i64::MIN, _) if self.is_part => None,
            Kind::Integer(least, _) => Some(json!(least)),
            Kind::Number => Some(json!(f64::MIN)),
            _ => None,
        });
        self.case(&mut cases, "whole numbers", |place| {
            matches!(place.kind, Kind::Number).then(|| json!(1.0))
        });
        for time in ["", "0001-01-01T00:00:00Z", "2026-02-03 04:05:06 +0000 UTC"] {
            self.case(&mut cases, &format!("the time {time:?}"), |place| {
                matches!(place.kind, Kind::Time).then(|| json!(time))
            });
        }
        let objects = || {
            let objects = self.places.iter().filter_map(|place| match &place.kind {
                Kind::Object(aliases) => Some((&place.pointer, aliases)),
                _ => None,
            });
            // What is inside comes first: a new spelling moves it.
            objects.rev()
        };
        cases.push(Case {
            name: "a property that nobody described".to_owned(),
            edits: objects()
                .map(|(pointer, _)| Edit::Extra(pointer.clone()))
                .collect(),
        });
        let most = objects()
            .flat_map(|(_, properties)| properties)
            .map(|(_, aliases)| aliases.len())
            .max();
        // One spelling of a property at a time: two of them are no answer at all.
        for n in 0..most.unwrap_or(0) {
            cases.push(Case {
                name: "another spelling".to_owned(),
                edits: objects()
                    .flat_map(|(pointer, properties)| {
                        properties.iter().filter_map(move |(name, aliases)| {
                            let alias = aliases.get(n)?.clone();
                            Some(Edit::Rename(pointer.clone(), name.clone(), alias))
                        })
                    })
                    .collect(),
            });
        }
        cases.retain(|case| !case.edits.is_empty());
        cases
    }

    /// The case of replacing each value for which `replace` has another one.
    fn case(&self, cases: &mut Vec<Case>, name: &str, replace: impl Fn(&Place) -> Option<Value>) {
        let edits = self
            .places
            .iter()
            .filter_map(|place| Some(Edit::Set(place.pointer.clone(), replace(place)?)))
            .collect();
        cases.push(Case {
            name: name.to_owned(),
            edits,
        });
    }
}

impl Edit {
    fn apply(&self, root: &mut Value) {
        let object = |root: &'_ mut Value, pointer: &str| -> Map<String, Value> {
            match root.pointer_mut(pointer) {
                Some(Value::Object(object)) => std::mem::take(object),
                _ => unreachable!("an object stands at {pointer}"),
            }
        };
        let (pointer, value) = match self {
            Self::Set(pointer, value) => (pointer, value.clone()),
            Self::Extra(pointer) => {
                let mut object = object(root, pointer);
                object.insert(
                    EXTRA.to_owned(),
                    json!({ "a": [1, { "b": null }], "c": "é" }),
                );
                (pointer, object.into())
            }
            Self::Rename(pointer, from, to) => {
                let mut object = object(root, pointer);
                if let Some(value) = object.remove(from) {
                    object.insert(to.clone(), value);
                }
                (pointer, object.into())
            }
        };
        if let Some(place) = root.pointer_mut(pointer) {
            *place = value;
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Set(pointer, value) => format!("with {value} at #{pointer}: "),
            Self::Extra(pointer) => format!("with {EXTRA} at #{pointer}: "),
            Self::Rename(pointer, from, to) => format!("with {to} for {from} at #{pointer}: "),
        }
    }
}

/// Finds all places of a value below `pointer`.
fn find(
    document: &Document,
    schema: &Value,
    value: &Value,
    pointer: String,
    depth: usize,
    places: &mut Vec<Place>,
) {
    let below = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    let mut inside: Vec<(String, &Value, &Value)> = Vec::new();
    let kind = match Shape::of(document, schema) {
        Shape::Object(properties) => {
            let mut aliases = Vec::new();
            for property in &properties {
                let Some(value) = value.get(property.name) else {
                    continue;
                };
                inside.push((below(property.name), property.schema, value));
                let others = property.aliases.iter().map(|alias| (*alias).to_owned());
                aliases.push((property.name.to_owned(), others.collect()));
            }
            Kind::Object(aliases)
        }
        Shape::Map(values) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                inside.push((below(name), values, value));
            }
            Kind::Collection
        }
        Shape::List(items) => {
            for (n, value) in value.as_array().into_iter().flatten().enumerate() {
                inside.push((below(&n.to_string()), items, value));
            }
            Kind::Collection
        }
        Shape::Set => Kind::Collection,
        Shape::Enum(_) => Kind::Enum,
        Shape::IntegerEnum(_) => Kind::IntegerEnum,
        Shape::Integer(least, greatest) => Kind::Integer(least, greatest),
        Shape::Number => Kind::Number,
        Shape::Time => Kind::Time,
        Shape::Text | Shape::Base64 | Shape::Boolean | Shape::Any => Kind::Other,
    };
    // The bodies of the schemas are borrowed from the document, so the place is noted only now.
    let own = pointer.clone();
    places.push(Place {
        pointer: own,
        depth,
        kind,
    });
    for (pointer, schema, value) in inside {
        find(document, schema, value, pointer, depth + 1, places);
    }
}

/// Says what of `sent` is not in `written`: nulls do not count, and more may be there.
fn find_lost(sent: &Value, written: &Value, at: &str, lost: &mut Vec<String>) {
    match (sent, written) {
        (Value::Null, _) => {}
        (Value::Object(sent), Value::Object(written)) => {
            for (name, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
                match written.get(name) {
                    Some(written) => find_lost(value, written, &format!("{at}/{name}"), lost),
                    None => lost.push(format!("{at}/{name} is lost")),
                }
            }
        }
        (Value::Array(sent), Value::Array(written)) if sent.len() == written.len() => {
            for (n, (sent, written)) in sent.iter().zip(written).enumerate() {
                find_lost(sent, written, &format!("{at}/{n}"), lost);
            }
        }
        _ if sent == written => {}
        _ => lost.push(format!("{at} was {sent} and became {written}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        Document::of(json!({ "components": { "schemas": { "Thing": {
            "type": "object",
            "properties": {
                "Id": { "type": "string", "x-aliases": ["ID", "id"] },
                "Size": { "type": "integer", "format": "uint64" },
                "State": { "type": "string", "enum": ["up", "down"] },
                "Created": { "type": "string", "format": "date-time" },
                "Ports": { "type": "array", "items": { "type": "integer", "format": "uint16" } },
                "Labels": { "type": "object", "additionalProperties": { "type": "string" } }
            }
        } } } }))
    }

    /// What goes wrong where things are read like this.
    fn problems(read: impl Fn(Value) -> Result<Value, String>) -> Vec<String> {
        let document = document();
        let (_, schema) = document.definitions().next().unwrap();
        Hostile::new(&document, schema, "Thing", false).try_all(|text| {
            let mut value: Value = serde_json::from_slice(text).unwrap();
            for alias in ["ID", "id"] {
                if let Some(id) = value.as_object_mut().and_then(|thing| thing.remove(alias)) {
                    value["Id"] = id;
                }
            }
            Ok(read(value)?.to_string().into_bytes())
        })
    }

    #[test]
    fn nothing_is_wrong_where_everything_is_kept() {
        assert_eq!(problems(Ok), [""; 0]);
    }

    #[test]
    fn each_way_to_read_too_strictly_is_found() {
        let fails = |pointer: &'static str, fails: fn(&Value) -> bool| {
            problems(move |value| match value.pointer(pointer) {
                Some(found) if fails(found) => Err("cannot be read".to_owned()),
                _ => Ok(value),
            })
        };
        let found = fails("/Ports", Value::is_null);
        assert_eq!(
            found,
            [
                "nothing but null 1 deep: with null at #/Ports: cannot be read",
                "no list and no map 1 deep: with null at #/Ports: cannot be read",
            ]
        );
        assert_eq!(fails("/Labels", Value::is_null).len(), 2);
        assert_eq!(
            fails("/State", |state| state == UNKNOWN),
            [format!(
                "unknown values of enums: with {UNKNOWN:?} at #/State: cannot be read"
            )]
        );
        assert_eq!(fails("/Size", |size| *size == u64::MAX).len(), 1);
        assert_eq!(
            fails("/Created", |time| time == "0001-01-01T00:00:00Z").len(),
            1
        );
        assert_eq!(
            fails("", |thing| thing.get(EXTRA).is_some()),
            [format!(
                "a property that nobody described: with {EXTRA} at #: cannot be read"
            )]
        );
        assert_eq!(fails("", |thing| *thing == json!({})).len(), 1);
    }

    #[test]
    fn what_is_read_and_not_kept_is_found() {
        let lost = problems(|mut value| {
            if value["State"] == UNKNOWN {
                value["State"] = json!("Other");
            }
            Ok(value)
        });
        assert_eq!(
            lost,
            [format!(
                "unknown values of enums: with {UNKNOWN:?} at #/State: #/State was {UNKNOWN:?} and became \"Other\""
            )]
        );
        let lost = problems(|mut value| {
            if let Some(thing) = value.as_object_mut() {
                thing.remove("Labels");
            }
            Ok(value)
        });
        assert_eq!(lost, ["complete: # has no \"Labels\""]);
    }

    #[test]
    fn another_spelling_has_to_be_read() {
        let document = document();
        let (_, schema) = document.definitions().next().unwrap();
        let lost =
            Hostile::new(&document, schema, "Thing", false).try_all(|text| Ok(text.to_vec()));
        assert_eq!(
            lost,
            [
                "another spelling: with ID for Id at #: #/Id is lost",
                "another spelling: with id for Id at #: #/Id is lost",
            ]
        );
    }
}
