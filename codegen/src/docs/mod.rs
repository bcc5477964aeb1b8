//! `specs/docs`: our own words for every operation, parameter, type, field and value.
//!
//! They are written once for all versions, under the names that things have in the [`union`](crate::union) of
//! all versions, and said otherwise for some versions where those differ.

mod copied;
mod skeleton;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

pub use copied::copied;
pub use skeleton::skeleton;

use crate::correct::VersionSet;
use crate::error::Error;
use crate::model::{Answer, Api, Body, BodyContent, Operation, Shape, Type, TypeId};
use crate::names::TypeNames;
use crate::union::Union;
use crate::version::Version;
use crate::versions::Versions;
use crate::yaml;

/// All files of `specs/docs`.
#[derive(Clone, Debug, Default)]
pub struct Docs {
    operations: BTreeMap<String, OperationDocs>,
    types: BTreeMap<String, TypeDocs>,
}

#[derive(Clone, Debug, Default)]
struct OperationDocs {
    file: String,
    text: Words,
    parameters: BTreeMap<String, Words>,
    body: Option<Words>,
    headers: BTreeMap<String, Words>,
    /// Rust that calls it, with a `client` at hand; where there is none, one is made up.
    example: Option<Words>,
}

#[derive(Clone, Debug, Default)]
struct TypeDocs {
    file: String,
    text: Words,
    /// Types that share fields with this one, and what is said about them.
    like: Vec<String>,
    fields: BTreeMap<String, Words>,
    values: BTreeMap<String, Words>,
}

/// What is said about something, and what instead about it in some versions.
#[derive(Clone, Debug, Default)]
struct Words {
    text: String,
    otherwise: Vec<(VersionSet, String)>,
}

impl Words {
    fn of(&self, version: Version) -> &str {
        self.otherwise
            .iter()
            .find(|(versions, _)| versions.contains(version))
            .map_or(&self.text, |(_, text)| text)
    }

    /// With an empty line between paragraphs, which YAML's folding makes one line end of.
    fn into_prose(self) -> Self {
        let prose = |text: String| {
            let paragraphs = text.split('\n').filter(|line| !line.trim().is_empty());
            paragraphs.collect::<Vec<_>>().join("\n\n")
        };
        Self {
            text: prose(self.text),
            otherwise: self
                .otherwise
                .into_iter()
                .map(|(versions, text)| (versions, prose(text)))
                .collect(),
        }
    }
}

impl Docs {
    /// Reads all files of the folder: name and text of each.
    pub fn parse(files: &[(String, String)], versions: &Versions) -> Result<Self, Error> {
        let mut docs = Self::default();
        for (file, text) in files {
            let value = yaml::parse(text).map_err(|error| Error::new(file, error.to_string()))?;
            let reader = Reader { file, versions };
            let root = reader.object(&value, "", &["operations", "types"])?;
            for (id, entry) in reader.entries(root, "operations", "")? {
                let entry = reader.operation(id, entry)?;
                if let Some(before) = docs.operations.insert(id.clone(), entry) {
                    return Err(reader.error(id, format!("it is in {} too", before.file)));
                }
            }
            for (name, entry) in reader.entries(root, "types", "")? {
                let entry = reader.ty(name, entry)?;
                if let Some(before) = docs.types.insert(name.clone(), entry) {
                    return Err(reader.error(name, format!("it is in {} too", before.file)));
                }
            }
        }
        Ok(docs)
    }

    /// What an operation does, as a version has it. `id` is its name in the union.
    fn operation(&self, version: Version, id: &str) -> Option<&str> {
        said(&self.operations.get(id)?.text, version)
    }

    fn parameter(&self, version: Version, id: &str, name: &str) -> Option<&str> {
        said(self.operations.get(id)?.parameters.get(name)?, version)
    }

    /// What the body of an operation is, where it is no type of its own.
    fn body(&self, version: Version, id: &str) -> Option<&str> {
        said(self.operations.get(id)?.body.as_ref()?, version)
    }

    /// Rust that calls an operation.
    fn example(&self, version: Version, id: &str) -> Option<&str> {
        said(self.operations.get(id)?.example.as_ref()?, version)
    }

