//! What words are still missing for, in the form in which they are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Coverage, Item, Part, needs_body};
use crate::emit::{groups, type_text};
use crate::history::{History, Span};
use crate::model::{Answer, Api, BodyContent, Operation, Shape, TypeId};
use crate::names::{self, TypeNames};
use crate::union::Union;

/// The missing entries, by the file of `specs/docs` that they belong in, with what is known beside each.
pub fn skeleton(union: &Union, history: &History, coverage: &Coverage) -> BTreeMap<String, String> {
    let names = TypeNames::new(&union.api);
    let skeleton = Skeleton {
        api: &union.api,
        names: &names,
        history,
        missing: coverage.missing.iter().collect(),
        places: crate::history::places(&union.api),
    };
    let mut files: BTreeMap<String, [String; 2]> = BTreeMap::new();
    for operation in &union.api.operations {
        let file = names::tag(&operation.tag).types;
        files.entry(file).or_default()[0].push_str(&skeleton.operation(operation));
    }
    for (file, ids) in groups::of_types(&union.api) {
        for id in ids {
            files.entry(file.clone()).or_default()[1].push_str(&skeleton.ty(id));
        }
    }
    let sections = |[operations, types]: [String; 2]| {
        let mut text = String::new();
        for (name, entries) in [("operations", operations), ("types", types)] {
            if !entries.is_empty() {
                let _ = write!(text, "{name}:\n{entries}");
            }
        }
        text
    };
    files
        .into_iter()
        .map(|(file, parts)| (file, sections(parts)))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

struct Skeleton<'a> {
    api: &'a Api,
    names: &'a TypeNames,
    history: &'a History,
    missing: BTreeSet<&'a Item>,
    places: Vec<Vec<String>>,
}

impl Skeleton<'_> {
    fn is_missing(&self, owner: &str, part: Part) -> bool {
        let owner = owner.to_owned();
        self.missing.contains(&Item { owner, part })
    }

    fn operation(&self, operation: &Operation) -> String {
        let id = &operation.id;
        let mut parameters = String::new();
        for parameter in &operation.parameters {
            if self.is_missing(id, Part::Parameter(parameter.name.clone())) {
                let place = format!("{:?}", parameter.place).to_lowercase();
                let mut facts = vec![place, type_text(self.names, &parameter.ty)];
                facts.extend(parameter.required.then(|| "required".to_owned()));
                facts.extend(parameter.default.as_ref().map(|d| format!("default {d}")));
                facts.extend(self.span(self.history.query(operation, &parameter.name)));
                line(&mut parameters, 6, &parameter.name, &facts);
            }
        }
        let mut rest = String::new();
        if !parameters.is_empty() {
            let _ = write!(rest, "    parameters:\n{parameters}");
        }
        if needs_body(operation) && self.is_missing(id, Part::Body) {
            let facts = operation.body.iter().map(|body| match &body.content {
                BodyContent::Binary(media) => media.clone(),
                BodyContent::Json(ty) => type_text(self.names, ty),
            });
            line(&mut rest, 4, "body", &facts.collect::<Vec<_>>());
        }
        if let Answer::Head(headers) = &operation.answer {
            let mut lines = String::new();
            for header in headers {
                if self.is_missing(id, Part::Header(header.name.clone())) {
                    line(
                        &mut lines,
                        6,
                        &header.name,
                        &[type_text(self.names, &header.ty)],
                    );
                }
            }
            if !lines.is_empty() {
                let _ = write!(rest, "    headers:\n{lines}");
            }
        }
        let mut facts = vec![format!("{} {}", operation.method, operation.path)];
        facts.push(match &operation.answer {
            Answer::Json(ty) => type_text(self.names, ty),
            Answer::JsonLines(ty) => format!("lines of {}", type_text(self.names, ty)),
            other => format!("{other:?}").chars().take(40).collect(),
        });
        facts.push(format!("errors {:?}", operation.errors));
        facts.extend(self.span(self.history.operation(operation)));
        self.entry(id, Part::Operation, &facts, &rest)
    }

    fn ty(&self, id: TypeId) -> String {
        let name = self.names.get(id);
        let def = self.api.type_def(id);
        let mut rest = String::new();
        match &def.shape {
            Shape::Object(fields) => {
                let mut lines = String::new();
                for field in fields {
                    if self.is_missing(name, Part::Field(field.name.clone())) {
                        let mut facts = vec![type_text(self.names, &field.ty)];
                        facts.extend(field.default.as_ref().map(|d| format!("default {d}")));
                        let span = self.history.field(&self.places[id.0], &field.name);
                        facts.extend(self.span(span));
                        line(&mut lines, 6, &field.name, &facts);
                    }
                }
                if !lines.is_empty() {
                    let _ = write!(rest, "    fields:\n{lines}");
                }
            }
            Shape::TextEnum(values) => self.values(name, values.iter().cloned(), &mut rest),
            Shape::IntegerEnum(values) => {
                let values = values.iter().map(|value| value.value.to_string());
                self.values(name, values, &mut rest);
            }
            Shape::Alias(_) => {}
        }
        let way = match (def.usage.request, def.usage.response) {
            (true, true) => "sent and read",
            (true, false) => "sent",
            (false, true) => "read",
            (false, false) => "nowhere",
        };
        let places = &self.places[id.0];
        let mut facts = vec![way.to_owned()];
        facts.extend(places.iter().take(3).cloned());
        if places.len() > 3 {
            facts.push(format!("and {} more places", places.len() - 3));
        }
        self.entry(name, Part::Type, &facts, &rest)
    }

    fn values(&self, name: &str, values: impl Iterator<Item = String>, rest: &mut String) {
        let mut lines = String::new();
        for value in values {
            if self.is_missing(name, Part::Value(value.clone())) {
                line(&mut lines, 6, &value, &[]);
            }
        }
        if !lines.is_empty() {
            let _ = write!(rest, "    values:\n{lines}");
        }
    }

    fn entry(&self, name: &str, own: Part, facts: &[String], rest: &str) -> String {
        let is_missing = self.is_missing(name, own);
        if !is_missing && rest.is_empty() {
            return String::new();
        }
        let mut text = format!("  {name}:  # {}\n", facts.join(" · "));
        if is_missing {
            line(&mut text, 4, "text", &[]);
        }
        text + rest
    }

    fn span(&self, span: Option<Span>) -> Option<String> {
        let Span { since, until } = span?;
        let since = (since > self.history.oldest()).then(|| format!("since {since}"));
        let until = (until < self.history.newest()).then(|| format!("until {until}"));
        let both: Vec<_> = since.into_iter().chain(until).collect();
        (!both.is_empty()).then(|| both.join(" "))
    }
}

fn line(text: &mut String, indent: usize, name: &str, facts: &[String]) {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && !["true", "false", "null", "no", "yes", "on", "off", "n", "y"]
            .contains(&&*name.to_lowercase());
    let name = if plain {
        name.to_owned()
    } else {
        format!("{name:?}")
    };
    let _ = write!(text, "{:indent$}{name}: ", "");
    if facts.is_empty() {
        text.push_str("\"\"\n");
    } else {
        let _ = writeln!(text, "\"\"  # {}", facts.join(" · "));
    }
}
