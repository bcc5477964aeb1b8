//! The story of how a daemon was found.

use std::fmt;

use crate::error::Error;
use crate::host::Host;

/// What was looked at in search of the daemon, what was taken, and why.
///
/// [`Display`](fmt::Display) prints it for people, one step a line. It holds no secret: of headers it has the names, of
/// certificates the places.
#[derive(Debug)]
pub struct Explanation {
    steps: Vec<String>,
    outcome: Result<Host, Error>,
}

impl Explanation {
    pub(crate) fn new(steps: Vec<String>, outcome: Result<Host, Error>) -> Self {
        Self { steps, outcome }
    }

    /// The steps, one sentence each, in the order in which they were taken.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The address that was found.
    pub fn host(&self) -> Option<&Host> {
        self.outcome.as_ref().ok()
    }

    /// Why no connection can be made.
    pub fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "- {step}")?;
        }
        match &self.outcome {
            Ok(host) => write!(f, "The daemon is at {host}."),
            Err(error) => write!(f, "No connection can be made: {error}."),
        }
    }
}
