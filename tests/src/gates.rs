//! What a client that speaks any version refuses, compared with what the documents of the versions have.

use std::collections::BTreeSet;

use docker_api_gen_core::history::{History, Node, Outside};
use docker_api_gen_core::{ErrorKind, Request, Unsupported};
use serde_json::Value;

use crate::contract::{Contract, Described};
use crate::document::{Document, Operation};
use crate::sample::{Body, Round, Sample};
use crate::shape::Shape;

/// How many things one error names.
const NAMED: usize = 8;

/// Says all that one version has to each version beside it, and to itself: what that does not have has to be refused by
/// name, and all else has to be sent. `changed` are operations that cannot be done as all versions describe them.
///
/// # Panics
///
/// If it is not, or if there is something in `history` that no version's document could tell.
pub fn check_gates<C>(
    contracts: &[Contract],
    history: &History,
    client: impl Fn(&str, Unsupported) -> C,
    operations: &[Described<C>],
    changed: &[&str],
) {
    let mut run = Run {
        wrong: BTreeSet::new(),
        refused: BTreeSet::new(),
    };
    for (at, of) in contracts.iter().enumerate() {
        let beside = at.saturating_sub(1)..(at + 2).min(contracts.len());
        for to in &contracts[beside] {
            let version = to.document().version();
            let clients = (
                client(version, Unsupported::Refuse),
                client(version, Unsupported::Drop),
            );
            for operation in of.document().operations() {
                run.operation(of, to, operation, &clients, operations);
            }
        }
    }
    let Run { mut wrong, refused } = run;
    assert!(refused.len() > 100, "{refused:?}");
    for gate in gates(history) {
        let operation = gate.split(' ').next().unwrap_or_default();
        if !refused.contains(&gate) && !changed.contains(&operation) {
            wrong.insert(format!("{gate}: nothing refused it"));
        }
    }
    let lines: Vec<_> = wrong.iter().take(40).cloned().collect();
    assert!(
        wrong.is_empty(),
        "{} gates are not as the documents have them:\n  {}",
        wrong.len(),
        lines.join("\n  ")
    );
}

struct Run {
    wrong: BTreeSet<String>,
    /// What was refused as it should be: `containers.create HostConfig.Annotations`.
    refused: BTreeSet<String>,
}

