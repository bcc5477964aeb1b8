//! Reviewed data mends what a description gets wrong.
//!
//! A correction says which versions it is for, why, and on what evidence. One that changes nothing in
//! one of its versions is an error, so a correction that upstream has made superfluous does not linger.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::document::Document;
use crate::error::Error;
use crate::pointer::unescape;
use crate::version::Version;
use crate::versions::Versions;
use crate::yaml::{self, Plain};

/// All files of `specs/corrections`, in the order in which they apply.
#[derive(Clone, Debug, Default)]
pub struct Corrections {
    entries: Vec<Correction>,
}

/// One reviewed correction.
#[derive(Clone, Debug)]
pub struct Correction {
    pub id: String,
    /// The file it is in.
    pub file: String,
    pub versions: VersionSet,
    pub why: String,
    pub evidence: String,
    edits: Vec<Edit>,
}

/// A set of versions, as `1.36-1.40`, `1.41`, `-1.31`, `1.42-`, or several of these with commas between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionSet {
    ranges: Vec<(Option<Version>, Option<Version>)>,
}

#[derive(Clone, Debug)]
struct Edit {
    pointer: String,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Set(New),
    Add(New),
    Remove,
    Rename(String),
    /// Puts it in the place of what it is in.
    Hoist,
}

/// What is put into the document.
#[derive(Clone, Debug)]
enum New {
    Value(Value),
    /// What stands at the same place in the description of another version, before any correction.
    From(Version),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCorrection {
    id: String,
    versions: String,
    why: String,
    evidence: String,
    edits: Vec<RawEdit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEdit {
    set: Option<String>,
    add: Option<String>,
    remove: Option<String>,
    rename: Option<String>,
    hoist: Option<String>,
    value: Option<Plain>,
    from: Option<Version>,
    to: Option<String>,
}

impl Corrections {
    /// Reads the files, given by name and text.
    pub fn parse<N: AsRef<str>, T: AsRef<str>>(
        files: &[(N, T)],
        versions: &Versions,
    ) -> Result<Self, Error> {
        let mut entries: Vec<Correction> = Vec::new();
        for (file, text) in files {
            let file = file.as_ref();
            let raw: Vec<RawCorrection> = yaml::from_str(text.as_ref())
                .map_err(|error| Error::new(file, error.to_string()))?;
            for raw in raw {
                let id = raw.id.clone();
                let place = format!("{file}: correction {id}");
                if let Some(other) = entries.iter().find(|other| other.id == id) {
                    return Err(Error::new(
                        place,
                        format!("its id is taken already, in {}", other.file),
                    ));
                }
                entries.push(
                    raw.check(file, versions)
                        .map_err(|message| Error::new(place, message))?,
                );
            }
        }
        Ok(Self { entries })
    }

    pub fn entries(&self) -> &[Correction] {
        &self.entries
    }

    /// Applies what is for the document's version. `described` holds the documents of all versions as they were converted.
    pub fn apply(
        &self,
        document: &mut Document,
        described: &BTreeMap<Version, Document>,
    ) -> Result<(), Error> {
        match self.apply_all(document, described).into_iter().next() {
            Some(void) => Err(void.into()),
            None => Ok(()),
        }
    }

    /// Like [`apply`](Self::apply), but leaves out what does not apply any more, and returns it.
    pub fn apply_all(
        &self,
        document: &mut Document,
        described: &BTreeMap<Version, Document>,
    ) -> Vec<Void> {
        let version = document.version;
        let mut void = Vec::new();
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.versions.contains(version))
        {
            for edit in &entry.edits {
                if let Err(message) = edit.apply(&mut document.root, described) {
                    void.push(Void {
                        version,
                        correction: entry.id.clone(),
                        file: entry.file.clone(),
                        pointer: edit.pointer.clone(),
                        message,
                    });
                }
            }
        }
        document.tidy();
        void
    }
}

/// An edit that changes nothing in a version it is for, or cannot be made there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Void {
    pub version: Version,
    pub correction: String,
    /// Where the correction stands.
    pub file: String,
    pub pointer: String,
    pub message: String,
}

impl From<Void> for Error {
    fn from(void: Void) -> Self {
        let Void {
            version,
            correction,
            file,
            pointer,
            message,
        } = void;
        Self::new(
            format!("correction {correction} ({file}): {pointer}"),
            message,
        )
        .in_version(version)
    }
}