    /// What a header of the answer says.
    fn header(&self, version: Version, id: &str, name: &str) -> Option<&str> {
        said(self.operations.get(id)?.headers.get(name)?, version)
    }

    /// What a type is. `ty` is its name in the union.
    fn ty(&self, version: Version, ty: &str) -> Option<&str> {
        said(&self.types.get(ty)?.text, version)
    }

    fn field(&self, version: Version, ty: &str, field: &str) -> Option<&str> {
        said(self.field_words(ty, field)?, version)
    }

    fn value(&self, version: Version, ty: &str, value: &str) -> Option<&str> {
        said(self.types.get(ty)?.values.get(value)?, version)
    }

    /// The words about a field, here or in a type that has the same.
    fn field_words(&self, ty: &str, field: &str) -> Option<&Words> {
        let docs = self.types.get(ty)?;
        docs.fields.get(field).or_else(|| {
            docs.like
                .iter()
                .filter(|like| *like != ty)
                .find_map(|like| self.types.get(like)?.fields.get(field))
        })
    }
}

/// The words about one version's model, found by what the things are called there.
#[derive(Clone, Debug)]
pub struct DocsOf<'a> {
    docs: &'a Docs,
    version: Version,
    /// What operations are called in the union, by method and path.
    operations: BTreeMap<(String, String), String>,
    /// What types are called in the union.
    types: BTreeMap<TypeId, String>,
}

impl<'a> DocsOf<'a> {
    /// `union` has to be made from `api` among others.
    pub fn new(docs: &'a Docs, api: &Api, union: &Union) -> Self {
        let joined = union.joined.get(&api.version).into_iter().flatten();
        Self::named(
            docs,
            api.version,
            union,
            joined.map(|(id, joined)| (*id, *joined)),
        )
    }

    /// The words about the union itself.
    pub fn union(docs: &'a Docs, union: &Union) -> Self {
        let ids = (0..union.api.types.len()).map(TypeId);
        Self::named(docs, union.api.version, union, ids.map(|id| (id, id)))
    }

    fn named(
        docs: &'a Docs,
        version: Version,
        union: &Union,
        joined: impl Iterator<Item = (TypeId, TypeId)>,
    ) -> Self {
        let names = TypeNames::new(&union.api);
        let operations = union.api.operations.iter().map(|operation| {
            let key = (operation.method.clone(), operation.path.clone());
            (key, operation.id.clone())
        });
        Self {
            docs,
            version,
            operations: operations.collect(),
            types: joined
                .map(|(id, joined)| (id, names.get(joined).to_owned()))
                .collect(),
        }
    }

    pub fn operation(&self, operation: &Operation) -> Option<&'a str> {
        self.docs.operation(self.version, self.id(operation)?)
    }

    pub fn parameter(&self, operation: &Operation, name: &str) -> Option<&'a str> {
        self.docs.parameter(self.version, self.id(operation)?, name)
    }

    pub fn body(&self, operation: &Operation) -> Option<&'a str> {
        self.docs.body(self.version, self.id(operation)?)
    }

    pub fn example(&self, operation: &Operation) -> Option<&'a str> {
        self.docs.example(self.version, self.id(operation)?)
    }

    pub fn header(&self, operation: &Operation, name: &str) -> Option<&'a str> {
        self.docs.header(self.version, self.id(operation)?, name)
    }

    pub fn ty(&self, id: TypeId) -> Option<&'a str> {
        self.docs.ty(self.version, self.types.get(&id)?)
    }

    pub fn field(&self, id: TypeId, field: &str) -> Option<&'a str> {
        self.docs.field(self.version, self.types.get(&id)?, field)
    }

    pub fn value(&self, id: TypeId, value: &str) -> Option<&'a str> {
        self.docs.value(self.version, self.types.get(&id)?, value)
    }

    fn id(&self, operation: &Operation) -> Option<&str> {
        let key = (operation.method.clone(), operation.path.clone());
        self.operations.get(&key).map(String::as_str)
    }
}

fn said(words: &Words, version: Version) -> Option<&str> {
    Some(words.of(version)).filter(|text| !text.is_empty())
}

