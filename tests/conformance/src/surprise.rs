//! What daemons say that the documents do not: candidates for corrections.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use docker_api_gen_tests::document::Document;
use docker_api_gen_tests::shape::Shape;
use docker_api_gen_traffic::exchange::{self, Exchange};
use docker_api_gen_traffic::routes::{self, Documents, Target, parse_version};
use serde_json::Value;

/// Where and what: a kind of surprise, an operation, a path.
pub(crate) type Key = (&'static str, String, String);

/// Surprises with an example each.
pub(crate) type Found = BTreeMap<Key, String>;

const UNDECLARED: &str = "field that is not declared";
const NULL: &str = "null where it is not declared";
const VALUE: &str = "value that is not in the list";
const STATUS: &str = "status that is not declared";

/// How much of a value is shown.
const SHOWN: usize = 60;

/// What is surprising in a recording of one version.
pub(crate) fn find(recording: &Path) -> Result<Found> {
    let mut documents = Documents::open();
    let mut found = Found::new();
    exchange::read(recording, |_, exchange| {
        look(&mut documents, &exchange, &mut found);
        Ok(())
    })?;
    Ok(found)
}

fn look(documents: &mut Documents, exchange: &Exchange, found: &mut Found) {
    let target = Target::of(&exchange.path);
    let (Some(version), Some(status)) = (target.version.and_then(parse_version), exchange.status)
    else {
        return;
    };
    let document = documents.document(version);
    let Some(operation) = routes::operation(document, &exchange.method, target.path) else {
        return;
    };
    if !operation.declares(status) {
        let message = exchange.resp.as_ref().and_then(|body| {
            let text = body.text.clone();
            text.or_else(|| Some(body.json.as_ref()?["message"].as_str()?.to_owned()))
        });
        let key = (STATUS, operation.id.to_owned(), status.to_string());
        let message = message.unwrap_or_default();
        found.entry(key).or_insert_with(|| excerpt(message.trim()));
    }
    let Some(schema) = operation.answer_of(status).filter(|_| status < 300) else {
        return;
    };
    let Some(body) = &exchange.resp else { return };
    let mut walk = Walk {
        document,
        operation: operation.id,
        found,
    };
    for value in body.documents() {
        walk.value(schema, value, "");
    }
}

struct Walk<'a> {
    document: &'a Document,
    operation: &'a str,
    found: &'a mut Found,
}

impl Walk<'_> {
    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        if value.is_null() {
            if !self.is_nullable(schema) {
                self.note(NULL, path, value);
            }
            return;
        }
        match (Shape::of(self.document, schema), value) {
            (Shape::Object(properties), Value::Object(members)) => {
                for (name, member) in members {
                    let path = match path {
                        "" => name.clone(),
                        path => format!("{path}.{name}"),
                    };
                    let is_it = |own: &&docker_api_gen_tests::shape::Property<'_>| {
                        own.name == name || own.aliases.contains(&name.as_str())
                    };
                    match properties.iter().find(is_it) {
                        Some(property) => self.value(property.schema, member, &path),
                        None => self.note(UNDECLARED, &path, member),
                    }
                }
            }
            (Shape::Map(schema), Value::Object(members)) => {
                for member in members.values() {
                    self.value(schema, member, &format!("{path}{{}}"));
                }
            }
            (Shape::List(schema), Value::Array(items)) => {
                for item in items {
                    self.value(schema, item, &format!("{path}[]"));
                }
            }
            (Shape::Enum(values), Value::String(text)) if !values.contains(&text.as_str()) => {
                self.note(VALUE, path, value);
            }
            _ => {}
        }
    }

    fn is_nullable(&self, schema: &Value) -> bool {
        if schema["nullable"] == true || schema["type"].is_null() && schema.get("$ref").is_none() {
            return true;
        }
        schema["$ref"]
            .as_str()
            .is_some_and(|reference| self.is_nullable(self.document.definition(reference)))
    }

    fn note(&mut self, what: &'static str, path: &str, value: &Value) {
        let key = (what, self.operation.to_owned(), path.to_owned());
        self.found
            .entry(key)
            .or_insert_with(|| excerpt(&value.to_string()));
    }
}

/// The same for every run: what is another each time is told by its kind.
fn excerpt(text: &str) -> String {
    // A certificate's first letters tell its length.
    let text = text
        .split_once("-----BEGIN")
        .map_or(text, |(before, _)| before);
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
    let mut same = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let end = rest.find(|c| !is_of_token(c)).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end.max(next.len_utf8()));
        rest = after;
        if is_time(token) {
            same.push_str("<time>");
            continue;
        }
        for word in token.split_inclusive(['-', '.', ':']) {
            let name = word.trim_end_matches(['-', '.', ':']);
            let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
            match name.len() {
                12.. if is_hex => same.push_str("<id>"),
                4.. if is_number => same.push_str("<number>"),
                _ => same.push_str(name),
            }
            same.push_str(&word[name.len()..]);
        }
    }
    match same.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &same[..end]),
        None => same,
    }
}

/// `2026-11-26T05:40:25…`
fn is_time(token: &str) -> bool {
    let form = b"0000-00-00T00:00:00";
    token.len() >= form.len()
        && token.bytes().zip(form).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == *form,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_the_same_in_every_run() {
        assert_eq!(
            excerpt(r#""2026-11-26T05:40:25.748842865Z""#),
            excerpt(r#""2027-01-02T15:04:05.1234Z""#)
        );
        let id = |digit: &str| format!(r#"{{"ID":"sha256:{}"}}"#, digit.repeat(64));
        assert_eq!(excerpt(&id("a")), excerpt(&id("7")));
        assert_eq!(excerpt(&id("a")), r#"{"ID":"sha256:<id>"}"#);
        assert_eq!(
            excerpt("client version 1.24 is too old, pid 31415."),
            "client version 1.24 is too old, pid <number>."
        );
        assert_eq!(
            excerpt(r#"[0,-1,null,true,"ä b"]"#),
            r#"[0,-1,null,true,"ä b"]"#
        );
    }
}
