//! What becomes of things that are said and that the version spoken does not have.

use std::sync::{Arc, Mutex, PoisonError};

use crate::version::ApiVersion;

/// What a client that speaks any version does with a parameter, a field or a value that the version spoken does not
/// have.
///
/// What has another name in that version is translated, unless it is [`Send`](Self::Send).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// The call fails before anything is sent, with an error that names all of it.
    #[default]
    Refuse,
    /// The call goes on without it. [`Answered`] tells what was left out.
    ///
    /// An operation that the version does not have is refused all the same.
    Drop,
    /// It is sent as it is. Daemons ignore most of what they do not know. One that knows it, and is only spoken to in an
    /// older version, may ignore it, refuse it or do it.
    Send,
}

/// An answer, and what became of the request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answered<T> {
    /// The answer.
    pub value: T,
    /// The version that was spoken.
    pub api_version: ApiVersion,
    /// What was changed in the request so that it fits the version.
    pub changes: Vec<Change>,
}

/// Something that was said and not sent as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What was said: `signal`, or `HostConfig.Mounts[0].Type "image"`.
    pub what: String,
    /// The name that it has in the version spoken. `None` if it was left out.
    pub renamed: Option<String>,
}

impl Change {
    pub(crate) fn left_out(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            renamed: None,
        }
    }

    pub(crate) fn renamed(what: &str, name: &str) -> Self {
        Self {
            what: what.to_owned(),
            renamed: Some(name.to_owned()),
        }
    }
}

/// What a call leaves behind for its caller.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<(Option<ApiVersion>, Vec<Change>)>>);

impl Notes {
    pub(crate) fn take_down(&self, version: ApiVersion, changes: &[Change]) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.0 = Some(version);
        for change in changes {
            // A request that had to be sent again was changed more than once.
            if !notes.1.contains(change) {
                notes.1.push(change.clone());
            }
        }
    }
}

impl<T> Answered<T> {
    #[doc(hidden)]
    pub fn new(value: T, notes: &Notes) -> Self {
        let notes = notes.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (api_version, changes) = notes.clone();
        Self {
            value,
            api_version: api_version.unwrap_or(ApiVersion::new(0, 0)),
            changes,
        }
    }
}