impl RawCorrection {
    fn check(self, file: &str, versions: &Versions) -> Result<Correction, String> {
        for (name, text) in [
            ("id", &self.id),
            ("why", &self.why),
            ("evidence", &self.evidence),
        ] {
            if text.trim().is_empty() {
                return Err(format!("`{name}` is empty"));
            }
        }
        let set = VersionSet::parse(&self.versions, versions)?;
        if self.edits.is_empty() {
            return Err("it has no edits".into());
        }
        let edits = self
            .edits
            .into_iter()
            .map(RawEdit::check)
            .collect::<Result<_, _>>()?;
        Ok(Correction {
            id: self.id,
            file: file.into(),
            versions: set,
            why: self.why,
            evidence: self.evidence,
            edits,
        })
    }
}

impl RawEdit {
    fn check(self) -> Result<Edit, String> {
        let new = match (self.value, self.from) {
            (Some(value), None) => Some(New::Value(value.0)),
            (None, Some(version)) => Some(New::From(version)),
            _ => None,
        };
        let named = [self.set, self.add, self.remove, self.rename, self.hoist];
        let place = named.iter().position(Option::is_some);
        let mut pointers = named.into_iter().flatten();
        let pointer = pointers.next().unwrap_or_default();
        let change = match (place, pointers.next(), new, self.to) {
            (Some(0), None, Some(new), None) => Change::Set(new),
            (Some(1), None, Some(new), None) => Change::Add(new),
            (Some(2), None, None, None) => Change::Remove,
            (Some(3), None, None, Some(to)) => Change::Rename(to),
            (Some(4), None, None, None) => Change::Hoist,
            _ => {
                return Err(format!(
                    "`{pointer}`: an edit is set or add + value or from, remove, rename + to, or hoist"
                ));
            }
        };
        Ok(Edit { pointer, change })
    }
}

impl VersionSet {
    pub(crate) fn parse(text: &str, versions: &Versions) -> Result<Self, String> {
        let bound = |text: &str| -> Result<Option<Version>, String> {
            if text.is_empty() {
                return Ok(None);
            }
            let version = text.parse()?;
            match versions.get(version) {
                Some(_) => Ok(Some(version)),
                None => Err(format!(
                    "{version} is not among the versions of specs/versions.toml"
                )),
            }
        };
        let mut ranges = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let range = (bound(from)?, bound(to)?);
            match range {
                (Some(from), Some(to)) if from > to => {
                    return Err(format!("the range {part} ends before it begins"));
                }
                (None, None) if !part.contains('-') => return Err("it is for no version".into()),
                _ => ranges.push(range),
            }
        }
        Ok(Self { ranges })
    }

    pub fn contains(&self, version: Version) -> bool {
        self.ranges.iter().any(|&(from, to)| {
            from.is_none_or(|from| from <= version) && to.is_none_or(|to| version <= to)
        })
    }
}

impl Edit {
    fn apply(
        &self,
        root: &mut Value,
        described: &BTreeMap<Version, Document>,
    ) -> Result<(), String> {
        let mut path = resolve(root, &self.pointer)?;
        let last = path.pop().ok_or("it points to the whole document")?;
        let new = match &self.change {
            Change::Set(new) | Change::Add(new) => Some(self.value(new, &last, described)?),
            Change::Remove | Change::Rename(_) | Change::Hoist => None,
        };
        if matches!(self.change, Change::Hoist) {
            let parent = walk(root, &path)?;
            let inner = look(parent, &[last])?.clone();
            *parent = inner;
            return Ok(());
        }
        // A parameter of an operation that had none.
        if new.is_some()
            && parameter(&last).is_some()
            && let Some((list, operation)) = path.split_last()
            && list == "parameters"
            && let Value::Object(operation) = walk(root, operation)?
        {
            operation
                .entry("parameters")
                .or_insert_with(|| Value::Array(Vec::new()));
        }
        let emptied = match (walk(root, &path)?, new) {
            (Value::Object(object), Some(new)) => {
                self.put_into_object(object, last, new)?;
                false
            }
            (Value::Object(object), None) => {
                self.change_object(object, &last)?;
                false
            }
            (Value::Array(array), Some(new)) => {
                self.put_into_array(array, &last, new)?;
                false
            }
            (Value::Array(array), None) => {
                self.change_array(array, &last)?;
                array.is_empty()
            }
            _ => return Err("its parent is neither an object nor an array".into()),
        };
        // No list is written where it would be empty, nor a path without operations.
        let no_operation_left = path.len() == 2
            && path[0] == "paths"
            && walk(root, &path)?.as_object().is_some_and(Map::is_empty);
        if (emptied || no_operation_left)
            && let Some(name) = path.pop()
            && let Value::Object(parent) = walk(root, &path)?
        {
            parent.shift_remove(&name);
        }
        Ok(())
    }

