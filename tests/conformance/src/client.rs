//! A client: the generated methods, and what the document of its version says of them.

use anyhow::{Context as _, Result};
use docker_api_gen_core::{ApiVersion, Connection};
use docker_api_gen_harness::{APIS, CLIENTS};
use docker_api_gen_tests::call::{Caller, Given, Sending};
use docker_api_gen_tests::document::Document;

/// Which client speaks the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// That of the version alone.
    Pinned,
    /// That of all versions.
    Negotiated,
}

/// A client and the version that it speaks.
#[derive(Debug)]
pub(crate) struct Client {
    caller: Box<dyn Caller>,
    document: Document,
}

impl Kind {
    /// The versions that this program was built with, oldest first.
    pub(crate) fn versions(self) -> Vec<ApiVersion> {
        let texts: Vec<&str> = match self {
            Self::Pinned => CLIENTS.iter().map(|(version, _)| *version).collect(),
            Self::Negotiated if cfg!(feature = "negotiated") => APIS.to_vec(),
            Self::Negotiated => Vec::new(),
        };
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    fn connect(self, connection: Connection, version: ApiVersion) -> Result<Box<dyn Caller>> {
        let name = version.to_string();
        match self {
            Self::Pinned => {
                let mut clients = CLIENTS.iter();
                let client = clients.find(|(known, _)| *known == name);
                let (_, connect) = client.context("this program was built without that version")?;
                Ok(connect(connection))
            }
            #[cfg(feature = "negotiated")]
            Self::Negotiated => Ok(docker_api_gen_harness::negotiated(connection, version)?),
            #[cfg(not(feature = "negotiated"))]
            Self::Negotiated => anyhow::bail!("this program was built without that client"),
        }
    }
}

impl Client {
    pub(crate) fn new(kind: Kind, connection: Connection, version: ApiVersion) -> Result<Self> {
        Ok(Self {
            caller: kind.connect(connection, version)?,
            document: Document::of_version(&version.to_string()),
        })
    }

    /// The operations of the version.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &str> {
        self.document.operations().map(|operation| operation.id)
    }

    pub(crate) fn has(&self, operation: &str) -> bool {
        self.operations().any(|known| known == operation)
    }

    /// Whether the operation is there and has the parameter.
    pub(crate) fn takes(&self, operation: &str, parameter: &str) -> bool {
        let mut operations = self.document.operations();
        let operation = operations.find(|known| known.id == operation);
        operation.is_some_and(|known| known.parameters().any(|own| own.name() == parameter))
    }

    /// Place and name of each parameter that the operation cannot do without.
    pub(crate) fn required(&self, operation: &str) -> Vec<(&str, &str)> {
        let operations = self.document.operations();
        operations
            .filter(|known| known.id == operation)
            .flat_map(|known| known.parameters())
            .filter(|parameter| parameter.is_required())
            .map(|parameter| (parameter.place(), parameter.name()))
            .collect()
    }

    /// Whether an answer to the operation has no body, whatever it is.
    pub(crate) fn is_head(&self, operation: &str) -> bool {
        let mut operations = self.document.operations();
        operations.any(|known| known.id == operation && known.method == "head")
    }

    /// None if the version has no such operation.
    pub(crate) fn call<'a>(&'a self, operation: &str, given: &'a Given) -> Option<Sending<'a>> {
        if !self.has(operation) {
            return None;
        }
        self.caller.call(operation, given)
    }
}