struct Reader<'a> {
    file: &'a str,
    versions: &'a Versions,
}

impl Reader<'_> {
    fn error(&self, place: &str, message: impl Into<String>) -> Error {
        let place = match place {
            "" => self.file.to_owned(),
            place => format!("{}: {place}", self.file),
        };
        Error::new(place, message)
    }

    fn operation(&self, id: &str, value: &Value) -> Result<OperationDocs, Error> {
        let known = ["text", "parameters", "body", "headers", "example"];
        let object = self.object(value, id, &known)?;
        let words = |key: &str| {
            let value = object.get(key);
            value
                .map(|value| self.words(value, &format!("{id}.{key}")))
                .transpose()
        };
        let body = words("body")?.map(Words::into_prose);
        Ok(OperationDocs {
            file: self.file.to_owned(),
            text: self.text(object, id)?,
            parameters: self.all_words(object, "parameters", id)?,
            body,
            headers: self.all_words(object, "headers", id)?,
            example: words("example")?,
        })
    }

    fn ty(&self, name: &str, value: &Value) -> Result<TypeDocs, Error> {
        let known = ["text", "like", "fields", "values"];
        let object = self.object(value, name, &known)?;
        let like = match object.get("like") {
            None => Vec::new(),
            Some(Value::Array(names)) if names.iter().all(Value::is_string) => names
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            Some(_) => return Err(self.error(&format!("{name}.like"), "a list of types is due")),
        };
        Ok(TypeDocs {
            file: self.file.to_owned(),
            text: self.text(object, name)?,
            like,
            fields: self.all_words(object, "fields", name)?,
            values: self.all_words(object, "values", name)?,
        })
    }

    fn text(&self, object: &Map<String, Value>, place: &str) -> Result<Words, Error> {
        match object.get("text") {
            Some(value) => Ok(self.words(value, place)?.into_prose()),
            None => Err(self.error(place, "it has no text")),
        }
    }

    fn all_words(
        &self,
        object: &Map<String, Value>,
        key: &str,
        place: &str,
    ) -> Result<BTreeMap<String, Words>, Error> {
        self.entries(object, key, place)?
            .map(|(name, value)| {
                let words = self.words(value, &format!("{place}.{name}"))?;
                Ok((name.clone(), words.into_prose()))
            })
            .collect()
    }

    /// A text, or an object of a text and other texts for some versions.
    fn words(&self, value: &Value, place: &str) -> Result<Words, Error> {
        let text = |value: &Value| match value.as_str() {
            Some(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            _ => Err(self.error(place, "a text is due")),
        };
        let Value::Object(object) = value else {
            return Ok(Words {
                text: text(value)?,
                otherwise: Vec::new(),
            });
        };
        let mut words = Words::default();
        for (key, value) in object {
            if key == "text" {
                words.text = text(value)?;
            } else {
                let versions = VersionSet::parse(key, self.versions)
                    .map_err(|message| self.error(place, message))?;
                words.otherwise.push((versions, text(value)?));
            }
        }
        if words.text.is_empty() {
            return Err(self.error(place, "it has no text for the other versions"));
        }
        Ok(words)
    }

    fn entries<'v>(
        &self,
        object: &'v Map<String, Value>,
        key: &str,
        place: &str,
    ) -> Result<impl Iterator<Item = (&'v String, &'v Value)>, Error> {
        let entries = match object.get(key) {
            None => None,
            Some(Value::Object(entries)) => Some(entries),
            Some(_) => return Err(self.error(place, format!("{key} has to be a map"))),
        };
        Ok(entries.into_iter().flatten())
    }

    fn object<'v>(
        &self,
        value: &'v Value,
        place: &str,
        known: &[&str],
    ) -> Result<&'v Map<String, Value>, Error> {
        let object = value
            .as_object()
            .ok_or_else(|| self.error(place, "a map is due"))?;
        match object.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => {
                let known = known.join(", ");
                Err(self.error(place, format!("{key} is unknown here; known are {known}")))
            }
            None => Ok(object),
        }
    }
}

