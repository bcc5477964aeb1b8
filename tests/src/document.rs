//! A document of `specs/openapi`, read without the generator.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

/// A document, and where it stands.
#[derive(Debug)]
pub struct Document {
    /// `specs/openapi/v1.41.json`
    pub(crate) name: String,
    root: Value,
}

/// One operation of a document.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    pub id: &'a str,
    /// Lower case.
    pub method: &'a str,
    pub path: &'a str,
    pub(crate) value: &'a Value,
}

impl Document {
    /// The document of an API version; of a crate with a `document.json` of its own, that one.
    ///
    /// # Panics
    ///
    /// If there is no such document, or it is another version's.
    pub fn open(crate_dir: &str, version: &str) -> Self {
        let own = Path::new(crate_dir).join("document.json");
        if own.is_file() {
            Self::read(own.display().to_string(), &own, version)
        } else {
            Self::of_version(version)
        }
    }

    /// The document of an API version.
    ///
    /// # Panics
    ///
    /// If there is no such document.
    pub fn of_version(version: &str) -> Self {
        let name = format!("specs/openapi/v{version}.json");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&name);
        Self::read(name, &path, version)
    }

    fn read(name: String, path: &Path, version: &str) -> Self {
        let text = fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        let root: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is not JSON: {error}", path.display()));
        assert_eq!(root["info"]["version"], version, "{}", path.display());
        Self { name, root }
    }

    /// A document that stands in no file.
    pub fn of(root: Value) -> Self {
        Self {
            name: "document".to_owned(),
            root,
        }
    }

    /// `1.41`
    pub(crate) fn version(&self) -> &str {
        self.root["info"]["version"].as_str().unwrap_or_default()
    }

    /// What goes in front of every path: `/v1.41`.
    pub(crate) fn prefix(&self) -> &str {
        self.root["servers"][0]["url"].as_str().unwrap_or_default()
    }

    /// All operations, in the order of the document.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        entries(&self.root["paths"]).flat_map(|(path, item)| {
            entries(item).map(move |(method, value)| Operation {
                id: value["operationId"].as_str().unwrap_or_default(),
                method,
                path,
                value,
            })
        })
    }

    /// All definitions by name.
    pub fn definitions(&self) -> impl Iterator<Item = (&str, &Value)> {
        entries(&self.root["components"]["schemas"])
    }

    /// The schema of what daemons answer where something fails.
    pub fn error(&self) -> Option<&Value> {
        self.root.pointer("/components/schemas/ErrorResponse")
    }

    /// The definition that a reference names.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn definition(&self, reference: &str) -> &Value {
        reference
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer))
            .unwrap_or_else(|| panic!("{} has no {reference}", self.name))
    }
}

impl<'a> Operation<'a> {
    /// All its parameters.
    pub fn parameters(self) -> impl Iterator<Item = Parameter<'a>> {
        self.value["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Parameter)
    }

    /// Whether the status is among those of its answers.
    pub fn declares(self, status: u16) -> bool {
        self.value["responses"].get(status.to_string()).is_some()
    }

    /// The media type and the schema of what the request carries.
    pub fn body(self) -> Option<(&'a str, &'a Value)> {
        let (media, content) = entries(&self.value["requestBody"]["content"]).next()?;
        Some((media, &content["schema"]))
    }

    pub(crate) fn is_body_required(self) -> bool {
        self.value["requestBody"]["required"] == true
    }

    /// The schema of the JSON that a success brings, if it brings any: of the whole, or of one of many documents.
    pub fn answer(self) -> Option<&'a Value> {
        match self.value["x-response"]["kind"].as_str()? {
            "json" => entries(&self.value["responses"])
                .filter(|(status, _)| status.starts_with('2'))
                .find_map(|(_, response)| response.pointer("/content/application~1json/schema")),
            "json-lines" => self.value["x-response"].get("item"),
            _ => None,
        }
    }

    /// The schema of the JSON that an answer of this status brings, if it is described.
    pub fn answer_of(self, status: u16) -> Option<&'a Value> {
        if self.value["x-response"]["kind"] == "json-lines" && (200..300).contains(&status) {
            return self.answer();
        }
        let response = &self.value["responses"][status.to_string()];
        response.pointer("/content/application~1json/schema")
    }

    /// What a success brings: `json`, `json-lines`, `bytes`, `log-frames`, `upgrade`, `text`, `unit` or `head`.
    pub fn kind(self) -> &'a str {
        self.value["x-response"]["kind"]
            .as_str()
            .unwrap_or_default()
    }
}

/// One parameter of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<'a>(&'a Value);

impl<'a> Parameter<'a> {
    /// `signal`
    pub fn name(self) -> &'a str {
        self.0["name"].as_str().unwrap_or_default()
    }

    /// `path`, `query` or `header`.
    pub fn place(self) -> &'a str {
        self.0["in"].as_str().unwrap_or_default()
    }

    /// What samples and messages call it: `query:signal`.
    pub(crate) fn key(self) -> String {
        format!("{}:{}", self.place(), self.name())
    }

    pub fn is_required(self) -> bool {
        self.0["required"] == true
    }

    /// Whether the value is a JSON document.
    pub(crate) fn is_json(self) -> bool {
        self.0.get("content").is_some()
    }

    /// The schema of the items of a list that repeats the parameter, each item as JSON.
    pub(crate) fn json_items(self) -> Option<&'a Value> {
        self.0.pointer("/schema/items/x-json")
    }

    /// Whether the JSON document travels as base64.
    pub(crate) fn is_base64(self) -> bool {
        self.0["x-encoding"] == "base64url"
    }

    /// Whether a list stands in one value, with commas, and not in one value per item.
    pub(crate) fn is_csv(self) -> bool {
        self.0["explode"] == false
    }

    pub(crate) fn schema(self) -> &'a Value {
        self.0
            .pointer("/content/application~1json/schema")
            .unwrap_or(&self.0["schema"])
    }
}

pub(crate) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
        .map(|(name, value)| (name.as_str(), value))
}
