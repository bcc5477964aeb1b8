//! The operations and types of all versions, under the names that they have in Rust.

use std::collections::HashMap;
use std::hash::Hash;

use serde_json::{Value, json};

use super::data::{Data, line};
use crate::diff::{Model, TYPES, kind};
use crate::docs::{Docs, DocsOf};
use crate::emit::groups;
use crate::history::{History, Span};
use crate::model::{
    Answer, Api, BodyContent, Encoding, Operation, Parameter, Place, Shape, TypeId,
};
use crate::names::{self, TypeNames};
use crate::union::Union;

/// Adds the operations, group by group, and then all types by name.
pub(super) fn add(data: &mut Data, apis: &[Api], history: &History, union: &Union, docs: &Docs) {
    let union_names = TypeNames::new(&union.api);
    let mut operations = Owners::new(apis.len());
    let mut types = Owners::new(apis.len());
    for (version, api) in apis.iter().enumerate() {
        let mut view = View {
            data,
            model: &Model::new(api),
            history,
            docs: DocsOf::new(docs, api, union),
            apis,
        };
        let owned = api.operations.iter().map(|operation| {
            let group = names::tag(&operation.tag).accessor;
            ((group, names::method(operation)), view.operation(operation))
        });
        operations.add(version, owned.collect());
        let joined = union.joined.get(&api.version);
        let files = groups::of_types(api).into_iter();
        let owned = files.flat_map(|(file, ids)| ids.into_iter().map(move |id| (file.clone(), id)));
        let owned = owned.map(|(file, id)| {
            let joined = joined.and_then(|joined| joined.get(&id));
            let joined = joined.map_or("", |id| union_names.get(*id));
            let name = view.model.names.get(id).to_owned();
            ((TYPES.to_owned(), name), view.ty(id, joined, &file))
        });
        types.add(version, owned.collect());
    }
    operations.by_group();
    types.lines.order.sort_unstable();
    operations.finish(data);
    types.finish(data);
}

/// The group and the name of an operation or type.
type Key = (String, String);

/// An operation or type in one version.
struct Owned {
    record: usize,
    /// What tells a part from the others, and what is known of it.
    parts: Vec<(String, usize)>,
}

/// Operations or types in all versions.
struct Owners {
    lines: Lines<Key>,
    parts: HashMap<Key, Lines<String>>,
}

impl Owners {
    fn new(versions: usize) -> Self {
        Self {
            lines: Lines::new(versions),
            parts: HashMap::new(),
        }
    }

    fn add(&mut self, version: usize, all: Vec<(Key, Owned)>) {
        let versions = self.lines.versions;
        let mut own = Vec::new();
        for (key, owned) in all {
            let parts = self.parts.entry(key.clone());
            let parts = parts.or_insert_with(|| Lines::new(versions));
            parts.add(version, owned.parts);
            own.push((key, owned.record));
        }
        self.lines.add(version, own);
    }

    /// Brings those of a group together.
    fn by_group(&mut self) {
        let mut groups: Vec<String> = Vec::new();
        for (group, _) in &self.lines.order {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        let rank = |(group, _): &Key| groups.iter().position(|known| known == group);
        self.lines.order.sort_by_key(rank);
    }

    fn finish(self, data: &mut Data) {
        for key in &self.lines.order {
            let parts = &self.parts[key];
            let parts = parts.order.iter().map(|part| line(&parts.records[part]));
            let parts: Vec<Value> = parts.collect();
            data.own(&key.0, &key.1, &self.lines.records[key], &parts);
        }
    }
}

/// What is known of many things in each version, and their order.
struct Lines<K> {
    versions: usize,
    order: Vec<K>,
    records: HashMap<K, Vec<Option<usize>>>,
}

impl<K: Clone + Eq + Hash> Lines<K> {
    fn new(versions: usize) -> Self {
        Self {
            versions,
            order: Vec::new(),
            records: HashMap::new(),
        }
    }

    /// Adds all things of one version. What is new comes after what it comes after there.
    fn add(&mut self, version: usize, things: Vec<(K, usize)>) {
        let mut at = 0;
        for (key, record) in things {
            at = match self.order.iter().position(|known| *known == key) {
                Some(known) => known + 1,
                None => {
                    self.order.insert(at, key.clone());
                    at + 1
                }
            };
            let records = self.records.entry(key);
            records.or_insert_with(|| vec![None; self.versions])[version] = Some(record);
        }
    }
}

/// What is written of one version.
struct View<'a> {
    data: &'a mut Data,
    model: &'a Model<'a>,
    history: &'a History,
    docs: DocsOf<'a>,
    apis: &'a [Api],
}

/// A part of an operation or type, in words; what does not apply is empty.
#[derive(Default)]
struct Part<'a> {
    item: &'a str,
    name: String,
    wire: &'a str,
    ty: String,
    words: Option<&'a str>,
    sent: &'a str,
    default: Option<&'a Value>,
    span: Option<Span>,
    required: bool,
    secret: bool,
}