impl Run {
    fn operation<C>(
        &mut self,
        of: &Contract,
        to: &Contract,
        operation: Operation<'_>,
        clients: &(C, C),
        operations: &[Described<C>],
    ) {
        if of.is_changed(operation.id) || to.is_changed(operation.id) {
            return;
        }
        let is_known = |name: &str| operations.iter().any(|(known, _)| *known == name);
        let name = of.name(operation, is_known);
        let Some((_, build)) = operations.iter().find(|(known, _)| *known == name) else {
            return;
        };
        let same = |other: &Operation<'_>| {
            (other.method, other.path) == (operation.method, operation.path)
        };
        let other = to.document().operations().find(same);
        let said = places(of.document(), operation);
        let had = other.map(|other| places(to.document(), other));
        let (void, renamed) = other.map(without_effect).unwrap_or_default();
        let here = format!(
            "{} of {} in {}",
            operation.id,
            of.document().version(),
            to.document().version()
        );
        let theirs = |place: &Said| had.iter().flatten().find(|had| had.path == place.path);
        // A choice that both have says nothing new.
        let is_new = |(place, value): (&Said, &str)| {
            let known = theirs(place).is_some_and(|theirs| {
                theirs.values.is_empty() || theirs.values.iter().any(|known| known == value)
            });
            !known || void.contains(&format!("{}={value}", place.path))
        };
        for choice in choices(&said).filter(|choice| choice.is_none_or(is_new)) {
            let mut sample = Sample::of(of.document(), operation, Round::First, true);
            if let Some((place, value)) = choice {
                place.set(&mut sample, value);
            }
            let last = |client: &C| build(client, &sample).into_last();
            let (refused, dropped) = (last(&clients.0), last(&clients.1));
            if had.is_none() {
                match refused {
                    Err(error) if error.to_string().contains("the operation ") => {
                        let name = error.operation().unwrap_or_default();
                        self.refused.insert(name.to_owned());
                    }
                    other => self.wrong(&here, format!("is not refused: {other:?}")),
                }
                return;
            }
            let lacks = |place: &&Said| -> bool {
                let Some(theirs) = theirs(place) else {
                    return true;
                };
                let value = place.said_in(&sample);
                let is_listed = |value: &String| {
                    theirs.values.is_empty() || theirs.values.iter().any(|known| known == value)
                };
                void.contains(&place.path)
                    || value.is_some_and(|value| {
                        !place.values.is_empty()
                            && (!is_listed(&value)
                                || void.contains(&format!("{}={value}", place.path)))
                    })
            };
            // Inside of what is missing there is nothing to miss.
            let missing: Vec<&Said> = said.iter().filter(lacks).collect();
            let missing: Vec<_> = missing
                .iter()
                .filter(|place| !missing.iter().any(|around| around.is_around(place)))
                .filter(|place| !renamed.contains(&place.path))
                .copied()
                .collect();
            match &refused {
                Ok(_) if missing.is_empty() => {}
                Ok(_) => {
                    let names: Vec<_> = missing.iter().map(|place| &place.path).collect();
                    self.wrong(&here, format!("does not refuse {names:?}"));
                }
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    let text = error.to_string();
                    for place in &missing {
                        if missing.len() > NAMED {
                            break;
                        }
                        if !text.contains(&place.shown()) {
                            self.wrong(&here, format!("does not name {}: {text}", place.path));
                            continue;
                        }
                    }
                    let names = text.matches(" needs API ").count()
                        + text.matches(" exists up to API ").count();
                    if missing.len() <= NAMED && names > missing.len() * 2 {
                        self.wrong(&here, format!("names too much: {text}"));
                    }
                    for place in &missing {
                        let name = error.operation().unwrap_or_default();
                        self.refused.insert(format!("{name} {}", place.path));
                        if let Some(value) = place.said_in(&sample) {
                            self.refused
                                .insert(format!("{name} {}={value}", place.path));
                        }
                    }
                    if missing.is_empty() {
                        self.wrong(&here, format!("should not be refused: {text}"));
                    }
                }
                Err(error) => self.wrong(&here, format!("cannot be built: {error}")),
            }
            match dropped {
                Ok(request) => {
                    let said = said.iter().filter(|place| !renamed.contains(&place.path));
                    self.left(&here, said, &missing, &request);
                }
                Err(error) => self.wrong(&here, format!("cannot be cut down: {error}")),
            }
        }
    }

    /// Looks at what is left of a request from which everything was dropped that is `missing`.
    fn left<'s>(
        &mut self,
        here: &str,
        said: impl Iterator<Item = &'s Said>,
        missing: &[&Said],
        request: &Request,
    ) {
        let query = request
            .path_and_query()
            .split_once('?')
            .map_or("", |(_, q)| q);
        let body: Value = request
            .body()
            .as_bytes()
            .and_then(|text| serde_json::from_slice(text).ok())
            .unwrap_or_default();
        for place in missing {
            if place.is_in(query, &body) {
                self.wrong(here, format!("{} is not dropped", place.path));
            }
        }
        let is_gone = |place: &Said| {
            missing
                .iter()
                .any(|gone| gone.path == place.path || gone.is_around(place))
        };
        for place in said.filter(|place| !is_gone(place)) {
            if place.is_checkable() && !place.is_in(query, &body) {
                self.wrong(here, format!("{} is dropped", place.path));
            }
        }
    }

    fn wrong(&mut self, here: &str, text: String) {
        self.wrong.insert(format!("{here}: {text}"));
    }
}

/// A place in the requests to an operation.
#[derive(Debug)]
struct Said {
    /// `query`, `header` or `body`.
    part: &'static str,
    /// `HostConfig.Mounts[].Type`
    path: String,
    steps: Vec<Step>,
    /// The choices, where there are some.
    values: Vec<String>,
}

#[derive(Clone, Debug)]
enum Step {
    Name(String),
    /// All items of a list, or all entries of a map.
    All,
}

