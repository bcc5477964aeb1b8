//! Where two generated APIs differ.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Api, Content, Def, Operation, Type};

/// Every difference: its place, ours, theirs. The place of what stands inside of a type is that type, in our
/// name, wherever the type is met first.
pub(crate) type Differences = BTreeSet<(String, String, String)>;

/// Compares operations, and definitions by their names in the document.
pub(crate) fn differences(ours: &Api, theirs: &Api, definitions: &[String]) -> Differences {
    let mut compare = Compare {
        ours,
        theirs,
        seen: BTreeSet::new(),
        found: BTreeSet::new(),
    };
    compare.names("operations", &ours.operations, &theirs.operations);
    for (endpoint, operation) in &ours.operations {
        if let Some(theirs) = theirs.operations.get(endpoint) {
            compare.operation(endpoint, operation, theirs);
        }
    }
    let (our_names, their_names) = (names(ours), names(theirs));
    for definition in definitions {
        let key = bare(definition);
        match (our_names.get(&key), their_names.get(&key)) {
            (Some(ours), Some(theirs)) => compare.ty(definition, ours, theirs),
            (ours, theirs) => {
                let word = |there: bool| if there { "a type" } else { "nothing" };
                compare.differ(definition, word(ours.is_some()), word(theirs.is_some()));
            }
        }
    }
    compare.found
}

/// Types by their names without case and marks: each generator has its own way of writing them.
fn names(api: &Api) -> BTreeMap<String, Type> {
    let names = api.types.keys();
    names
        .map(|name| (bare(name), Type::Named(name.clone())))
        .collect()
}

fn bare(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

struct Compare<'a> {
    ours: &'a Api,
    theirs: &'a Api,
    /// Pairs of named types that have been compared.
    seen: BTreeSet<(String, String)>,
    found: Differences,
}

impl<'a> Compare<'a> {
    fn differ(&mut self, place: &str, ours: &str, theirs: &str) {
        self.found
            .insert((place.to_owned(), ours.to_owned(), theirs.to_owned()));
    }

    /// Names that only one side has.
    fn names<A, B>(
        &mut self,
        place: &str,
        ours: &BTreeMap<String, A>,
        theirs: &BTreeMap<String, B>,
    ) {
        for name in ours.keys().filter(|name| !theirs.contains_key(*name)) {
            self.differ(place, name, "nothing");
        }
        for name in theirs.keys().filter(|name| !ours.contains_key(*name)) {
            self.differ(place, "nothing", name);
        }
    }

    fn operation(&mut self, endpoint: &str, ours: &Operation, theirs: &Operation) {
        let (our_parameters, their_parameters) = (&ours.parameters, &theirs.parameters);
        self.names(endpoint, our_parameters, their_parameters);
        for (key, ours) in our_parameters {
            let Some(theirs) = their_parameters.get(key) else {
                continue;
            };
            let place = format!("{endpoint} {key}");
            if ours.required != theirs.required {
                let word = |required| if required { "required" } else { "optional" };
                self.differ(&place, word(ours.required), word(theirs.required));
            }
            self.ty(&place, &ours.ty, &theirs.ty);
        }
        self.content(&format!("{endpoint} body"), &ours.body, &theirs.body);
        self.content(&format!("{endpoint} answer"), &ours.answer, &theirs.answer);
    }

    fn content(&mut self, place: &str, ours: &Content, theirs: &Content) {
        match (ours, theirs) {
            (Content::Json(ours), Content::Json(theirs))
            | (Content::JsonLines(ours), Content::JsonLines(theirs)) => {
                self.ty(place, ours, theirs);
            }
            (Content::Nothing, Content::Nothing) | (Content::Octets, Content::Octets) => {}
            _ => self.differ(place, word(ours), word(theirs)),
        }
    }

    fn ty(&mut self, place: &str, ours: &Type, theirs: &Type) {
        let (our_api, their_api) = (self.ours, self.theirs);
        let (ours, theirs) = (our_api.resolve(ours), their_api.resolve(theirs));
        match (ours, theirs) {
            (Type::Named(our_name), Type::Named(their_name)) => {
                let pair = (our_name.clone(), their_name.clone());
                if self.seen.insert(pair) {
                    self.def(place, our_name, their_name);
                }
            }
            (Type::List(ours), Type::List(theirs)) => self.ty(&format!("{place}[]"), ours, theirs),
            (Type::Map(ours), Type::Map(theirs)) => self.ty(&format!("{place}{{}}"), ours, theirs),
            _ if ours == theirs => {}
            _ => {
                self.differ(place, &show(our_api, ours), &show(their_api, theirs));
            }
        }
    }

    fn def(&mut self, place: &str, our_name: &str, their_name: &str) {
        let (our_api, their_api) = (self.ours, self.theirs);
        let (ours, theirs) = (our_api.types.get(our_name), their_api.types.get(their_name));
        match (ours, theirs) {
            (Some(Def::Object(ours)), Some(Def::Object(theirs))) => {
                self.names(our_name, ours, theirs);
                for (name, ours) in ours {
                    if let Some(theirs) = theirs.get(name) {
                        self.ty(&format!("{our_name}.{name}"), ours, theirs);
                    }
                }
            }
            (Some(Def::Enum(ours)), Some(Def::Enum(theirs))) => {
                if ours != theirs {
                    self.differ(our_name, &ours.join("|"), &theirs.join("|"));
                }
            }
            _ => {
                let ours = show(our_api, &Type::Named(our_name.to_owned()));
                let theirs = show(their_api, &Type::Named(their_name.to_owned()));
                self.differ(place, &ours, &theirs);
            }
        }
    }
}

fn word(content: &Content) -> &'static str {
    match content {
        Content::Nothing => "nothing",
        Content::Octets => "octets",
        Content::Json(_) => "JSON",
        Content::JsonLines(_) => "JSON documents",
    }
}

fn show(api: &Api, ty: &Type) -> String {
    match ty {
        Type::Text => "text".to_owned(),
        Type::Time => "time".to_owned(),
        Type::Boolean => "boolean".to_owned(),
        Type::Integer(name) => name.clone(),
        Type::Number => "number".to_owned(),
        Type::Any => "any value".to_owned(),
        Type::List(inner) => format!("list of {}", show(api, inner)),
        Type::Map(inner) => format!("map of {}", show(api, inner)),
        Type::Optional(inner) => show(api, inner),
        Type::Named(name) => match api.types.get(name) {
            Some(Def::Alias(target)) => show(api, target),
            Some(Def::Object(_)) => "object".to_owned(),
            Some(Def::Enum(_)) => "enum".to_owned(),
            Some(Def::IntegerEnum) => "enum of integers".to_owned(),
            Some(Def::Choice(choices)) => {
                let choices: Vec<_> = choices.iter().map(|choice| show(api, choice)).collect();
                choices.join(" or ")
            }
            None => format!("unknown {name}"),
        },
    }
}
