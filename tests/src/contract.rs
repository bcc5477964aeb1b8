//! Compares a generated crate with the document that it was made from.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use docker_api_gen_core::{Error, Request};
use serde_json::Value;

use crate::document::{Document, Operation};
use crate::harness::Codec;
use crate::hostile::Hostile;
use crate::request::{Expected, Extent};
use crate::sample::{Round, Sample};

/// The requests to one operation, all made from the same sample.
#[derive(Debug)]
pub struct Requests {
    /// With what is required and nothing else.
    required: Result<Request, Error>,
    /// With everything, in each way in which it can be said.
    all: Vec<Result<Request, Error>>,
}

/// An operation by its name in the document, and what builds its requests.
pub type Described<C> = (&'static str, fn(&C, &Sample) -> Requests);

/// What one version's document says.
#[derive(Debug)]
pub struct Contract {
    document: Document,
    /// The crate speaks other versions too, so that it has more than the document.
    is_part: bool,
    /// The operations that the crate cannot do as the document has them, by version.
    changed: &'static [(&'static str, &'static str)],
}

impl Contract {
    /// The contract of an API version, for the crate in `crate_dir`.
    ///
    /// # Panics
    ///
    /// If there is no document for the version.
    pub fn open(crate_dir: &str, version: &str) -> Self {
        Self {
            document: Document::open(crate_dir, version),
            is_part: false,
            changed: &[],
        }
    }

    /// The same for a crate that has the operations and types of other versions too, and does some in another way:
    /// versions and names of operations.
    ///
    /// # Panics
    ///
    /// If there is no document for the version.
    pub fn part(
        crate_dir: &str,
        version: &str,
        changed: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self {
            is_part: true,
            changed,
            ..Self::open(crate_dir, version)
        }
    }

    /// Checks that every operation of the document is there, and sends what the document says.
    ///
    /// # Panics
    ///
    /// If one is not, or does not.
    pub fn check_requests<C>(&self, client: &C, operations: &[Described<C>]) {
        let mut wrong = Vec::new();
        let mut calls: BTreeMap<_, _> = operations.iter().copied().collect();
        for operation in self.document.operations() {
            if self.is_changed(operation.id) {
                continue;
            }
            let Some(build) = calls.remove(&*self.name(operation, |name| calls.contains_key(name)))
            else {
                wrong.push(format!("{}: the crate has no such operation", operation.id));
                continue;
            };
            for round in Round::BOTH {
                let sample = Sample::of(&self.document, operation, round, self.is_part);
                let requests = build(client, &sample);
                let mut check = |extent, how: &str, request: &Result<Request, Error>| {
                    let expected = Expected {
                        document: &self.document,
                        operation,
                        sample: &sample,
                        extent,
                    };
                    let differences = match request {
                        Ok(request) => expected.differences(request),
                        Err(error) => vec![format!("cannot be built: {error}")],
                    };
                    wrong.extend(
                        differences
                            .into_iter()
                            .map(|text| format!("{} ({how}): {text}", operation.id)),
                    );
                };
                // What a single version requires need not be required here.
                if !self.is_part {
                    check(Extent::Required, "what is required", &requests.required);
                }
                for (request, how) in requests.all.iter().zip(["options at once", "one by one"]) {
                    check(Extent::All, how, request);
                }
                if requests.all.is_empty() && says_more(operation) {
                    wrong.push(format!(
                        "{}: only what is required can be said",
                        operation.id
                    ));
                }
                let problems = sample.problems.borrow();
                wrong.extend(
                    problems
                        .iter()
                        .map(|text| format!("{}: {text}", operation.id)),
                );
            }
        }
        for name in calls.keys().filter(|_| !self.is_part) {
            wrong.push(format!("{name}: the document has no such operation"));
        }
        self.report("requests", operations.len(), wrong);
    }

    /// Checks that the answer to every operation that brings JSON is read, whatever a daemon sends.
    ///
    /// # Panics
    ///
    /// If one is not read, or something is lost.
    pub fn check_answers(&self, answers: &[(&'static str, Codec)]) {
        let described = self
            .document
            .operations()
            .filter(|operation| !self.is_changed(operation.id))
            .filter_map(|operation| {
                let is_known = |name: &str| answers.iter().any(|(known, _)| *known == name);
                Some((self.name(operation, is_known), operation.answer()?))
            });
        self.check_all("answers", described.collect(), answers);
    }

    /// Checks that every definition of the document is read, whatever a daemon sends.
    ///
    /// # Panics
    ///
    /// If one is not read, or something is lost.
    pub fn check_types(&self, types: &[(&'static str, Codec)]) {
        let described = self
            .document
            .definitions()
            .map(|(name, schema)| (name.into(), schema));
        self.check_all("types", described.collect(), types);
    }

    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    pub(crate) fn is_changed(&self, operation: &str) -> bool {
        let version = self.document.version();
        self.changed.iter().any(|(changed, name)| {
            let name = name.split("-until-").next();
            *changed == version && name == Some(operation)
        })
    }

    /// What the crate calls an operation. One that has moved to another path since is known by its last version.
    pub(crate) fn name<'a>(
        &self,
        operation: Operation<'a>,
        is_known: impl Fn(&str) -> bool,
    ) -> Cow<'a, str> {
        let moved = format!("{}-until-{}", operation.id, self.document.version());
        if self.is_part && is_known(&moved) {
            moved.into()
        } else {
            operation.id.into()
        }
    }

    fn check_all<'a>(
        &self,
        what: &str,
        mut described: BTreeMap<Cow<'a, str>, &'a Value>,
        decoders: &[(&'a str, Codec)],
    ) {
        let mut wrong = Vec::new();
        for (name, decode) in decoders {
            match described.remove(*name) {
                Some(schema) => {
                    let hostile = Hostile::new(&self.document, schema, name, self.is_part);
                    let problems =
                        hostile.try_all(|text| decode(text).map_err(|failure| failure.to_string()));
                    wrong.extend(problems.into_iter().map(|text| format!("{name}: {text}")));
                }
                None if self.is_part => {}
                None => wrong.push(format!("{name}: the document has nothing of that name")),
            }
        }
        for name in described.keys() {
            wrong.push(format!("{name}: the crate has nothing of that name"));
        }
        self.report(what, decoders.len(), wrong);
    }

    fn report(&self, what: &str, count: usize, wrong: Vec<String>) {
        /// One mistake of the generator can show in a thousand places.
        const SHOWN: usize = 40;
        assert!(count > 0, "{}: there are no {what}", self.document.name);
        let wrong: BTreeSet<_> = wrong.into_iter().collect();
        if wrong.is_empty() {
            return;
        }
        let mut lines: Vec<_> = wrong.iter().take(SHOWN).cloned().collect();
        if wrong.len() > SHOWN {
            lines.push(format!("and {} more", wrong.len() - SHOWN));
        }
        panic!(
            "{what} are not as {} has them:\n  {}",
            self.document.name,
            lines.join("\n  ")
        );
    }
}

impl Requests {
    /// The request that says all there is to say.
    pub(crate) fn into_last(self) -> Result<Request, Error> {
        self.all.into_iter().last().unwrap_or(self.required)
    }

    /// `all` is empty where there is nothing to say but what is required.
    pub fn new<const WAYS: usize>(
        required: Result<Request, Error>,
        all: [Result<Request, Error>; WAYS],
    ) -> Self {
        Self {
            required,
            all: all.into(),
        }
    }
}

/// Whether there is anything to say to an operation beside what is required.
fn says_more(operation: Operation<'_>) -> bool {
    let optional_body = operation.body().is_some() && !operation.is_body_required();
    optional_body
        || operation
            .parameters()
            .any(|parameter| !parameter.is_required())
}
