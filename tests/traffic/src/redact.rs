//! What must not stand in a recording: the values that the documents mark as secret, and in places that no
//! document describes those that go by a telling name.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use docker_api_gen_tests::document::Document;
use docker_api_gen_tests::shape::Shape;
use serde_json::Value;

/// Stands where a secret stood.
pub const REDACTED: &str = "[redacted]";
/// The same where base64 is due.
const REDACTED_BASE64: &str = "cmVkYWN0ZWQ=";

const HEADERS: [&str; 6] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-registry-auth",
    "x-registry-config",
];

/// Whether the value of a header is a secret.
pub fn is_secret_header(name: &str) -> bool {
    HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// A path and query without the values that may hold secrets.
pub fn path(path_and_query: &str) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else {
        return path_and_query.to_owned();
    };
    let pairs: Vec<_> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if is_secret_argument(name, value) => format!("{name}={REDACTED}"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

/// Arguments of a build, addresses with a user in them, and what is called a secret.
fn is_secret_argument(name: &str, value: &str) -> bool {
    let is_address = value.contains("://") || value.to_ascii_lowercase().contains("%3a%2f%2f");
    let has_user = value.contains('@') || value.contains("%40");
    // `rotateWorkerToken=true` tells nothing.
    let is_flag = matches!(value, "" | "0" | "1" | "true" | "false");
    !is_flag && (name == "buildargs" || is_telling(name) || (is_address && has_user))
}

/// Takes the secrets out of a JSON document; without a schema, by the names in it.
pub fn value(document: &Document, schema: Option<&Value>, value: &mut Value) {
    let Some(schema) = schema else {
        return undescribed("", value);
    };
    match (Shape::of(document, schema), value) {
        (Shape::Object(properties), Value::Object(members)) => {
            for (name, member) in members {
                let property = properties.iter().find(|property| {
                    let mut names = property.aliases.iter().copied().chain([property.name]);
                    names.any(|known| known.eq_ignore_ascii_case(name))
                });
                match property {
                    Some(property) if property.schema["x-secret"] == true => {
                        hide(document, property.schema, member);
                    }
                    Some(property) => self::value(document, Some(property.schema), member),
                    None => undescribed(name, member),
                }
            }
        }
        (Shape::Map(values), Value::Object(members)) => {
            for (name, member) in members {
                match member {
                    Value::String(_) => undescribed(name, member),
                    _ => self::value(document, Some(values), member),
                }
            }
        }
        (Shape::List(items), Value::Array(list)) => {
            for item in list {
                self::value(document, Some(items), item);
            }
        }
        (Shape::Any, value) => undescribed("", value),
        (_, Value::String(text)) => hide_assignment(text),
        _ => {}
    }
}

/// A document as it can be read: where base64 is due and a recorder put some word in place of a secret, base64 stands.
pub fn readable<'v>(document: &Document, schema: &Value, value: &'v Value) -> Cow<'v, Value> {
    let mut value = Cow::Borrowed(value);
    let mut pointers = Vec::new();
    find_words(document, schema, &value, String::new(), &mut pointers);
    for pointer in pointers {
        if let Some(word) = value.to_mut().pointer_mut(&pointer) {
            *word = REDACTED_BASE64.into();
        }
    }
    value
}

/// The places of secrets that should be base64 and are not.
fn find_words(
    document: &Document,
    schema: &Value,
    value: &Value,
    pointer: String,
    found: &mut Vec<String>,
) {
    let below = |name: &str| {
        let name = name.replace('~', "~0").replace('/', "~1");
        format!("{pointer}/{name}")
    };
    match (Shape::of(document, schema), value) {
        (Shape::Object(properties), Value::Object(members)) => {
            for property in &properties {
                if let Some(member) = members.get(property.name) {
                    let pointer = below(property.name);
                    find_words(document, property.schema, member, pointer, found);
                }
            }
        }
        (Shape::Map(values), Value::Object(members)) => {
            for (name, member) in members {
                find_words(document, values, member, below(name), found);
            }
        }
        (Shape::List(items), Value::Array(list)) => {
            for (n, item) in list.iter().enumerate() {
                find_words(document, items, item, below(&n.to_string()), found);
            }
        }
        (Shape::Base64, Value::String(text))
            if schema["x-secret"] == true && STANDARD.decode(text).is_err() =>
        {
            found.push(pointer);
        }
        _ => {}
    }
}

fn hide(document: &Document, schema: &Value, value: &mut Value) {
    let stands_in = match Shape::of(document, schema) {
        Shape::Base64 => REDACTED_BASE64,
        _ => REDACTED,
    };
    replace(value, stands_in);
}

/// Replaces every text that says something.
fn replace(value: &mut Value, stands_in: &str) {
    match value {
        Value::String(text) if !text.is_empty() => stands_in.clone_into(text),
        Value::Array(list) => list.iter_mut().for_each(|item| replace(item, stands_in)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| replace(member, stands_in)),
        _ => {}
    }
}

fn undescribed(name: &str, value: &mut Value) {
    match value {
        Value::String(_) if is_telling(name) => replace(value, REDACTED),
        Value::String(text) => hide_assignment(text),
        Value::Array(list) => list.iter_mut().for_each(|item| undescribed(name, item)),
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(name, member)| undescribed(name, member)),
        _ => {}
    }
}

