//! What of a document is not there any more once it has been read and written, by what its schema declares.

use docker_api_gen_tests::document::Document;
use docker_api_gen_tests::shape::{Property, Shape};
use serde_json::Value;

/// How much of a value is shown.
const SHOWN: usize = 80;

/// What came of a document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) differences: Vec<Difference>,
    pub(super) undeclared: Vec<Undeclared>,
}

/// A value that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Difference {
    /// `NetworkSettings.Networks{}.Aliases[]`
    pub(super) path: String,
    /// As JSON, shortened.
    pub(super) was: String,
    /// None if nothing is there.
    pub(super) became: Option<String>,
}

/// A field that the schema does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Undeclared {
    pub(super) path: String,
    /// `string`, `object`
    pub(super) kind: &'static str,
    /// What the schema has instead: the same name in another case.
    pub(super) declared: Option<String>,
}

impl Comparison {
    pub(super) fn of(document: &Document, schema: &Value, sent: &Value, written: &Value) -> Self {
        let mut comparer = Comparer {
            document,
            path: String::new(),
            found: Self::default(),
        };
        comparer.differences(schema, sent, Some(written));
        comparer.undeclared(schema, sent);
        comparer.found
    }
}

struct Comparer<'a> {
    document: &'a Document,
    path: String,
    found: Comparison,
}

impl<'a> Comparer<'a> {
    fn inside(&mut self, step: &str, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if !self.path.is_empty() && !step.starts_with(['[', '{']) {
            self.path.push('.');
        }
        self.path.push_str(step);
        look(self);
        self.path.truncate(length);
    }

    fn differences(&mut self, schema: &'a Value, sent: &Value, written: Option<&Value>) {
        if is_empty(sent) {
            return;
        }
        let shape = Shape::of(self.document, schema);
        match (&shape, sent, written) {
            (Shape::Object(properties), Value::Object(members), written) => {
                let is_object = matches!(written, Some(Value::Object(_)) | None);
                for property in properties.iter().filter(|_| is_object) {
                    self.property(property, members, written);
                }
                if !is_object {
                    self.differ(sent, written);
                }
            }
            (Shape::Map(values), Value::Object(members), written) => {
                for (name, value) in members {
                    let written = written.and_then(|written| written.get(name));
                    self.inside("{}", |this| this.differences(values, value, written));
                }
            }
            (Shape::Set, Value::Object(members), written) => {
                let is_there = |name: &String| written.is_some_and(|set| set.get(name).is_some());
                if !members.keys().all(is_there) {
                    self.differ(sent, written);
                }
            }
            (Shape::List(items), Value::Array(list), Some(Value::Array(again)))
                if list.len() == again.len() =>
            {
                for (item, again) in list.iter().zip(again) {
                    self.inside("[]", |this| this.differences(items, item, Some(again)));
                }
            }
            // A lone text is a list of one.
            (Shape::List(_), Value::String(_), Some(Value::Array(again)))
                if again.as_slice() == std::slice::from_ref(sent) => {}
            (_, _, Some(written)) if is_same(sent, written) => {}
            (_, _, written) => self.differ(sent, written),
        }
    }

    fn property(
        &mut self,
        property: &Property<'a>,
        members: &serde_json::Map<String, Value>,
        written: Option<&Value>,
    ) {
        let again = written.and_then(|written| written.get(property.name));
        let spellings = [property.name]
            .into_iter()
            .chain(property.aliases.iter().copied());
        let sent: Vec<_> = spellings.filter_map(|name| members.get(name)).collect();
        // Where a daemon writes a thing twice, one of them is enough.
        if sent.len() > 1
            && sent
                .iter()
                .any(|sent| again.is_some_and(|again| is_same(sent, again)))
        {
            return;
        }
        for sent in sent {
            let secret = property.schema["x-secret"] == true;
            let before = self.found.differences.len();
            self.inside(property.name, |this| {
                this.differences(property.schema, sent, again)
            });
            for difference in self.found.differences[before..]
                .iter_mut()
                .filter(|_| secret)
            {
                "(a secret)".clone_into(&mut difference.was);
                difference.became = difference.became.take().map(|_| "(a secret)".to_owned());
            }
        }
    }

    fn differ(&mut self, sent: &Value, written: Option<&Value>) {
        self.found.differences.push(Difference {
            path: self.path.clone(),
            was: shown(sent),
            became: written.map(shown),
        });
    }