impl Said {
    /// As errors have it, less the numbers of items and the names of entries.
    fn shown(&self) -> String {
        let end = self.path.rsplit(['.', ']', '}']).next().unwrap_or_default();
        end.to_owned()
    }

    fn is_around(&self, other: &Self) -> bool {
        let rest = other.path.strip_prefix(&self.path).unwrap_or_default();
        self.part == other.part && rest.starts_with(['.', '[', '{'])
    }

    /// Header values and documents in the query are looked at as a whole.
    fn is_checkable(&self) -> bool {
        self.part == "body" || (self.part == "query" && self.steps.len() == 1)
    }

    fn is_in(&self, query: &str, body: &Value) -> bool {
        match self.part {
            "body" => find(body, &self.steps).is_some(),
            "query" if self.steps.len() == 1 => query
                .split('&')
                .any(|pair| pair.split('=').next() == Some(&self.path)),
            _ => false,
        }
    }

    /// The choice that a sample makes here.
    fn said_in(&self, sample: &Sample) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let value = match (self.part, &sample.body) {
            ("body", Some(Body::Json(body))) => find(body, &self.steps),
            ("body", _) => None,
            (part, _) => match self.steps.split_first() {
                Some((Step::Name(name), rest)) => {
                    let value = sample.parameters.get(&format!("{part}:{name}"))?;
                    find(value, rest)
                }
                _ => None,
            },
        };
        value?.as_str().map(str::to_owned)
    }

    fn set(&self, sample: &mut Sample, value: &str) {
        match (self.part, &mut sample.body) {
            ("body", Some(Body::Json(body))) => set(body, &self.steps, value),
            ("body", _) => {}
            (part, _) => {
                if let Some((Step::Name(name), rest)) = self.steps.split_first()
                    && let Some(known) = sample.parameters.get_mut(&format!("{part}:{name}"))
                {
                    set(known, rest, value);
                }
            }
        }
    }
}

fn find<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    let Some((step, rest)) = steps.split_first() else {
        return Some(value);
    };
    match (step, value) {
        (Step::Name(name), _) => find(value.get(name)?, rest),
        (Step::All, Value::Array(items)) => items.iter().find_map(|item| find(item, rest)),
        (Step::All, Value::Object(items)) => items.values().find_map(|item| find(item, rest)),
        _ => None,
    }
}

fn set(value: &mut Value, steps: &[Step], to: &str) {
    let Some((step, rest)) = steps.split_first() else {
        *value = to.into();
        return;
    };
    match (step, value) {
        (Step::Name(name), value) => {
            if let Some(value) = value.get_mut(name) {
                set(value, rest, to);
            }
        }
        (Step::All, Value::Array(items)) => items.iter_mut().for_each(|item| set(item, rest, to)),
        (Step::All, Value::Object(items)) => {
            items.values_mut().for_each(|item| set(item, rest, to));
        }
        _ => {}
    }
}

/// Nothing in particular, and each value of each choice.
fn choices(said: &[Said]) -> impl Iterator<Item = Option<(&Said, &str)>> {
    let each = said.iter().flat_map(|place| {
        place
            .values
            .iter()
            .map(move |value| Some((place, &**value)))
    });
    std::iter::once(None).chain(each)
}

/// Everything that can be said to an operation.
fn places(document: &Document, operation: Operation<'_>) -> Vec<Said> {
    let mut found = Vec::new();
    for parameter in operation.parameters() {
        let part = match parameter.place() {
            "query" => "query",
            "header" => "header",
            _ => continue,
        };
        let (name, steps) = (
            parameter.name(),
            vec![Step::Name(parameter.name().to_owned())],
        );
        let schema = parameter.schema();
        match parameter.json_items() {
            Some(items) => {
                found.push(Said {
                    part,
                    path: name.to_owned(),
                    steps: steps.clone(),
                    values: Vec::new(),
                });
                // Said once for each item: the same as in versions that take one.
                let steps = [steps, vec![Step::All]].concat();
                found.push(Said {
                    part,
                    path: format!("{name}[1]"),
                    steps: steps.clone(),
                    values: Vec::new(),
                });
                inside(document, items, part, name, &steps, &mut found);
            }
            // Documents in headers are not looked into.
            None if part == "header" => found.push(Said {
                part,
                path: name.to_owned(),
                steps,
                values: Vec::new(),
            }),
            None => thing(document, schema, part, name, &steps, &mut found),
        }
    }
    if let Some((_, schema)) = operation
        .body()
        .filter(|(_, schema)| schema["format"] != "binary")
    {
        inside(document, schema, "body", "", &[], &mut found);
    }
    found
}