/// `MYSQL_PASSWORD=x`, as environments have it, and what shows by itself that it is a key to a swarm.
fn hide_assignment(text: &mut String) {
    if text.starts_with("SWMTKN-") || text.starts_with("SWMKEY-") {
        REDACTED.clone_into(text);
    } else if let Some((name, value)) = text.split_once('=')
        && !value.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && is_telling(name)
    {
        *text = format!("{name}={REDACTED}");
    }
}

/// Whether what goes by this name is probably a secret.
fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = ["passw", "secret", "token", "credential", "private"];
    name == "auth" || name.ends_with("key") || words.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::routes::{Documents, operation};

    fn redacted(method: &str, path: &str, status: Option<u16>, mut body: Value) -> Value {
        let mut documents = Documents::open();
        let document = documents.document((1, 41));
        let operation = operation(document, method, path);
        let schema = match status {
            Some(status) => operation.and_then(|operation| operation.answer_of(status)),
            None => operation.and_then(|operation| operation.body().map(|(_, schema)| schema)),
        };
        value(document, schema, &mut body);
        body
    }

    #[test]
    fn what_is_marked_as_secret_is_taken_out() {
        let login = json!({"username": "u", "password": "p", "identitytoken": "", "auth": "dTpw"});
        assert_eq!(
            redacted("POST", "/auth", None, login),
            json!({"username": "u", "password": REDACTED, "identitytoken": "", "auth": REDACTED})
        );
        let swarm =
            json!({"ID": "x", "JoinTokens": {"Worker": "SWMTKN-1-a", "Manager": "SWMTKN-1-b"}});
        assert_eq!(
            redacted("GET", "/swarm", Some(200), swarm),
            json!({"ID": "x", "JoinTokens": {"Worker": REDACTED, "Manager": REDACTED}})
        );
        let secret = json!({"Name": "key", "Data": "c2VjcmV0", "Labels": {"a": "b"}});
        assert_eq!(
            redacted("POST", "/secrets/create", None, secret),
            json!({"Name": "key", "Data": REDACTED_BASE64, "Labels": {"a": "b"}})
        );
    }

    #[test]
    fn what_has_a_telling_name_is_taken_out() {
        let create = json!({
            "Image": "db", "Env": ["PATH=/bin", "MYSQL_PASSWORD=x", "A=--password=x"],
            "Labels": {"api_token": "x", "tokens": "", "author": "me"},
            "Later": {"ClientSecret": ["x"], "Name": "y"}
        });
        assert_eq!(
            redacted("POST", "/containers/create", None, create),
            json!({
                "Image": "db", "Env": ["PATH=/bin", "MYSQL_PASSWORD=[redacted]", "A=--password=x"],
                "Labels": {"api_token": REDACTED, "tokens": "", "author": "me"},
                "Later": {"ClientSecret": [REDACTED], "Name": "y"}
            })
        );
        assert_eq!(
            redacted(
                "POST",
                "/nobody/knows",
                None,
                json!({"password": "x", "name": "y"})
            ),
            json!({"password": REDACTED, "name": "y"})
        );
    }

    #[test]
    fn what_is_newer_than_the_version_is_taken_out_too() {
        let body = json!({"UnlockKey": "SWMKEY-1-a", "Other": "SWMTKN-1-b", "Key": 1});
        assert_eq!(
            redacted("GET", "/swarm/nobody/knows", Some(200), body),
            json!({"UnlockKey": REDACTED, "Other": REDACTED, "Key": 1})
        );
    }

    #[test]
    fn a_word_in_place_of_base64_can_be_read() {
        let mut documents = Documents::open();
        let document = documents.document((1, 41));
        let operation = operation(document, "POST", "/secrets/create").unwrap();
        let (_, schema) = operation.body().unwrap();
        let readable = |data: Value| {
            let value = json!({"Name": "***", "Data": data});
            readable(document, schema, &value)["Data"].clone()
        };
        assert_eq!(readable(json!("***")), REDACTED_BASE64);
        assert_eq!(readable(json!("c2VjcmV0")), "c2VjcmV0");
        assert_eq!(readable(json!(1)), 1);
    }

    #[test]
    fn headers_and_queries_have_secrets_too() {
        assert!(is_secret_header("X-Registry-Auth") && is_secret_header("X-Registry-Config"));
        assert!(!is_secret_header("Content-Type"));
        assert_eq!(
            path("/v1.41/build?t=a&buildargs=%7B%22A%22%3A1%7D&remote=https%3A%2F%2Fu:p%40h&x"),
            "/v1.41/build?t=a&buildargs=[redacted]&remote=[redacted]&x"
        );
        assert_eq!(
            path("/v1.41/images/create?fromImage=a%40sha256:1"),
            "/v1.41/images/create?fromImage=a%40sha256:1"
        );
        assert_eq!(
            path("/swarm/update?rotateWorkerToken=true&token=x"),
            "/swarm/update?rotateWorkerToken=true&token=[redacted]"
        );
        assert_eq!(path("/info"), "/info");
    }
}