    fn value(
        &self,
        new: &New,
        last: &str,
        described: &BTreeMap<Version, Document>,
    ) -> Result<Value, String> {
        let mut value = match new {
            New::Value(value) => value.clone(),
            New::From(version) => {
                let other = described
                    .get(version)
                    .ok_or_else(|| format!("{version} is no version to take it from"))?;
                let missing = |message| format!("in {version}, where it is taken from: {message}");
                let path = resolve(&other.root, &self.pointer).map_err(missing)?;
                look(&other.root, &path).cloned().map_err(missing)?
            }
        };
        // Place and name of a parameter are in the pointer.
        if let (Some((place, name)), Value::Object(rest)) = (parameter(last), &mut value) {
            let mut whole = Map::new();
            whole.insert("name".into(), name.into());
            whole.insert("in".into(), place.into());
            whole.append(rest);
            value = whole.into();
        }
        Ok(value)
    }

    fn put_into_object(
        &self,
        object: &mut Map<String, Value>,
        key: String,
        new: Value,
    ) -> Result<(), String> {
        match object.get(&key) {
            Some(present) if *present == new => return Err("it is that already".into()),
            Some(_) if matches!(self.change, Change::Add(_)) => {
                return Err("it exists already".into());
            }
            _ => object.insert(key, new),
        };
        Ok(())
    }

    fn put_into_array(
        &self,
        array: &mut Vec<Value>,
        segment: &str,
        new: Value,
    ) -> Result<(), String> {
        match index(array, segment) {
            Some(index) if array[index] == new => return Err("it is that already".into()),
            Some(_) if matches!(self.change, Change::Add(_)) => {
                return Err("it exists already".into());
            }
            Some(index) => array[index] = new,
            None if segment == "-" && array.contains(&new) => {
                return Err("it is in the list already".into());
            }
            None if segment == "-" || parameter(segment).is_some() => array.push(new),
            None => return Err("it does not exist; `-` appends".into()),
        }
        Ok(())
    }

    fn change_object(&self, object: &mut Map<String, Value>, key: &str) -> Result<(), String> {
        if !object.contains_key(key) {
            return Err("it does not exist".into());
        }
        if let Change::Rename(to) = &self.change {
            if object.contains_key(to) {
                return Err(format!("there is a `{to}` beside it already"));
            }
            let entries = std::mem::take(object);
            object.extend(
                entries
                    .into_iter()
                    .map(|(name, value)| (if name == key { to.clone() } else { name }, value)),
            );
        } else {
            object.shift_remove(key);
        }
        Ok(())
    }

    fn change_array(&self, array: &mut Vec<Value>, segment: &str) -> Result<(), String> {
        let index = index(array, segment).ok_or("it does not exist")?;
        if let Change::Rename(to) = &self.change {
            match &mut array[index] {
                Value::String(text) => text.clone_from(to),
                Value::Object(parameter) if parameter.contains_key("name") => {
                    parameter.insert("name".into(), to.as_str().into());
                }
                _ => return Err("it has no name".into()),
            }
        } else {
            array.remove(index);
        }
        Ok(())
    }
}

/// The segments of a pointer, the short forms written out.
fn resolve(root: &Value, pointer: &str) -> Result<Vec<String>, String> {
    let split = |rest: &str| rest.split('/').map(unescape).collect::<Vec<_>>();
    if let Some(rest) = pointer.strip_prefix("schema ") {
        return Ok(["components".into(), "schemas".into()]
            .into_iter()
            .chain(split(rest))
            .collect());
    }
    if let Some(rest) = pointer.strip_prefix("op ") {
        let mut segments = split(rest);
        let id = segments.remove(0);
        let (path, method) =
            find_operation(root, &id).ok_or_else(|| format!("there is no operation `{id}`"))?;
        segments.splice(0..0, ["paths".into(), path.to_owned(), method.to_owned()]);
        return Ok(segments);
    }
    match pointer.strip_prefix('/') {
        Some(rest) => Ok(split(rest)),
        None => Err("a pointer starts with `/`, `schema ` or `op `".into()),
    }
}

fn find_operation<'r>(root: &'r Value, id: &str) -> Option<(&'r str, &'r str)> {
    root.get("paths")?
        .as_object()?
        .iter()
        .find_map(|(path, item)| {
            let (method, _) = item
                .as_object()?
                .iter()
                .find(|(_, operation)| operation["operationId"] == id)?;
            Some((path.as_str(), method.as_str()))
        })
}

