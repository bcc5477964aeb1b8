//! Which call something belongs to, for its errors.

use std::fmt;

use crate::operation::Operation;
use crate::version::ApiVersion;

/// The call that a request, an answer or a stream belongs to.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) operation: &'static Operation,
    pub(crate) version: ApiVersion,
    /// What the call is about, as the caller named it: a container, an image.
    pub(crate) subject: Option<Box<str>>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.name)?;
        match &self.subject {
            Some(subject) => write!(f, " {subject}"),
            None => Ok(()),
        }
    }
}