/// A thing that words are due about, or that words are about: `ContainerStop`, `HostConfig.Memory`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The operation or the type.
    pub owner: String,
    pub part: Part,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Operation,
    Parameter(String),
    Body,
    Header(String),
    Type,
    Field(String),
    Value(String),
}

/// How much of the API there are words for.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// What words are due about.
    pub due: Vec<Item>,
    pub missing: Vec<Item>,
    /// What words are about, and is not there.
    pub orphaned: Vec<Item>,
}

impl Docs {
    /// Compares what is there with what is due: all that any version has.
    pub fn coverage(&self, union: &Union) -> Coverage {
        let due = due(&union.api);
        let is_missing = |item: &&Item| !self.covers(item);
        let missing = due.iter().filter(is_missing).cloned().collect();
        let mut orphaned: Vec<_> = self.items().collect();
        orphaned.retain(|item| due.binary_search(item).is_err());
        Coverage {
            missing,
            orphaned,
            due,
        }
    }

    fn covers(&self, item: &Item) -> bool {
        let operation = || self.operations.get(&item.owner);
        let ty = || self.types.get(&item.owner);
        match &item.part {
            Part::Operation => operation().is_some(),
            Part::Parameter(name) => operation().is_some_and(|o| o.parameters.contains_key(name)),
            Part::Body => operation().is_some_and(|o| o.body.is_some()),
            Part::Header(name) => operation().is_some_and(|o| o.headers.contains_key(name)),
            Part::Type => ty().is_some(),
            Part::Field(name) => self.field_words(&item.owner, name).is_some(),
            Part::Value(name) => ty().is_some_and(|ty| ty.values.contains_key(name)),
        }
    }

    /// What words are about.
    fn items(&self) -> impl Iterator<Item = Item> {
        self.words().map(|(item, _)| item)
    }

    /// Every text, with what it is about.
    fn texts(&self) -> impl Iterator<Item = (Item, &str)> {
        self.words().flat_map(|(item, words)| {
            let otherwise = words.otherwise.iter().map(|(_, text)| text);
            let texts = std::iter::once(&words.text).chain(otherwise);
            texts.map(move |text| (item.clone(), text.as_str()))
        })
    }

    fn words(&self) -> impl Iterator<Item = (Item, &Words)> {
        let operations = self.operations.iter().flat_map(|(id, docs)| {
            let own = [(Part::Operation, &docs.text)].into_iter();
            own.chain(parts(&docs.parameters, Part::Parameter))
                .chain(docs.body.iter().map(|words| (Part::Body, words)))
                .chain(parts(&docs.headers, Part::Header))
                .map(move |(part, words)| (item(id, part), words))
        });
        let types = self.types.iter().flat_map(|(name, docs)| {
            let own = [(Part::Type, &docs.text)].into_iter();
            own.chain(parts(&docs.fields, Part::Field))
                .chain(parts(&docs.values, Part::Value))
                .map(move |(part, words)| (item(name, part), words))
        });
        operations.chain(types)
    }
}

fn parts(
    words: &BTreeMap<String, Words>,
    part: fn(String) -> Part,
) -> impl Iterator<Item = (Part, &Words)> {
    words
        .iter()
        .map(move |(name, words)| (part(name.clone()), words))
}

fn item(owner: &str, part: Part) -> Item {
    Item {
        owner: owner.to_owned(),
        part,
    }
}

/// All that words are due about, sorted.
fn due(api: &Api) -> Vec<Item> {
    let names = TypeNames::new(api);
    let mut due = Vec::new();
    for operation in &api.operations {
        let mut add = |part| due.push(item(&operation.id, part));
        add(Part::Operation);
        for parameter in &operation.parameters {
            add(Part::Parameter(parameter.name.clone()));
        }
        if needs_body(operation) {
            add(Part::Body);
        }
        if let Answer::Head(headers) = &operation.answer {
            for header in headers {
                add(Part::Header(header.name.clone()));
            }
        }
    }
    for id in (0..api.types.len()).map(TypeId) {
        let mut add = |part| due.push(item(names.get(id), part));
        add(Part::Type);
        match &api.type_def(id).shape {
            Shape::Object(fields) => {
                for field in fields {
                    add(Part::Field(field.name.clone()));
                }
            }
            Shape::TextEnum(values) => {
                for value in values {
                    add(Part::Value(value.clone()));
                }
            }
            Shape::IntegerEnum(values) => {
                for value in values {
                    add(Part::Value(value.value.to_string()));
                }
            }
            Shape::Alias(_) => {}
        }
    }
    due.sort();
    due.dedup();
    due
}