fn walk<'r>(root: &'r mut Value, path: &[String]) -> Result<&'r mut Value, String> {
    let mut value = root;
    for segment in path {
        let next = match value {
            Value::Object(object) => object.get_mut(segment),
            Value::Array(array) => index(array, segment).map(|index| &mut array[index]),
            _ => None,
        };
        value = next.ok_or_else(|| format!("`{segment}` does not exist"))?;
    }
    Ok(value)
}

fn look<'r>(root: &'r Value, path: &[String]) -> Result<&'r Value, String> {
    let mut value = root;
    for segment in path {
        let next = match value {
            Value::Object(object) => object.get(segment),
            Value::Array(array) => index(array, segment).map(|index| &array[index]),
            _ => None,
        };
        value = next.ok_or_else(|| format!("`{segment}` does not exist"))?;
    }
    Ok(value)
}

/// An element of an array: by place and name (a parameter), by its text (a member of `required` or `enum`), or by number.
fn index(array: &[Value], segment: &str) -> Option<usize> {
    let found = match parameter(segment) {
        Some((place, name)) => array
            .iter()
            .position(|item| item["in"] == place && item["name"] == name),
        None => array.iter().position(|item| item == segment),
    };
    found.or_else(|| segment.parse().ok().filter(|&index| index < array.len()))
}