    fn undeclared(&mut self, schema: &'a Value, sent: &Value) {
        match (Shape::of(self.document, schema), sent) {
            (Shape::Object(properties), Value::Object(members)) => {
                for (name, value) in members {
                    let known = |property: &&Property<'_>| {
                        property.name == name || property.aliases.contains(&name.as_str())
                    };
                    self.inside(name, |this| match properties.iter().find(known) {
                        Some(property) => this.undeclared(property.schema, value),
                        None => this.note(&properties, name, value),
                    });
                }
            }
            (Shape::Map(values), Value::Object(members)) => {
                for value in members.values() {
                    self.inside("{}", |this| this.undeclared(values, value));
                }
            }
            (Shape::List(items), Value::Array(list)) => {
                for item in list {
                    self.inside("[]", |this| this.undeclared(items, item));
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, properties: &[Property<'_>], name: &str, value: &Value) {
        let found = Undeclared {
            path: self.path.clone(),
            kind: kind(value),
            declared: properties
                .iter()
                .find(|property| property.name.eq_ignore_ascii_case(name))
                .map(|property| property.name.to_owned()),
        };
        if !self.found.undeclared.contains(&found) {
            self.found.undeclared.push(found);
        }
    }
}

/// Whether a value says nothing: to leave it out is the same.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether two values say the same: numbers by what they are, empty ones whatever they are.
fn is_same(sent: &Value, written: &Value) -> bool {
    match (sent, written) {
        (Value::Number(sent), Value::Number(written)) => {
            let near = |sent: f64, written: f64| (sent - written).abs() <= sent.abs() * 1e-15;
            sent == written
                || matches!((sent.as_f64(), written.as_f64()), (Some(a), Some(b))
                    if (sent.is_f64() || written.is_f64()) && near(a, b))
        }
        (Value::Array(sent), Value::Array(written)) => {
            sent.len() == written.len() && sent.iter().zip(written).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(sent), Value::Object(written)) => {
            sent.len() == written.len()
                && sent.iter().all(|(name, value)| {
                    written
                        .get(name)
                        .is_some_and(|written| is_same(value, written))
                })
        }
        _ => sent == written,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compare(sent: Value, written: Value) -> (Vec<String>, Vec<String>) {
        let document = Document::of(json!({ "components": { "schemas": { "Thing": {
            "type": "object",
            "properties": {
                "Id": { "type": "string", "x-aliases": ["ID"] },
                "Size": { "type": "integer" },
                "Share": { "type": "number" },
                "Names": { "type": "array", "items": { "type": "string" } },
                "Ports": { "type": "object", "x-set": true },
                "Inner": { "$ref": "#/components/schemas/Thing" },
                "By": { "type": "object", "additionalProperties": { "$ref": "#/components/schemas/Thing" } },
                "Any": {},
                "Key": { "type": "string", "x-secret": true }
            }
        } } } }));
        let (_, schema) = document.definitions().next().unwrap();
        let found = Comparison::of(&document, schema, &sent, &written);
        let differences = found
            .differences
            .iter()
            .map(|difference| match &difference.became {
                Some(became) => format!("{} {} -> {became}", difference.path, difference.was),
                None => format!("{} {}", difference.path, difference.was),
            });
        let undeclared = found
            .undeclared
            .iter()
            .map(|undeclared| match &undeclared.declared {
                Some(declared) => format!("{} {} for {declared}", undeclared.path, undeclared.kind),
                None => format!("{} {}", undeclared.path, undeclared.kind),
            });
        (differences.collect(), undeclared.collect())
    }

    fn differences(sent: Value, written: Value) -> Vec<String> {
        // Properties come in the order of whatever map holds them.
        let mut differences = compare(sent, written).0;
        differences.sort();
        differences
    }

    #[test]
    fn what_is_empty_may_be_left_out() {
        let sent = json!({"Id": "", "Names": null, "Ports": {}, "By": {"a": {}, "b": null}, "Inner": {"Names": []}});
        assert_eq!(differences(sent, json!({})), [""; 0]);
        assert_eq!(differences(json!(null), json!({})), [""; 0]);
    }

    #[test]
    fn what_says_something_is_missed() {
        let sent = json!({
            "ID": "a", "Size": 0, "Names": ["x"], "Ports": {"80/tcp": {}}, "Inner": {"Size": 1, "New": 1},
            "By": {"a": {"Id": "b"}}, "Any": {"a": [1]}, "Key": "hush"
        });
        assert_eq!(differences(sent.clone(), sent.clone()), [r#"Id "a""#]);
        let mut written = sent.clone();
        written["Id"] = json!("a");
        assert_eq!(differences(sent.clone(), written), [""; 0]);
        assert_eq!(
            differences(sent, json!({})),
            [
                r#"Any {"a":[1]}"#,
                r#"By{}.Id "b""#,
                r#"Id "a""#,
                "Inner.Size 1",
                "Key (a secret)",
                r#"Names ["x"]"#,
                r#"Ports {"80/tcp":{}}"#,
                "Size 0",
            ]
        );
    }

    #[test]
    fn what_changes_is_told() {
        let sent = json!({"Size": 1, "Names": ["x", "y"], "Inner": {"Id": "a"}, "Key": "a"});
        let written = json!({"Size": 2, "Names": ["x"], "Inner": [], "Key": "b"});
        assert_eq!(
            differences(sent, written),
            [
                r#"Inner {"Id":"a"} -> []"#,
                "Key (a secret) -> (a secret)",
                r#"Names ["x","y"] -> ["x"]"#,
                "Size 1 -> 2",
            ]
        );
        assert_eq!(
            differences(json!({"Names": ["x", "y"]}), json!({"Names": ["x", "z"]})),
            [r#"Names[] "y" -> "z""#]
        );
    }

    #[test]
    fn the_same_may_be_said_in_another_way() {
        assert_eq!(
            differences(json!({"Names": "x"}), json!({"Names": ["x"]})),
            [""; 0]
        );
        assert_eq!(
            differences(json!({"Share": 1}), json!({"Share": 1.0})),
            [""; 0]
        );
        let big = json!({"Size": 9_007_199_254_740_993_u64});
        assert_eq!(
            differences(big.clone(), json!({"Size": 9_007_199_254_740_992_u64})).len(),
            1
        );
        assert_eq!(differences(big.clone(), big), [""; 0]);
        let twice = json!({"Id": "a", "ID": "b"});
        assert_eq!(differences(twice, json!({"Id": "b"})), [""; 0]);
    }

    #[test]
    fn undeclared_fields_are_listed() {
        let sent = json!({
            "New": null, "size": 1, "ID": "x", "Inner": {"New": [1]}, "By": {"a": {"New": "x"}, "b": {"New": "y"}},
            "Any": {"New": 1}, "Names": [{"New": 1}]
        });
        let (_, mut undeclared) = compare(sent, json!({}));
        undeclared.sort();
        assert_eq!(
            undeclared,
            [
                "By{}.New string",
                "Inner.New list",
                "New null",
                "size number for Size"
            ]
        );
    }
}
