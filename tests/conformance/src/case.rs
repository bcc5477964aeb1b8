//! One version's client on one engine, and what is noted about its operations.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;

use docker_api_gen_core::ApiVersion;
use xtask::engine::Engine;

use crate::ask::Ask;
use crate::client::Client;

/// A scenario cannot go on. Why has been noted.
#[derive(Debug)]
pub(crate) struct Stop;

/// What a scenario comes to.
pub(crate) type Outcome = Result<(), Stop>;

/// What is known of the engine beside what its API says.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) is_podman: bool,
    /// The root folder of a plugin, if one could be made.
    pub(crate) plugin: Option<Vec<u8>>,
    /// An engine that came with registries.
    pub(crate) has_registries: bool,
}

/// How the calls of one operation went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) succeeded: usize,
    pub(crate) refused: usize,
    /// What went wrong.
    pub(crate) failures: Vec<String>,
}

/// By operations.
pub(crate) type Notes = BTreeMap<&'static str, Tally>;

/// One version's client on one engine.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) version: ApiVersion,
    pub(crate) client: Client,
    /// The newest version that the engine speaks, to prepare what this one cannot.
    pub(crate) aide: Option<Client>,
    /// Begins the names of all that is made.
    pub(crate) prefix: String,
    scenario: RefCell<&'static str>,
    tallies: RefCell<Notes>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(
        facts: &'a Facts<'a>,
        version: ApiVersion,
        client: Client,
        aide: Option<Client>,
    ) -> Self {
        Self {
            facts,
            version,
            prefix: format!("cf{}{}", version.major(), version.minor()),
            client,
            aide,
            scenario: RefCell::new(""),
            tallies: RefCell::default(),
        }
    }

    /// A call of an operation.
    pub(crate) fn op(&self, operation: &'static str) -> Ask<'_> {
        Ask::new(self, operation)
    }

    /// Whether the version has the operation.
    pub(crate) fn has(&self, operation: &str) -> bool {
        self.client.has(operation)
    }

    /// Whether the version's operation has the parameter.
    pub(crate) fn takes(&self, operation: &str, parameter: &str) -> bool {
        self.client.takes(operation, parameter)
    }

    pub(crate) fn at_least(&self, minor: u16) -> bool {
        self.version >= ApiVersion::new(1, minor)
    }

    /// A name for something: of this case alone.
    pub(crate) fn named(&self, what: &str) -> String {
        format!("{}-{what}", self.prefix)
    }

    /// The label of all that is made.
    pub(crate) fn label(&self) -> serde_json::Value {
        serde_json::json!({ LABEL: self.prefix })
    }

    /// What finds all that is made.
    pub(crate) fn ours(&self) -> serde_json::Value {
        serde_json::json!({"label": [format!("{LABEL}={}", self.prefix)]})
    }

    pub(crate) fn begin(&self, scenario: &'static str) {
        self.scenario.replace(scenario);
    }

    /// Notes that a call of the operation went well.
    pub(crate) fn passed(&self, operation: &'static str) {
        self.note(operation, |tally| tally.succeeded += 1);
    }

    /// Notes that a call of the operation was refused as it should be.
    pub(crate) fn refused(&self, operation: &'static str) {
        self.note(operation, |tally| tally.refused += 1);
    }

    /// Notes that a call of the operation failed.
    pub(crate) fn failed(
        &self,
        operation: &'static str,
        error: &docker_api_gen_core::Error,
    ) -> Stop {
        self.wrong(operation, format!("{error:?}"))
    }

    /// Notes that something about the operation is wrong.
    pub(crate) fn wrong(&self, operation: &'static str, what: impl Display) -> Stop {
        let scenario = *self.scenario.borrow();
        let failure = format!("{scenario}: {what}");
        if std::env::var_os("CONFORMANCE_LOUD").is_some() {
            eprintln!("{} {operation}: {failure}", self.version);
        }
        self.note(operation, |tally| tally.failures.push(failure));
        Stop
    }

    /// Notes what is wrong, unless nothing is.
    pub(crate) fn check(&self, operation: &'static str, right: bool, what: impl Display) {
        if !right {
            self.wrong(operation, what);
        }
    }

    /// A failure outside of a call.
    pub(crate) fn due<T, E: Display>(
        &self,
        operation: &'static str,
        result: Result<T, E>,
    ) -> Result<T, Stop> {
        result.map_err(|error| self.wrong(operation, format!("{error:#}")))
    }

    /// The text at a JSON pointer of an answer.
    pub(crate) fn text(
        &self,
        operation: &'static str,
        answer: &serde_json::Value,
        pointer: &str,
    ) -> Result<String, Stop> {
        match answer.pointer(pointer).and_then(serde_json::Value::as_str) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(self.wrong(operation, format!("no text at {pointer} of {answer}"))),
        }
    }

    /// Takes back what the scenario that was begun last has noted if some of it is wrong, and gives what is wrong.
    pub(crate) fn take_back(&self, before: Notes) -> Vec<String> {
        let scenario = format!("{}: ", self.scenario.borrow());
        let tallies = self.tallies.borrow();
        let failures = tallies.iter().flat_map(|(operation, tally)| {
            let failures = tally.failures.iter();
            let of_it = failures.filter(|failure| failure.starts_with(&scenario));
            of_it.map(move |failure| format!("{operation}: {failure}"))
        });
        let failures: Vec<_> = failures.collect();
        drop(tallies);
        if !failures.is_empty() {
            self.tallies.replace(before);
        }
        failures
    }

    /// What has been noted so far.
    pub(crate) fn notes(&self) -> Notes {
        self.tallies.borrow().clone()
    }

    /// What was noted of each operation.
    pub(crate) fn into_notes(self) -> Notes {
        self.tallies.into_inner()
    }

    fn note(&self, operation: &'static str, add: impl FnOnce(&mut Tally)) {
        add(self.tallies.borrow_mut().entry(operation).or_default());
    }
}

/// The name of the label of all that is made.
pub(crate) const LABEL: &str = "docker-api-gen.conformance";