fn parameter(segment: &str) -> Option<(&str, &str)> {
    segment
        .split_once(':')
        .filter(|(place, _)| matches!(*place, "path" | "query" | "header"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const V: Version = Version::new(1, 41);

    fn versions() -> Versions {
        let rows: String = ["1.40", "1.41", "1.42"]
            .iter()
            .map(|api| {
                format!(
                    "[[version]]\napi = \"{api}\"\ndocker = \"20.10.0\"\ncommit = \"{}\"\npath = \"p\"\nsha256 = \"{}\"\n",
                    "0".repeat(40),
                    "0".repeat(64)
                )
            })
            .collect();
        Versions::parse("versions.toml", &rows).unwrap()
    }

    fn document() -> Document {
        let root = json!({
            "paths": {"/a/{id}": {"get": {
                "operationId": "A",
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "responses": {},
            }}, "/b": {"get": {"operationId": "B", "responses": {}}}},
            "components": {"schemas": {"S": {
                "type": "object",
                "required": ["One"],
                "properties": {"One": {"type": "string"}, "Two": {"type": "string"}, "Three": {"type": "string"}},
            }}},
        });
        Document { version: V, root }
    }

    fn file(versions: &str, edits: &str) -> String {
        format!("- {{id: it, versions: '{versions}', why: w, evidence: e, edits: [{edits}]}}")
    }

    fn try_apply(versions_text: &str, edits: &str) -> Result<Value, Error> {
        let corrections =
            Corrections::parse(&[("c.yaml", file(versions_text, edits))], &versions())?;
        let mut other = document();
        other.version = Version::new(1, 42);
        other.root["components"]["schemas"]["New"] = json!({"type": "integer"});
        let mut document = document();
        corrections.apply(&mut document, &BTreeMap::from([(other.version, other)]))?;
        Ok(document.root)
    }

    fn apply(edits: &str) -> Value {
        try_apply("1.41", edits).unwrap_or_else(|error| panic!("{error}"))
    }

    fn refused(edits: &str) -> String {
        try_apply("1.41", edits)
            .expect_err("this does not apply")
            .to_string()
    }

    #[test]
    fn set_adds_or_replaces() {
        let root = apply(
            "{set: schema S/properties/One/type, value: integer}, {set: schema S/properties/One/format, value: int64}",
        );
        assert_eq!(
            root["components"]["schemas"]["S"]["properties"]["One"],
            json!({"type": "integer", "format": "int64"})
        );
    }

    #[test]
    fn an_edit_that_changes_nothing_is_an_error_that_names_entry_and_version() {
        assert_eq!(
            refused("{set: schema S/properties/One/type, value: string}"),
            "v1.41 correction it (c.yaml): schema S/properties/One/type: it is that already"
        );
        for edit in [
            "{add: schema S/properties/One, value: {type: string}}",
            "{add: schema S/required/-, value: One}",
            "{add: 'op A/parameters/path:id', value: {}}",
            "{remove: schema S/properties/Four}",
            "{remove: schema S/required/Two}",
            "{rename: schema S/properties/Four, to: Five}",
            "{rename: schema S/properties/One, to: Two}",
        ] {
            assert!(
                refused(edit).starts_with("v1.41 correction it (c.yaml): "),
                "{edit}"
            );
        }
    }

    #[test]
    fn a_pointer_to_nowhere_is_an_error() {
        for (edit, expected) in [
            (
                "{set: schema None/type, value: string}",
                "`None` does not exist",
            ),
            (
                "{set: op None/tags, value: [x]}",
                "there is no operation `None`",
            ),
            ("{set: S/type, value: string}", "a pointer starts with"),
            ("{remove: ''}", "a pointer starts with"),
            (
                "{set: schema S/properties/One/type/deep, value: x}",
                "neither an object nor an array",
            ),
        ] {
            let message = refused(edit);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_rename_keeps_its_place() {
        let root = apply("{rename: schema S/properties/Two, to: Zwei}");
        let names: Vec<_> = root["components"]["schemas"]["S"]["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(names, ["One", "Zwei", "Three"]);
    }

    #[test]
    fn a_part_can_take_the_place_of_the_whole() {
        let root = apply("{hoist: schema S/properties}");
        let names: Vec<_> = root["components"]["schemas"]["S"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(names, ["One", "Three", "Two"]);
        assert!(refused("{hoist: schema S/items}").contains("`items` does not exist"));
    }

    #[test]
    fn a_parameter_is_selected_and_made_by_place_and_name() {
        let root = apply(
            "{set: 'op A/parameters/path:id/schema/type', value: integer}, \
             {add: 'op A/parameters/query:all', value: {schema: {type: boolean}}}, \
             {add: 'op B/parameters/query:all', value: {schema: {type: boolean}}}",
        );
        let all = json!({"name": "all", "in": "query", "schema": {"type": "boolean"}});
        assert_eq!(
            root["paths"]["/a/{id}"]["get"]["parameters"][0]["schema"]["type"],
            "integer"
        );
        assert_eq!(root["paths"]["/a/{id}"]["get"]["parameters"][1], all);
        assert_eq!(root["paths"]["/b"]["get"]["parameters"], json!([all]));
    }

    #[test]
    fn nothing_empty_is_left_behind() {
        let root = apply(
            "{remove: schema S/required/One}, {remove: 'op A/parameters/path:id'}, {remove: op B}",
        );
        assert_eq!(root["components"]["schemas"]["S"].get("required"), None);
        assert_eq!(root["paths"]["/a/{id}"]["get"].get("parameters"), None);
        assert_eq!(root["paths"].get("/b"), None);
    }

    #[test]
    fn a_value_can_come_from_another_version() {
        assert_eq!(
            apply("{add: schema New, from: '1.42'}")["components"]["schemas"]["New"],
            json!({"type": "integer"})
        );
        assert!(
            refused("{add: schema Newer, from: '1.42'}")
                .contains("in 1.42, where it is taken from: `Newer` does not exist")
        );
        assert!(
            refused("{add: schema New, from: '1.40'}")
                .contains("1.40 is no version to take it from")
        );
    }

    #[test]
    fn an_entry_is_for_the_versions_it_names() {
        let edit = "{remove: schema None}";
        for outside in ["1.40", "-1.40", "1.42-", "1.40, 1.42"] {
            assert!(try_apply(outside, edit).is_ok(), "{outside}");
        }
        for inside in ["1.41", "-", "-1.41", "1.41-", "1.40-1.42", "1.40, 1.41"] {
            assert!(try_apply(inside, edit).is_err(), "{inside}");
        }
        for wrong in ["", "x", "1.43", "1.42-1.40", "1.40,"] {
            let message = try_apply(wrong, edit).unwrap_err().to_string();
            assert!(message.starts_with("c.yaml: correction it: "), "{message}");
        }
    }

    #[test]
    fn an_entry_is_whole() {
        let parse = |text: &str| {
            Corrections::parse(&[("c.yaml", text)], &versions())
                .map(drop)
                .unwrap_err()
                .to_string()
        };
        assert!(
            parse("- {id: it, versions: '-', why: '', evidence: e, edits: [{remove: schema S}]}")
                .contains("`why` is empty")
        );
        assert!(
            parse("- {id: it, versions: '-', why: w, evidence: e, edits: []}")
                .contains("it has no edits")
        );
        assert!(
            parse("- {id: it, versions: '-', why: w, evidence: e, edits: [{set: schema S}]}")
                .contains("an edit is set or add")
        );
        assert!(
            parse("- {id: it, versions: '-', why: w, edits: [{remove: schema S}]}")
                .contains("evidence")
        );
        assert!(parse("- {id: it, versions: '-', because: w}").contains("because"));
        let entry = file("-", "{remove: schema S}");
        assert!(parse(&format!("{entry}\n{entry}")).contains("its id is taken already, in c.yaml"));
    }
}