fn thing(
    document: &Document,
    schema: &Value,
    part: &'static str,
    path: &str,
    steps: &[Step],
    found: &mut Vec<Said>,
) {
    let values = match Shape::of(document, schema) {
        Shape::Enum(values) => values.into_iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    found.push(Said {
        part,
        path: path.to_owned(),
        steps: steps.to_vec(),
        values,
    });
    inside(document, schema, part, path, steps, found);
}

fn inside(
    document: &Document,
    schema: &Value,
    part: &'static str,
    path: &str,
    steps: &[Step],
    found: &mut Vec<Said>,
) {
    let all = || [steps, &[Step::All]].concat();
    match Shape::of(document, schema) {
        Shape::Object(properties) => {
            for property in properties {
                let name = property.name;
                let path = match path {
                    "" => name.to_owned(),
                    path => format!("{path}.{name}"),
                };
                let steps = [steps, &[Step::Name(name.to_owned())]].concat();
                thing(document, property.schema, part, &path, &steps, found);
            }
        }
        Shape::List(items) => entry(document, items, part, &format!("{path}[]"), &all(), found),
        Shape::Map(values) => entry(
            document,
            values,
            part,
            &format!("{path}{{}}"),
            &all(),
            found,
        ),
        _ => {}
    }
}

/// An item or an entry, which is a place of its own only where it is a choice.
fn entry(
    document: &Document,
    schema: &Value,
    part: &'static str,
    path: &str,
    steps: &[Step],
    found: &mut Vec<Said>,
) {
    match Shape::of(document, schema) {
        Shape::Enum(_) => thing(document, schema, part, path, steps, found),
        _ => inside(document, schema, part, path, steps, found),
    }
}

/// What the daemon does not go by, although it may be described, and what of that it has under another name.
fn without_effect(operation: Operation<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
    let path = |place: &str| {
        place
            .split_once(':')
            .map_or("", |(_, path)| path)
            .to_owned()
    };
    let (mut void, mut renamed) = (BTreeSet::new(), BTreeSet::new());
    for (place, behaviour) in operation.value["x-behaviour"]
        .as_object()
        .into_iter()
        .flatten()
    {
        void.insert(path(place));
        if behaviour.get("renamed").is_some() {
            renamed.insert(path(place));
        }
    }
    (void, renamed)
}

/// Everything in the tables of a client: `containers.create HostConfig.Mounts[].Type=image`.
fn gates(history: &History) -> Vec<String> {
    let all = !0_u64 >> (64 - history.releases.len());
    let mut found = Vec::new();
    for operation in history.operations {
        if operation.versions != all {
            found.push(operation.name.to_owned());
        }
        for nodes in [operation.query, operation.headers, operation.body] {
            collect(nodes, operation.name, ' ', operation.versions, &mut found);
        }
    }
    found
}

fn collect(nodes: &[Node], before: &str, mark: char, around: u64, found: &mut Vec<String>) {
    for node in nodes {
        let path = match node.name {
            "[]" | "{}" if mark == ' ' => format!("{before} {}", node.name),
            "[]" | "{}" | "[1]" => format!("{before}{}", node.name),
            name if before.ends_with(' ') => format!("{before}{name}"),
            name => format!("{before}{mark}{name}"),
        };
        let is_renamed = matches!(node.outside, Outside::Renamed(_));
        let is_thing = !is_renamed && !matches!(node.name, "[]" | "{}");
        // What no version has at this place stands in no document.
        if is_thing && node.versions & around != around && node.versions & around != 0 {
            found.push(path.clone());
        }
        let around = node.versions & around;
        for value in node.values {
            if value.versions & around != around {
                found.push(format!("{path}={}", value.text));
            }
        }
        collect(node.children, &path, '.', around, found);
    }
}
