//! What a request has to look like, by the document, and how it is read: as the daemon does.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use docker_api_gen_core::Request;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::document::{Document, Operation, Parameter};
use crate::sample::{Body, Sample};

/// How much of a sample a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What is required and nothing else.
    Required,
    All,
}

/// What a request should be told by.
pub(crate) struct Expected<'a> {
    pub(crate) document: &'a Document,
    pub(crate) operation: Operation<'a>,
    pub(crate) sample: &'a Sample,
    pub(crate) extent: Extent,
}

impl<'a> Expected<'a> {
    /// Everything in which the request differs.
    pub(crate) fn differences(&self, request: &Request) -> Vec<String> {
        let mut found = Vec::new();
        let method = self.operation.method.to_uppercase();
        if method != request.method().as_str() {
            found.push(format!("the method is {}, not {method}", request.method()));
        }
        let target = request.path_and_query();
        if let Err(error) = http::uri::PathAndQuery::try_from(target) {
            found.push(format!("{target} cannot be sent: {error}"));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        self.path(path, &mut found);
        self.query(query, &mut found);
        self.headers(request, &mut found);
        self.body(request, &mut found);
        found
    }

    /// The parameters of a place that the request has to have, and their values.
    fn parameters(&self, place: &'static str) -> impl Iterator<Item = (Parameter<'a>, &'a Value)> {
        let (sample, extent) = (self.sample, self.extent);
        self.operation
            .parameters()
            .filter(move |parameter| {
                parameter.place() == place && (extent == Extent::All || parameter.is_required())
            })
            .map(move |parameter| (parameter, &sample.parameters[&parameter.key()]))
    }

    fn path(&self, path: &str, found: &mut Vec<String>) {
        let Some(below) = path.strip_prefix(self.document.prefix()) else {
            return found.push(format!(
                "the path {path} does not begin with {}",
                self.document.prefix()
            ));
        };
        let expected: Vec<_> = self.operation.path.split('/').collect();
        let sent: Vec<_> = below.split('/').collect();
        if sent.len() != expected.len() {
            return found.push(format!(
                "the path {path} does not have the segments of {}",
                self.operation.path
            ));
        }
        for (expected, sent) in expected.into_iter().zip(sent) {
            let sent = percent_decode_str(sent).decode_utf8_lossy();
            let name = expected
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'));
            let expected = match name {
                None => expected.to_owned(),
                Some(name) => {
                    let value = self.sample.parameters[&format!("path:{name}")].as_str();
                    let value = value.unwrap_or_default();
                    value.strip_prefix('/').unwrap_or(value).to_owned()
                }
            };
            if sent != expected {
                found.push(format!(
                    "a segment of the path is {sent:?}, not {expected:?}"
                ));
            }
        }
    }

    fn query(&self, query: &str, found: &mut Vec<String>) {
        let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            sent.entry(name.into_owned())
                .or_default()
                .push(value.into_owned());
        }
        for (parameter, value) in self.parameters("query") {
            let name = parameter.name();
            let Some(texts) = sent.remove(name) else {
                found.push(format!("the query has no {name}"));
                continue;
            };
            let is_json = parameter.is_json() || parameter.json_items().is_some();
            let read = |text: &String| match is_json {
                true => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())),
                false => Value::from(text.as_str()),
            };
            let expected = query_values(parameter, value);
            if texts.iter().map(read).collect::<Vec<_>>() != expected {
                found.push(format!("{name} is {texts:?}, not {expected:?}"));
            }
        }
        for (name, texts) in sent {
            found.push(format!(
                "the query has {name}={texts:?}, which nothing asked for"
            ));
        }
    }

    fn headers(&self, request: &Request, found: &mut Vec<String>) {
        let mut headers = request.headers().clone();
        headers.remove(http::header::CONTENT_TYPE);
        for (parameter, value) in self.parameters("header") {
            let name = parameter.name();
            let Some(header) = headers.remove(name) else {
                found.push(format!("there is no header {name}"));
                continue;
            };
            if parameter.is_base64() {
                let json = URL_SAFE
                    .decode(header.as_bytes())
                    .ok()
                    .and_then(|text| serde_json::from_slice::<Value>(&text).ok());
                if json.as_ref() != Some(value) {
                    found.push(format!(
                        "{name} is {header:?}, not {value} in padded base64 of the alphabet for URLs"
                    ));
                }
                if !header.is_sensitive() {
                    found.push(format!("{name} is not marked as sensitive"));
                }
            } else if header.to_str().ok() != Some(&text(value)) {
                found.push(format!("{name} is {header:?}, not {value}"));
            }
        }
        for name in headers.keys() {
            found.push(format!("there is a header {name}, which nothing asked for"));
        }
    }

    fn body(&self, request: &Request, found: &mut Vec<String>) {
        let is_there = self.extent == Extent::All || self.operation.is_body_required();
        let body = self.operation.body().filter(|_| is_there);
        let media = request.headers().get(http::header::CONTENT_TYPE);
        if media.map(|media| media.as_bytes()) != body.map(|(media, _)| media.as_bytes()) {
            found.push(format!(
                "the content type is {media:?}, not {:?}",
                body.map(|(media, _)| media)
            ));
        }
        let sent = request.body().as_bytes().unwrap_or_default();
        match (body, &self.sample.body) {
            (Some(_), Some(Body::Json(expected))) => match serde_json::from_slice(sent) {
                Ok(sent) => compare(expected, &sent, "body", found),
                Err(error) => found.push(format!("the body is not JSON: {error}")),
            },
            (Some(_), Some(Body::Bytes(expected))) if sent != expected => {
                found.push(format!("the body is {sent:?}, not {expected:?}"));
            }
            (None, _) if !sent.is_empty() => {
                found.push("there is a body, which nothing asked for".to_owned());
            }
            _ => {}
        }
    }
}

