//! The files that `docker` is configured by: `config.json` and the contexts beside it.
//!
//! They are read when a connection is made, at once and in full: they are small and local.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use crate::decode;
use crate::error::{Error, ErrorKind};
use crate::scan;
use crate::text::shorten;
use crate::tls::Tls;

/// A file of JSON.
pub(crate) struct JsonFile {
    pub(crate) path: PathBuf,
    text: Vec<u8>,
}

impl JsonFile {
    /// The file, unless there is none.
    pub(crate) fn open(path: PathBuf) -> Result<Option<Self>, Error> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(unreadable(&path, error)),
        };
        let is_empty = text.trim().is_empty();
        match serde_json::from_str::<IgnoredAny>(&text) {
            Err(error) if !is_empty => Err(failure(format!(
                "{} cannot be read as JSON ({error}): repair it, or set DOCKER_CONFIG to another folder",
                path.display()
            ))),
            _ => Ok(Some(Self {
                path,
                text: text.into_bytes(),
            })),
        }
    }

    /// The text of a member.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        scan::member_in_any_case(&self.text, name)
    }

    /// A member that is text; nothing is as good as none.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        string(self.get(name)?)
    }

    /// Shows `visit` the names and texts of a member that is texts by name.
    pub(crate) fn texts(
        &self,
        name: &str,
        visit: &mut dyn FnMut(&str, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(value) = self.get(name).filter(|value| *value != b"null") else {
            return Ok(());
        };
        let mut result = Ok(());
        let mut odd = value.first() != Some(&b'{');
        scan::members(value, &mut |name, value| {
            match (std::str::from_utf8(name), scan::string(value)) {
                (Ok(name), Some(value)) => result = visit(name, &value),
                _ => odd = true,
            }
            odd || result.is_err()
        });
        if odd {
            return Err(failure(format!(
                "{name} in {} should be an object of texts, and is not",
                self.path.display()
            )));
        }
        result
    }
}

/// Whether it is a document of JSON.
pub(crate) fn is_json(text: &[u8]) -> bool {
    decode::value::<IgnoredAny>(text).is_some()
}

/// The text that is a value, unless it is empty.
pub(crate) fn string(value: &[u8]) -> Option<String> {
    scan::string(value).filter(|text| !text.is_empty())
}

/// What a context says about the daemon.
pub(crate) struct Context {
    /// The file that says so.
    pub(crate) path: PathBuf,
    pub(crate) host: Option<String>,
    /// None where TLS is not asked for.
    pub(crate) tls: Option<Tls>,
}

impl Context {
    /// The context `name` in the folder `config`.
    ///
    /// Its folder is named after a digest of its name. Looking into all of them finds it as well, and there are few.
    pub(crate) fn open(config: &Path, name: &str, whence: &str) -> Result<Self, Error> {
        let all = config.join("contexts").join("meta");
        let mut odd = None;
        let mut entries = match fs::read_dir(&all) {
            Ok(entries) => Some(entries),
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(unreadable(&all, error)),
        };
        while let Some(Ok(entry)) = entries.as_mut().and_then(Iterator::next) {
            match JsonFile::open(entry.path().join("meta.json")) {
                Ok(Some(file)) if file.text("Name").as_deref() == Some(name) => {
                    let folder = config.join("contexts").join("tls").join(entry.file_name());
                    return Self::read(file, name, &folder.join("docker"));
                }
                Ok(_) => {}
                // Another context, most likely.
                Err(error) => odd = Some(error),
            }
        }
        let mut sentence = format!(
            "there is no docker context {}, which {whence} names, in {}: see `docker context ls`",
            shorten(name, 100),
            all.display()
        );
        if let Some(odd) = odd {
            sentence = format!("{sentence} ({odd})");
        }
        Err(failure(sentence))
    }

    fn read(file: JsonFile, name: &str, certificates: &Path) -> Result<Self, Error> {
        let endpoint = file
            .get("Endpoints")
            .and_then(|endpoints| scan::member_in_any_case(endpoints, "docker"));
        let Some(endpoint) = endpoint else {
            return Err(failure(format!(
                "the docker context {} has no endpoint for docker in {}",
                shorten(name, 100),
                file.path.display()
            )));
        };
        let unverified = scan::member_in_any_case(endpoint, "SkipTLSVerify") == Some(b"true");
        let tls = Tls::read(certificates, !unverified)?;
        let host = scan::member_in_any_case(endpoint, "Host").and_then(string);
        Ok(Self {
            host,
            tls: (unverified || !tls.is_empty()).then_some(tls),
            path: file.path,
        })
    }
}

/// What a broken configuration is reported as.
pub(crate) fn failure(sentence: String) -> Error {
    Error::new(ErrorKind::Config, sentence)
}

pub(crate) fn unreadable(path: &Path, error: io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "permission denied: make it readable, or set DOCKER_CONFIG to another folder".to_owned()
        }
        _ => error.to_string(),
    };
    failure(format!("cannot read {}: {hint}", path.display())).with_source(error)
}

/// Whether there is nothing at a path, rather than something that cannot be looked at.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
