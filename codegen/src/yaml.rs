//! YAML as plain JSON values, with what YAML allows beyond JSON refused.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};

/// Reads one YAML document. Keys that are integers, as statuses are, become text; a key given twice is an error.
pub(crate) fn parse(text: &str) -> Result<Value, serde_yaml::Error> {
    from_str::<Plain>(text).map(|plain| plain.0)
}

/// Reads one YAML document of a known form.
pub(crate) fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_yaml::Error> {
    serde_yaml::from_str(text)
}

/// A value as it is written, for a place inside something typed.
pub(crate) struct Plain(pub(crate) Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Plain)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has too")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("{value} is not a number JSON has")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Plain(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(Plain(key)) = map.next_key()? {
            let key = match key {
                Value::String(key) => key,
                Value::Number(key) => key.to_string(),
                other => return Err(A::Error::custom(format!("a key is text, not {other}"))),
            };
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` is there twice")));
            }
            let Plain(value) = map.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_becomes_text() {
        assert_eq!(
            parse("200: {a: [1, ~, x]}").unwrap(),
            json!({"200": {"a": [1, null, "x"]}})
        );
    }

    #[test]
    fn a_key_given_twice_is_an_error_with_its_line() {
        let error = parse("a:\n  b: 1\n  b: 2\n").unwrap_err();
        assert!(
            error.to_string().contains("the key `b` is there twice"),
            "{error}"
        );
        assert!(error.location().is_some());
    }

    #[test]
    fn what_json_lacks_is_refused() {
        for text in ["a: .nan", "a: !tag x", "[1]: x", "a: 1\n---\nb: 2"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
