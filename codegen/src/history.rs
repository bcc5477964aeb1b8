//! Since when, and until when, the things of the API exist: all versions side by side.
//!
//! Definitions are renamed, split and moved between versions while what travels stays the same, so things
//! are told apart by where they stand in requests and answers (`POST /containers/create < HostConfig.Memory`)
//! and not by the name of the definition that holds them. A field of a type has been there since the first
//! version in which any of the type's places had it.

use std::collections::HashMap;

use crate::model::{
    Answer, Api, Behaviour, Body, BodyContent, Encoding, Operation, Parameter, Place, Said, SaidIn,
    Shape, Type,
};
use crate::version::Version;

/// The versions in which something exists: the first and, if it is gone, the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub since: Version,
    pub until: Version,
}

/// What exists in which version.
#[derive(Clone, Debug)]
pub struct History {
    /// Oldest first; bit n of a set stands for the nth.
    versions: Vec<Version>,
    sets: HashMap<String, u64>,
    /// What daemons do with things, by the places of the version and of the thing.
    behaviours: HashMap<String, Vec<(usize, Behaviour)>>,
    /// What daemons take for what is not said, by the key of an operation.
    unsaid: HashMap<String, Vec<Unsaid>>,
}

/// What daemons take for something that is not said, where versions differ in that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// `HostConfig.IpcMode`
    pub path: String,
    /// In the order of the versions.
    pub values: Vec<(u64, String)>,
}

impl History {
    /// Reads the history off the models of all versions, oldest first.
    ///
    /// # Panics
    ///
    /// If there are more than 64 versions.
    pub fn new(apis: &[Api]) -> Self {
        assert!(apis.len() <= 64, "the sets of versions are 64 bits wide");
        let mut history = Self {
            versions: apis.iter().map(|api| api.version).collect(),
            sets: HashMap::new(),
            behaviours: HashMap::new(),
            unsaid: HashMap::new(),
        };
        for (bit, api) in apis.iter().enumerate() {
            let mut walk = Walk {
                api,
                bit: 1 << bit,
                sets: &mut history.sets,
                places: vec![Vec::new(); api.types.len()],
            };
            for operation in &api.operations {
                walk.operation(operation);
            }
            for operation in &api.operations {
                for (said, behaviour) in &operation.behaviours {
                    let key = said_key(operation, said);
                    // Described, and without effect, is not there.
                    if let Some(set) = history.sets.get_mut(&key) {
                        *set &= !(1 << bit);
                    }
                    let known = history.behaviours.entry(key).or_default();
                    known.push((bit, behaviour.clone()));
                }
                let known = history.unsaid.entry(operation_key(operation));
                let known = known.or_default();
                for (said, text) in &operation.defaults {
                    add_unsaid(known, &said.path, 1 << bit, text);
                }
            }
        }
        history
    }

    pub fn oldest(&self) -> Version {
        self.versions[0]
    }

    pub fn newest(&self) -> Version {
        self.versions[self.versions.len() - 1]
    }

    pub fn operation(&self, operation: &Operation) -> Option<Span> {
        self.span(self.set(&operation_key(operation)))
    }

    pub fn parameter(&self, operation: &Operation, parameter: &Parameter) -> Option<Span> {
        self.span(self.set(&parameter_key(operation, parameter)))
    }

    /// The span of an option in the query, whether this version has it or not.
    pub fn query(&self, operation: &Operation, name: &str) -> Option<Span> {
        self.span(self.set(&format!("{} query:{name}", operation_key(operation))))
    }

    /// The span of a field of the request's body, such as `HostConfig.Memory`, whether this version has it or not.
    pub fn body_field(&self, operation: &Operation, path: &str) -> Option<Span> {
        self.span(self.set(&format!("{} < .{path}", operation_key(operation))))
    }

    /// The span of the field of a type that stands in `places`.
    pub fn field(&self, places: &[String], field: &str) -> Option<Span> {
        self.at_places(places, &format!(".{field}"))
    }

    /// The span of a value of an enum that stands in `places`.
    pub fn value(&self, places: &[String], value: &str) -> Option<Span> {
        self.at_places(places, &format!("={value}"))
    }

    /// The place of everything that any version has, in no order.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(String::as_str)
    }

    fn at_places(&self, places: &[String], suffix: &str) -> Option<Span> {
        self.span(
            places
                .iter()
                .map(|place| self.set(&format!("{place}{suffix}")))
                .fold(0, |all, set| all | set),
        )
    }

    /// The versions that have the thing at a place.
    pub(crate) fn set(&self, key: &str) -> u64 {
        self.sets.get(key).copied().unwrap_or(0)
    }

    /// What daemons of single versions, by their places, do with what is at a place.
    pub(crate) fn behaviours(&self, key: &str) -> &[(usize, Behaviour)] {
        self.behaviours.get(key).map_or(&[], Vec::as_slice)
    }

    /// What daemons take for what is not said to an operation, where versions differ in that.
    pub fn unsaid(&self, operation: &Operation) -> &[Unsaid] {
        let known = self.unsaid.get(&operation_key(operation));
        known.map_or(&[], Vec::as_slice)
    }

    /// All versions, oldest first: bit n of a set stands for the nth.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    pub(crate) fn span(&self, set: u64) -> Option<Span> {
        if set == 0 {
            return None;
        }
        let since = self.versions[set.trailing_zeros() as usize];
        let until = self.versions[63 - set.leading_zeros() as usize];
        Some(Span { since, until })
    }
}

