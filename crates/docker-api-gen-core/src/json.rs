//! JSON of any shape.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Number;

use crate::error::{Error, ErrorKind};

/// A JSON value of any shape, where the API leaves the shape open.
///
/// [`Display`](fmt::Display) gives its text.
///
/// ```
/// use docker_api_gen_core::Json;
///
/// let json: Json = r#"{"name": "overlay", "layers": [1, 2]}"#.parse()?;
/// assert_eq!(json.get("name").and_then(Json::as_str), Some("overlay"));
/// assert_eq!(json.get("layers").unwrap().to::<Vec<u32>>()?, [1, 2]);
/// # Ok::<(), docker_api_gen_core::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Json(Value);

#[derive(Clone, Default, PartialEq, Eq)]
enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Any value that serde can write.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if it cannot be JSON, as a map whose keys are no text.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        serde_json::to_string(value)
            .map_err(|error| {
                Error::new(ErrorKind::Input, "the value cannot be written as JSON")
                    .with_source(error)
            })?
            .parse()
    }

    /// The value as a type of one's own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if it does not have that shape.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.to_string()).map_err(|error| {
            Error::new(ErrorKind::Decode, "the JSON value has another shape").with_source(error)
        })
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.0 == Value::Null
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.0 {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Value::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The integer, if it is one that is not negative and fits.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Value::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.0 {
            Value::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Json]> {
        match &self.0 {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The members by name, if it is an object.
    pub fn as_object(&self) -> Option<&BTreeMap<String, Json>> {
        match &self.0 {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// An object without members.
    pub(crate) fn object() -> Self {
        Self(Value::Object(BTreeMap::new()))
    }

    /// What is at `path`, made `null` if it is not there; whatever is in the way becomes an object.
    fn at(&mut self, path: &[&str]) -> &mut Json {
        path.iter().fold(self, |json, name| {
            if !matches!(json.0, Value::Object(_)) {
                *json = Json::object();
            }
            let Value::Object(members) = &mut json.0 else {
                unreachable!("it has just become one")
            };
            members.entry((*name).to_owned()).or_default()
        })
    }

    /// Puts `value` at `path`.
    pub(crate) fn set(&mut self, path: &[&str], value: impl Into<Json>) {
        *self.at(path) = value.into();
    }

    /// Adds `value` to the list at `path`.
    pub(crate) fn push(&mut self, path: &[&str], value: impl Into<Json>) {
        let list = self.at(path);
        if !matches!(list.0, Value::List(_)) {
            *list = Json(Value::List(Vec::new()));
        }
        if let Value::List(items) = &mut list.0 {
            items.push(value.into());
        }
    }

    /// Takes over what `other` has, member by member.
    pub(crate) fn merge(&mut self, other: Json) {
        match (&mut self.0, other.0) {
            (Value::Object(own), Value::Object(others)) => {
                for (name, value) in others {
                    own.entry(name).or_default().merge(value);
                }
            }
            (own, other) => *own = other,
        }
    }

    /// The member `key`, if it is an object that has one.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.get(key)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every number came as JSON and every key is text, so there is nothing that could not be written.
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Json {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorKind::Input, "the text is not JSON").with_source(error)
        })
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self(Value::Bool(value))
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self(Value::Number(value.into()))
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self(Value::Text(value.to_owned()))
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Self(Value::Text(value))
    }
}

impl From<Vec<String>> for Json {
    fn from(texts: Vec<String>) -> Self {
        Self(Value::List(texts.into_iter().map(Json::from).collect()))
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self(Value::List(items))
    }
}

impl From<BTreeMap<String, Json>> for Json {
    fn from(members: BTreeMap<String, Json>) -> Self {
        Self(Value::Object(members))
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => number.serialize(serializer),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => items.serialize(serializer),
            Value::Object(members) => members.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json(Value::Number(value.into())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                // JSON has no number that is not finite.
                Ok(Json(
                    Number::from_f64(value).map_or(Value::Null, Value::Number),
                ))
            }

            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(value.into())
            }

            fn visit_string<E>(self, value: String) -> Result<Json, E> {
                Ok(value.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Json(Value::List(items)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    members.insert(name, value);
                }
                Ok(Json(Value::Object(members)))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_any_value() {
        let text =
            r#"{"a":[1,-2,3.5,18446744073709551615,null,true],"b":{"c":"\"é\n"},"d":{},"e":[]}"#;
        let json: Json = text.parse().unwrap();
        assert_eq!(json.to_string(), text);
        assert_eq!(format!("{json:?}"), text);
        let items = json.get("a").unwrap().as_list().unwrap();
        assert_eq!(items[1].as_i64(), Some(-2));
        assert_eq!(items[2].as_f64(), Some(3.5));
        assert_eq!(items[3].as_u64(), Some(u64::MAX));
        assert_eq!(items[3].as_i64(), None);
        assert!(items[4].is_null());
        assert_eq!(items[5].as_bool(), Some(true));
        assert_eq!(
            json.get("b").unwrap().get("c").unwrap().as_str(),
            Some("\"é\n")
        );
        assert_eq!(json.get("b").unwrap().get("x"), None);
    }

    #[test]
    fn is_put_together_piece_by_piece() {
        let mut json: Json = r#"{"a":{"b":1},"l":[1]}"#.parse().unwrap();
        json.set(&["a", "c"], "x");
        json.push(&["l"], true);
        json.push(&["n", "l"], vec!["y".to_owned()]);
        json.merge(r#"{"a":{"b":[2],"d":null},"l":[]}"#.parse().unwrap());
        assert_eq!(
            json.to_string(),
            r#"{"a":{"b":[2],"c":"x","d":null},"l":[],"n":{"l":[["y"]]}}"#
        );
        json.set(&["l", "o"], 1);
        json.push(&["a"], 2);
        assert_eq!(
            json.to_string(),
            r#"{"a":[2],"l":{"o":1},"n":{"l":[["y"]]}}"#
        );
    }

    #[test]
    fn becomes_other_types_and_comes_from_them() {
        let json = Json::from_serialize(&BTreeMap::from([("a", vec![1, 2])])).unwrap();
        assert_eq!(
            json.to::<BTreeMap<String, Vec<i64>>>().unwrap()["a"],
            [1, 2]
        );
        assert_eq!(json.to::<String>().unwrap_err().kind(), ErrorKind::Decode);
        assert_eq!("{".parse::<Json>().unwrap_err().kind(), ErrorKind::Input);
    }
}