/// Whether an operation's body is no type of its own that says what it is.
fn needs_body(operation: &Operation) -> bool {
    match &operation.body {
        None => false,
        Some(Body { content, .. }) => match content {
            BodyContent::Binary(_) => true,
            BodyContent::Json(ty) => !matches!(ty, Type::Named(_)),
        },
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = &self.owner;
        match &self.part {
            Part::Operation => write!(f, "operation {owner}"),
            Part::Parameter(name) => write!(f, "parameter {owner}.{name}"),
            Part::Body => write!(f, "body of {owner}"),
            Part::Header(name) => write!(f, "header {owner}.{name}"),
            Part::Type => write!(f, "type {owner}"),
            Part::Field(name) => write!(f, "field {owner}.{name}"),
            Part::Value(value) => write!(f, "value {owner}={value}"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn versions() -> Versions {
        let row = |api: &str| {
            format!(
                "[[version]]\napi = \"{api}\"\ndocker = \"1.0\"\ncommit = \"{}\"\npath = \"p\"\nsha256 = \"{}\"\n",
                "0".repeat(40),
                "0".repeat(64)
            )
        };
        Versions::parse("versions", &(row("1.1") + &row("1.2") + &row("1.3"))).unwrap()
    }

    pub(super) fn parse(text: &str) -> Result<Docs, Error> {
        Docs::parse(&[("docs.yaml".to_owned(), text.to_owned())], &versions())
    }

    #[test]
    fn words_differ_where_versions_do() {
        let docs = parse(
            "operations:\n  Stop:\n    text: Stops.\n    parameters:\n      \
             t: {text: Seconds., \"1.1-1.2\": Minutes.}\n",
        )
        .unwrap();
        let said = |minor| docs.parameter(Version::new(1, minor), "Stop", "t");
        assert_eq!(
            [said(1), said(2), said(3)],
            [Some("Minutes."), Some("Minutes."), Some("Seconds.")]
        );
        assert_eq!(docs.operation(Version::new(1, 1), "Stop"), Some("Stops."));
        assert_eq!(docs.operation(Version::new(1, 1), "Start"), None);
    }

    #[test]
    fn types_share_words_and_say_some_themselves() {
        let docs = parse(
            "types:\n  A: {text: A., like: [B], fields: {x: Own.}}\n  B: {text: B., fields: {x: Theirs., y: Shared.}}\n",
        )
        .unwrap();
        let said = |field| docs.field(Version::new(1, 1), "A", field);
        assert_eq!(
            [said("x"), said("y"), said("z")],
            [Some("Own."), Some("Shared."), None]
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, message) in [
            ("operations: {A: {}}", "docs.yaml: A: it has no text"),
            (
                "operations: {A: {text: \" \"}}",
                "docs.yaml: A: a text is due",
            ),
            (
                "operations: {A: {text: x, parameter: {}}}",
                "docs.yaml: A: parameter is unknown here; known are text, parameters, body, headers, example",
            ),
            (
                "types: {A: {text: x, fields: {y: {\"1.1\": z}}}}",
                "docs.yaml: A.y: it has no text for the other versions",
            ),
            (
                "types: {A: {text: {text: x, \"1.9\": z}}}",
                "docs.yaml: A: 1.9 is not among the versions of specs/versions.toml",
            ),
            (
                "types: {A: {text: x, like: B}}",
                "docs.yaml: A.like: a list of types is due",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message);
        }
        let twice = [
            ("a", "types: {T: {text: x}}"),
            ("b", "types: {T: {text: y}}"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
        let error = Docs::parse(&twice, &versions()).unwrap_err();
        assert_eq!(error.to_string(), "b: T: it is in a too");
    }
}