/// The values that stand for one in a query: texts, or JSON where there is JSON.
fn query_values(parameter: Parameter<'_>, value: &Value) -> Vec<Value> {
    match value {
        _ if parameter.is_json() => vec![value.clone()],
        Value::Array(items) if parameter.json_items().is_some() => items.clone(),
        Value::Array(items) => {
            let items = items.iter().map(text);
            if parameter.is_csv() {
                vec![items.collect::<Vec<_>>().join(",").into()]
            } else {
                items.map(Value::from).collect()
            }
        }
        value => vec![text(value).into()],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Says where two JSON documents differ.
pub(crate) fn compare(expected: &Value, found: &Value, at: &str, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, value) in expected {
                match found.get(name) {
                    Some(found) => compare(value, found, &format!("{at}/{name}"), differences),
                    None => differences.push(format!("{at} has no {name:?}")),
                }
            }
            for name in found.keys().filter(|name| !expected.contains_key(*name)) {
                differences.push(format!("{at} has {name:?}, which it should not"));
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (n, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(expected, found, &format!("{at}/{n}"), differences);
            }
        }
        _ if expected == found => {}
        _ => differences.push(format!("{at} is {found}, not {expected}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use docker_api_gen_core::{ApiVersion, Call, Connection, Operation as Static};
    use serde_json::json;

    use super::*;
    use crate::sample::Round;

    fn document() -> Document {
        let auth = json!({ "type": "object", "properties": { "username": { "type": "string" } } });
        let filters = json!({ "type": "object", "additionalProperties": { "type": "array", "items": { "type": "string" } } });
        let texts = json!({ "type": "array", "items": { "type": "string" } });
        Document::of(json!({
            "servers": [{ "url": "/v1.41" }],
            "paths": { "/things/{id}/stop": { "post": {
                "operationId": "ThingStop",
                "parameters": [
                    { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } },
                    { "name": "force", "in": "query", "schema": { "type": "boolean" } },
                    { "name": "names", "in": "query", "explode": true, "schema": texts },
                    { "name": "tags", "in": "query", "explode": false, "schema": texts },
                    { "name": "filters", "in": "query", "content": { "application/json": { "schema": filters } } },
                    {
                        "name": "X-Registry-Auth", "in": "header", "x-encoding": "base64url",
                        "content": { "application/json": { "schema": auth } }
                    }
                ],
                "requestBody": { "content": { "application/json": { "schema": {
                    "type": "object",
                    "properties": { "OOM": { "type": "boolean" }, "Size": { "type": "integer" } }
                } } } }
            } } }
        }))
    }

    static STOP: Static = Static {
        id: "ThingStop",
        name: "things.stop",
        method: http::Method::POST,
        path: "/things/{id}/stop",
        version: ApiVersion::new(1, 41),
        outcomes: &[],
        unbounded: false,
        tty: None,
    };

    /// A call that says everything as it should be said, then changed, and what is found wrong with it.
    fn differences(operation: &'static Static, change: fn(&mut Call<'_>, &Sample)) -> Vec<String> {
        let document = document();
        let described = document.operations().next().unwrap();
        let sample = Sample::of(&document, described, Round::First, false);
        let connection = Connection::open("tcp://127.0.0.1:1").unwrap();
        let mut call = Call::new(&connection, operation);
        change(&mut call, &sample);
        let expected = Expected {
            document: &document,
            operation: described,
            sample: &sample,
            extent: Extent::All,
        };
        expected.differences(&call.into_request().unwrap())
    }

    fn texts(sample: &Sample, parameter: &str) -> Option<Vec<String>> {
        sample.get(parameter)
    }

    fn id(call: &mut Call<'_>, sample: &Sample) {
        call.path("id", &sample.need::<String>("path:id"));
    }

    fn query(call: &mut Call<'_>, sample: &Sample) {
        call.query("force", &sample.get::<bool>("query:force"));
        call.query("names", &texts(sample, "query:names"));
        call.query_csv("tags", &texts(sample, "query:tags"));
        let filters = sample.get::<BTreeMap<String, Vec<String>>>("query:filters");
        call.query_json("filters", &filters);
    }

    fn auth(call: &mut Call<'_>, sample: &Sample) {
        call.header_base64_json(
            "X-Registry-Auth",
            &sample.get::<Value>("header:X-Registry-Auth"),
        );
    }

    fn body(call: &mut Call<'_>, sample: &Sample) {
        call.json_body(&sample.body::<Value>());
    }

    #[test]
    fn a_request_that_says_everything_has_no_difference() {
        let found = differences(&STOP, |call, sample| {
            id(call, sample);
            query(call, sample);
            auth(call, sample);
            body(call, sample);
        });
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn the_path_has_its_version_and_its_parameters_as_they_are() {
        static NEWER: Static = Static {
            version: ApiVersion::new(1, 42),
            method: http::Method::GET,
            id: STOP.id,
            name: STOP.name,
            path: STOP.path,
            outcomes: &[],
            unbounded: false,
            tty: None,
        };
        let found = differences(&NEWER, |call, sample| {
            id(call, sample);
            query(call, sample);
            auth(call, sample);
            body(call, sample);
        });
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], "the method is GET, not POST");
        assert!(
            found[1].ends_with("does not begin with /v1.41"),
            "{found:?}"
        );
        let found = differences(&STOP, |call, sample| {
            call.path("id", "other");
            query(call, sample);
            auth(call, sample);
            body(call, sample);
        });
        assert!(
            found[0].starts_with("a segment of the path is \"other\", not "),
            "{found:?}"
        );
    }

    #[test]
    fn each_parameter_of_the_query_is_looked_at() {
        let found = differences(&STOP, |call, sample| {
            id(call, sample);
            auth(call, sample);
            body(call, sample);
            call.query("froce", &true);
            call.query_csv("names", &texts(sample, "query:names"));
            call.query("tags", &texts(sample, "query:tags"));
            call.query("filters", "{}");
        });
        let starts = [
            "the query has no force",
            "names is [",
            "tags is [",
            "filters is [\"{}\"], not ",
            "the query has froce=[\"true\"], which nothing asked for",
        ];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for (found, start) in found.iter().zip(starts) {
            assert!(found.starts_with(start), "{found}");
        }
    }

    #[test]
    fn headers_and_body_are_looked_at() {
        let found = differences(&STOP, |call, sample| {
            id(call, sample);
            query(call, sample);
            call.set_header("X-Registry-Auth", "e30");
            call.set_header("X-Other", "1");
            call.json_body(&json!({ "Oom": true }));
        });
        let starts = [
            "X-Registry-Auth is \"e30\", not ",
            "X-Registry-Auth is not marked as sensitive",
            "there is a header x-other, which nothing asked for",
            "body has no \"OOM\"",
            "body has no \"Size\"",
            "body has \"Oom\", which it should not",
        ];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for (found, start) in found.iter().zip(starts) {
            assert!(found.starts_with(start), "{found}");
        }
        let found = differences(&STOP, |call, sample| {
            id(call, sample);
            query(call, sample);
            auth(call, sample);
            call.body("application/x-tar", vec![0].into());
        });
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