/// For each type of a model, where it stands in requests and answers. Types that nothing refers to, and names
/// for other types, stand nowhere.
pub(crate) fn places(api: &Api) -> Vec<Vec<String>> {
    let mut walk = Walk {
        api,
        bit: 0,
        sets: &mut HashMap::new(),
        places: vec![Vec::new(); api.types.len()],
    };
    for operation in &api.operations {
        walk.operation(operation);
    }
    walk.places
}

pub(crate) fn operation_key(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

pub(crate) fn parameter_key(operation: &Operation, parameter: &Parameter) -> String {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    format!(
        "{} {} {place}:{}",
        operation.method, operation.path, parameter.name
    )
}

/// All items but the first of a parameter that is said once for each item.
pub(crate) fn second_key(key: &str) -> String {
    format!("{key}[1]")
}

fn add_unsaid(known: &mut Vec<Unsaid>, path: &str, bit: u64, text: &str) {
    let at = known.iter().position(|unsaid| unsaid.path == path);
    let at = at.unwrap_or_else(|| {
        let (path, values) = (path.to_owned(), Vec::new());
        known.push(Unsaid { path, values });
        known.len() - 1
    });
    let values = &mut known[at].values;
    match values.last_mut() {
        Some((versions, last)) if last == text => *versions |= bit,
        _ => values.push((bit, text.to_owned())),
    }
}

fn said_key(operation: &Operation, said: &Said) -> String {
    let key = operation_key(operation);
    let path = &said.path;
    match said.place {
        SaidIn::Query => format!("{key} query:{path}"),
        SaidIn::Header => format!("{key} header:{path}"),
        SaidIn::Body if path.starts_with(['[', '{']) => format!("{key} < {path}"),
        SaidIn::Body => format!("{key} < .{path}"),
    }
}

struct Walk<'a> {
    api: &'a Api,
    bit: u64,
    sets: &'a mut HashMap<String, u64>,
    places: Vec<Vec<String>>,
}

impl Walk<'_> {
    fn operation(&mut self, operation: &Operation) {
        let key = operation_key(operation);
        self.mark(key.clone());
        for parameter in &operation.parameters {
            let key = parameter_key(operation, parameter);
            self.mark(key.clone());
            let is_repeated = matches!(parameter.encoding, Encoding::Plain | Encoding::JsonItems);
            match &parameter.ty {
                // Said once for each item: the same as in versions that take one.
                Type::List(item) if is_repeated => {
                    self.mark(second_key(&key));
                    self.ty(item, key);
                }
                ty => self.ty(ty, key),
            }
        }
        if let Some(Body {
            content: BodyContent::Json(ty),
            ..
        }) = &operation.body
        {
            self.ty(ty, format!("{key} < "));
        }
        match &operation.answer {
            Answer::Json(ty) | Answer::JsonLines(ty) => self.ty(ty, format!("{key} > ")),
            Answer::Head(headers) => {
                for header in headers {
                    self.ty(&header.ty, format!("{key} > {}", header.name));
                }
            }
            _ => {}
        }
        for outcome in &operation.outcomes {
            if let Some(ty) = &outcome.body {
                self.ty(ty, format!("{key} > "));
            }
        }
    }

    fn ty(&mut self, ty: &Type, key: String) {
        match ty {
            Type::List(inner) => self.ty(inner, format!("{key}[]")),
            Type::Map(inner) => self.ty(inner, format!("{key}{{}}")),
            Type::Nullable(inner) => self.ty(inner, key),
            Type::Named(id) => {
                match &self.api.type_def(*id).shape {
                    Shape::Alias(aliased) => return self.ty(aliased, key),
                    Shape::Object(fields) => {
                        for field in fields {
                            let key = format!("{key}.{}", field.name);
                            self.mark(key.clone());
                            self.ty(&field.ty, key);
                        }
                    }
                    Shape::TextEnum(values) => {
                        for value in values {
                            self.mark(format!("{key}={value}"));
                        }
                    }
                    Shape::IntegerEnum(values) => {
                        for value in values {
                            self.mark(format!("{key}={}", value.value));
                        }
                    }
                }
                self.places[id.0].push(key);
            }
            _ => {}
        }
    }

    fn mark(&mut self, key: String) {
        *self.sets.entry(key).or_insert(0) |= self.bit;
    }
}
