//! Calls of operations by their names, with arguments and answers as JSON: what is written once and goes through the
//! generated methods and types of every version.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use docker_api_gen_core::wire::{Read, Wire, Write};
use docker_api_gen_core::{
    ByteStream, Connection, Error, ErrorKind, JsonLines, LogStream, Upgraded,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One version's client, whatever its types.
pub trait Caller: fmt::Debug {
    /// The names of the operations, and the parameters of each, as `query:signal`.
    fn operations(&self) -> &BTreeMap<&'static str, &'static [&'static str]>;

    /// Calls an operation through the generated method of its name; `None` if the version has none of that name.
    fn call<'a>(&'a self, operation: &str, given: &'a Given) -> Option<Sending<'a>>;
}

/// An operation by its name in the document, its parameters, and what calls it.
pub type Callable<C> = (
    &'static str,
    &'static [&'static str],
    for<'a> fn(&'a C, &'a Given) -> Sending<'a>,
);

/// Makes a version's client.
pub type Connect = fn(Connection) -> Box<dyn Caller>;

/// A call under way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Got, Error>> + 'a>>;

/// What a call is given.
#[derive(Debug, Default)]
pub struct Given {
    /// By place and name: `query:signal`.
    pub parameters: BTreeMap<String, Value>,
    /// Headers that the operation does not describe.
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
    /// The body of operations that take bytes.
    pub bytes: Option<Vec<u8>>,
    /// Ends a stream after so many documents.
    pub take: Option<usize>,
    /// What cannot be given to the version.
    problems: RefCell<Vec<String>>,
}

/// What a call brings.
pub enum Got {
    Nothing,
    /// Which of several successes, where it brings nothing more.
    Outcome(&'static str),
    Document(Value),
    Text(String),
    /// As `Debug` has them.
    Headers(String),
    Bytes(ByteStream),
    /// One document after another, and the failure in which they end.
    Documents {
        all: Vec<Value>,
        failure: Option<Error>,
    },
    Logs(LogStream),
    Upgraded(Upgraded),
}

/// A client and its table of calls.
pub struct Table<C: 'static> {
    client: C,
    calls: &'static [Callable<C>],
    operations: BTreeMap<&'static str, &'static [&'static str]>,
}

impl<C: 'static> Table<C> {
    pub fn new(client: C, calls: &'static [Callable<C>]) -> Self {
        Self {
            client,
            calls,
            operations: calls
                .iter()
                .map(|(name, parameters, _)| (*name, *parameters))
                .collect(),
        }
    }
}

impl<C: 'static> fmt::Debug for Table<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a client of {} operations", self.calls.len())
    }
}

impl<C: 'static> Caller for Table<C> {
    fn operations(&self) -> &BTreeMap<&'static str, &'static [&'static str]> {
        &self.operations
    }

    fn call<'a>(&'a self, operation: &str, given: &'a Given) -> Option<Sending<'a>> {
        let mut calls = self.calls.iter();
        let (_, parameters, call) = calls.find(|(name, ..)| *name == operation)?;
        for name in given.parameters.keys() {
            if !parameters.contains(&name.as_str()) {
                given.problem(format!("there is no parameter {name}"));
            }
        }
        Some(call(&self.client, given))
    }
}

impl Given {
    /// The value of a parameter that is optional.
    pub fn get<T: DeserializeOwned + Default>(&self, parameter: &str) -> Option<T> {
        let value = self.parameters.get(parameter)?;
        Some(self.read(value, parameter))
    }

    /// The value of a parameter that is required.
    pub fn need<T: DeserializeOwned + Default>(&self, parameter: &str) -> T {
        match self.parameters.get(parameter) {
            Some(value) => self.read(value, parameter),
            None => {
                self.problem(format!("{parameter} is missing"));
                T::default()
            }
        }
    }

    /// The body, as JSON; an empty one where there is none.
    pub fn body<T: DeserializeOwned + Default>(&self) -> T {
        match &self.body {
            Some(value) => self.read(value, "body"),
            None => T::default(),
        }
    }

    /// The body, as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone().unwrap_or_default()
    }

    pub fn has_body(&self) -> bool {
        self.body.is_some() || self.bytes.is_some()
    }

    /// # Errors
    ///
    /// If something cannot be given to the version.
    pub fn check(&self) -> Result<(), Error> {
        let problems = self.problems.borrow();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Input, problems.join("; "))),
        }
    }

    fn read<T: DeserializeOwned + Default>(&self, value: &Value, what: &str) -> T {
        // From text, as everything is read here: each way of reading is compiled for all types.
        serde_json::from_slice(value.to_string().as_bytes()).unwrap_or_else(|error| {
            self.problem(format!("{what} cannot be read: {error}"));
            T::default()
        })
    }

    fn problem(&self, text: String) {
        self.problems.borrow_mut().push(text);
    }
}

impl Got {
    pub fn document<T: Write>(document: &T) -> Self {
        Self::Document(value(document))
    }

    /// Reads the documents of a stream to its end, or as many as are wanted.
    pub async fn documents<T: Read + Write>(mut documents: JsonLines<T>, given: &Given) -> Self {
        let (mut all, mut failure) = (Vec::new(), None);
        while given.take.is_none_or(|count| all.len() < count) {
            match documents.next().await {
                None => break,
                Some(Ok(document)) => all.push(value(&document)),
                Some(Err(error)) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        Self::Documents { all, failure }
    }
}

/// Through text, which is how the generated types are written.
fn value<T: Write>(document: &T) -> Value {
    serde_json::to_vec(&Wire(document))
        .and_then(|text| serde_json::from_slice(&text))
        .unwrap_or_default()
}

impl fmt::Debug for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Outcome(text) => f.write_str(text),
            Self::Headers(text) => f.write_str(text),
            Self::Document(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(_) => f.write_str("bytes"),
            Self::Documents { all, failure } => {
                write!(f, "{} documents", all.len())?;
                match failure {
                    None => Ok(()),
                    Some(error) => write!(f, " and {error:?}"),
                }
            }
            Self::Logs(_) => f.write_str("log frames"),
            Self::Upgraded(_) => f.write_str("a connection"),
        }
    }
}