impl View<'_> {
    fn operation(&mut self, operation: &Operation) -> Owned {
        let mut parts = Vec::new();
        for parameter in &operation.parameters {
            let words = self.docs.parameter(operation, &parameter.name);
            let part = self.part(&Part {
                item: if parameter.required {
                    "argument"
                } else {
                    "option"
                },
                name: names::parameter(&parameter.name),
                wire: &parameter.name,
                ty: if parameter.required {
                    self.model.argument(parameter)
                } else {
                    self.model.value(parameter)
                },
                words,
                sent: sent(parameter),
                default: parameter.default.as_ref(),
                span: self.history.parameter(operation, parameter),
                required: parameter.required,
                secret: false,
            });
            let place = parameter.place as u8;
            parts.push((format!("parameter {place} {}", parameter.name), part));
        }
        if let Some(body) = &operation.body {
            let words = self.docs.body(operation);
            let part = self.part(&Part {
                item: "body",
                name: "body".to_owned(),
                ty: self.model.body(&body.content),
                words,
                sent: match &body.content {
                    BodyContent::Json(_) => "as JSON",
                    BodyContent::Binary(media) => media,
                },
                required: body.required,
                ..Part::default()
            });
            parts.push(("body".to_owned(), part));
        }
        if let Answer::Head(headers) = &operation.answer {
            for header in headers {
                let words = self.docs.header(operation, &header.name);
                let part = self.part(&Part {
                    item: "header",
                    name: names::parameter(&header.name),
                    wire: &header.name,
                    ty: format!("Option<{}>", self.model.text(&header.ty)),
                    words,
                    ..Part::default()
                });
                parts.push((format!("header {}", header.name), part));
            }
        }
        for outcome in &operation.outcomes {
            let part = self.part(&Part {
                item: "outcome",
                name: names::pascal(&outcome.name),
                wire: &outcome.status.to_string(),
                ty: outcome
                    .body
                    .as_ref()
                    .map_or_else(String::new, |ty| self.model.text(ty)),
                ..Part::default()
            });
            parts.push((format!("outcome {}", outcome.name), part));
        }
        let [since, until] = self.span(self.history.operation(operation));
        let words = self.docs.operation(operation).unwrap_or_default();
        let record = json!([
            self.data.text(self.model.signature(operation)),
            self.data.text(&*operation.id),
            self.data.text(&*operation.method),
            self.data.text(&*operation.path),
            self.data.text(self.model.answer(operation)),
            self.data.text(words),
            operation.errors,
            since,
            until,
            u8::from(operation.unbounded),
        ]);
        Owned {
            record: self.data.record(record),
            parts,
        }
    }

    /// `joined` is what the type is called in the union, and `file` the file that it stands in.
    fn ty(&mut self, id: TypeId, joined: &str, file: &str) -> Owned {
        let def = self.model.type_def(id);
        let mut parts = Vec::new();
        let mut aliased = String::new();
        match &def.shape {
            Shape::Object(fields) => {
                let names = self.model.field_names[id.0].iter();
                for (field, name) in fields.iter().zip(names) {
                    let words = self.docs.field(id, &field.name);
                    let part = self.part(&Part {
                        item: "field",
                        name: name.clone(),
                        wire: &field.name,
                        ty: self.model.field(field, def),
                        words,
                        default: field.default.as_ref(),
                        span: self.history.field(&self.model.places[id.0], &field.name),
                        required: def.usage.request && field.required,
                        secret: field.secret,
                        ..Part::default()
                    });
                    parts.push((field.name.clone(), part));
                }
            }
            Shape::TextEnum(values) => {
                for (wire, name) in values.iter().zip(names::variants(values)) {
                    parts.push((wire.clone(), self.value(id, wire, name)));
                }
            }
            Shape::IntegerEnum(values) => {
                for value in values {
                    let (wire, name) = (value.value.to_string(), names::integer_variant(value));
                    let part = self.value(id, &wire, name);
                    parts.push((wire, part));
                }
            }
            Shape::Alias(ty) => aliased = self.model.text(ty),
        }
        let words = self.docs.ty(id).unwrap_or_default();
        let record = json!([
            self.data.text(kind(self.model, id)),
            self.data.text(aliased),
            self.data.text(words),
            self.data.text(joined),
            u8::from(def.usage.request),
            u8::from(def.usage.response),
            self.data.text(file),
        ]);
        Owned {
            record: self.data.record(record),
            parts,
        }
    }

    fn value(&mut self, id: TypeId, wire: &str, name: String) -> usize {
        let words = self.docs.value(id, wire);
        self.part(&Part {
            item: "value",
            name,
            wire,
            words,
            span: self.history.value(&self.model.places[id.0], wire),
            ..Part::default()
        })
    }

    fn part(&mut self, part: &Part<'_>) -> usize {
        let default = part.default.filter(|default| **default != Value::Null);
        let [since, until] = self.span(part.span);
        let record = json!([
            self.data.text(part.item),
            self.data.text(&*part.name),
            self.data.text(part.wire),
            self.data.text(&*part.ty),
            self.data.text(part.words.unwrap_or_default()),
            self.data.text(part.sent),
            self.data
                .text(default.map_or_else(String::new, Value::to_string)),
            since,
            until,
            u8::from(part.required),
            u8::from(part.secret),
        ]);
        self.data.record(record)
    }

    /// The first and the last version, by number; null where nothing is known.
    fn span(&self, span: Option<Span>) -> [Option<usize>; 2] {
        let number = |version| self.apis.iter().position(|api| api.version == version);
        match span {
            Some(Span { since, until }) => [number(since), number(until)],
            None => [None, None],
        }
    }
}

/// Where and how a parameter travels.
fn sent(parameter: &Parameter) -> &'static str {
    match (parameter.place, parameter.encoding) {
        (Place::Path, _) => "in the path",
        (Place::Query, Encoding::Plain) => "in the query",
        (Place::Query, Encoding::Csv) => "in the query, separated by commas",
        (Place::Query, Encoding::Json) => "in the query, as JSON",
        (Place::Query, Encoding::JsonItems) => "in the query, each item as JSON",
        (Place::Query, Encoding::Base64UrlJson) => "in the query, as JSON in base64",
        (Place::Header, Encoding::Base64UrlJson) => "in a header, as JSON in base64",
        (Place::Header, _) => "in a header",
    }
}
