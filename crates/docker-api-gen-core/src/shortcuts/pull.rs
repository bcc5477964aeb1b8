//! Pulling images.

use serde::Serialize;
use serde::de::MapAccess;

use super::{Kit, reference};
use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::json::Json;
use crate::json_lines::JsonLines;
use crate::wire::{FieldValue, ReadFields};

/// When an image is pulled before it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// If it is not there.
    #[default]
    Missing,
    /// Each time, so that it is the newest of its name.
    Always,
    /// Not at all: an image that is not there is an error.
    Never,
}

/// One message about the progress of a pull, push, build or load.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What it is about: the layer of an image, usually.
    pub id: Option<String>,
    /// What is happening.
    pub status: Option<String>,
    /// How much of it is done: bytes, unless there are `units`.
    pub current: Option<i64>,
    /// How much there is to do, where that is known.
    pub total: Option<i64>,
    /// What is counted where that is not bytes: `s` for seconds.
    pub units: Option<String>,
    /// A piece of the output of a build; lines end where it says so.
    pub text: Option<String>,
    /// Facts about the result, such as `{"ID": "sha256:…"}`.
    pub aux: Option<Json>,
}

crate::readable!(Progress);

impl ReadFields for Progress {
    fn read_field<'de, M: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: FieldValue<'_, M>,
    ) -> Result<(), M::Error> {
        match name {
            "id" => value.read(&mut self.id),
            "status" => value.read(&mut self.status),
            "stream" => value.read(&mut self.text),
            "aux" => value.read(&mut self.aux),
            "progressDetail" => {
                let mut detail = Detail::default();
                value.read(&mut detail)?;
                (self.current, self.total) = (detail.current, detail.total);
                self.units = detail.units.filter(|units| !units.is_empty());
                Ok(())
            }
            _ => value.skip(),
        }
    }
}

#[derive(Debug, Default)]
struct Detail {
    current: Option<i64>,
    total: Option<i64>,
    units: Option<String>,
}

crate::readable!(Detail);

impl ReadFields for Detail {
    fn read_field<'de, M: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: FieldValue<'_, M>,
    ) -> Result<(), M::Error> {
        match name {
            "current" => value.read(&mut self.current),
            "total" => value.read(&mut self.total),
            "units" => value.read(&mut self.units),
            _ => value.skip(),
        }
    }
}

/// An image to be pulled.
#[derive(Clone, Debug)]
#[must_use = "nothing is pulled until this is sent"]
pub struct Pull {
    kit: Kit,
    image: String,
    platform: Option<String>,
    credentials: Option<Result<Secret, String>>,
}

/// What came of a pull.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pulled {
    /// The digest of what the name stood for in the registry: `sha256:…`.
    pub digest: Option<String>,
}

/// Credentials for a registry.
#[derive(Clone)]
pub(super) struct Secret(pub(super) Json);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Pull {
    #[doc(hidden)]
    pub fn new(kit: Kit, image: String) -> Self {
        Self {
            kit,
            image,
            platform: None,
            credentials: None,
        }
    }

    /// The platform of the image, where there are several under its name: `linux/arm64`. API 1.32 and later.
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.platform = Some(platform.into());
        self
    }

    /// The credentials for the registry: a [`RegistryAuth`](crate::RegistryAuth), or an `AuthConfig` of any version.
    /// Unless set, they are [those that are stored](crate::Connection::registry_auth).
    pub fn credentials(mut self, credentials: impl Serialize) -> Self {
        self.credentials = Some(secret(&credentials));
        self
    }

    pub(super) fn with_secret(mut self, secret: Option<Result<Secret, String>>) -> Self {
        self.credentials = secret;
        self
    }

    /// Pulls the image.
    ///
    /// # Errors
    ///
    /// Also those that the daemon reports after the pull has begun.
    pub async fn send(self) -> Result<Pulled, Error> {
        let mut messages = self.stream().await?;
        let mut pulled = Pulled::default();
        while let Some(message) = messages.try_next().await? {
            if let Some(digest) = message
                .status
                .as_deref()
                .and_then(|status| status.strip_prefix("Digest: "))
            {
                pulled.digest = Some(digest.trim().to_owned());
            }
        }
        Ok(pulled)
    }

    /// Begins to pull, and gives the messages about the progress. The image is there once they have ended without an
    /// `Err`; dropping them gives up.
    pub async fn stream(self) -> Result<JsonLines<Progress>, Error> {
        let operations = self.kit.operations;
        let (name, tag) = reference::split(&self.image);
        if name.trim().is_empty() {
            let sentence = "the name of the image is empty";
            return Err(self
                .kit
                .error(operations.image_create, None, ErrorKind::Input, sentence));
        }
        let mut call = self.kit.call(operations.image_create);
        call.query("fromImage", name);
        call.query("tag", tag);
        if self.platform.is_some() {
            self.kit.settle().await?;
            self.kit.need(
                operations.image_create,
                operations.since.pull_platform,
                "platform",
            )?;
            call.query("platform", &self.platform);
        }
        add_secret(&mut call, &self.kit, &self.credentials)?;
        call.json_lines().await
    }
}

pub(super) fn secret(credentials: &impl Serialize) -> Result<Secret, String> {
    Json::from_serialize(credentials)
        .map(Secret)
        .map_err(|error| error.to_string())
}

fn add_secret(
    call: &mut Call<'_>,
    kit: &Kit,
    secret: &Option<Result<Secret, String>>,
) -> Result<(), Error> {
    let json = match secret {
        None => None,
        Some(Ok(Secret(json))) => Some(json),
        Some(Err(why)) => {
            return Err(kit.error(
                kit.operations.image_create,
                None,
                ErrorKind::Input,
                format!("the credentials cannot be sent: {why}"),
            ));
        }
    };
    call.registry_auth("X-Registry-Auth", &json, "fromImage");
    Ok(())
}
