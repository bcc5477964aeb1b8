//! Building images, with the daemon's own builder.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Kit;
use super::pull::{Progress, Secret, secret};
use crate::body::Body;
use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::json::Json;
use crate::json_lines::JsonLines;

/// What an image is built from.
///
/// A path is a folder, for which the feature `archive` is needed. Its `.dockerignore` says what is left out, as
/// `docker build` reads it; it and the Dockerfile are always sent. The folder is read as it is sent and never held as a
/// whole.
#[derive(Debug)]
pub struct BuildContext(Source);

#[derive(Debug)]
enum Source {
    #[cfg(feature = "archive")]
    Folder(std::path::PathBuf),
    Tar(Body),
}

impl BuildContext {
    /// A tar archive with the Dockerfile and all it needs, compressed or not.
    pub fn tar(archive: impl Into<Body>) -> Self {
        Self(Source::Tar(archive.into()))
    }

    /// A folder.
    #[cfg(feature = "archive")]
    pub fn folder(path: impl Into<std::path::PathBuf>) -> Self {
        Self(Source::Folder(path.into()))
    }
}

#[cfg(feature = "archive")]
impl<P: AsRef<std::path::Path> + ?Sized> From<&P> for BuildContext {
    fn from(path: &P) -> Self {
        Self::folder(path.as_ref())
    }
}

#[cfg(feature = "archive")]
impl From<std::path::PathBuf> for BuildContext {
    fn from(path: std::path::PathBuf) -> Self {
        Self::folder(path)
    }
}

/// An image to be built.
#[derive(Debug)]
#[must_use = "nothing is built until this is sent"]
pub struct Build {
    kit: Kit,
    context: BuildContext,
    dockerfile: Option<String>,
    dockerfile_text: Option<String>,
    tags: Vec<String>,
    arguments: BTreeMap<String, Option<String>>,
    labels: BTreeMap<String, String>,
    cache_from: Vec<String>,
    target: Option<String>,
    platform: Option<String>,
    network: Option<String>,
    no_cache: bool,
    pull: bool,
    /// Unless set, those that are stored.
    credentials: Option<BTreeMap<String, Result<Secret, String>>>,
}

/// An image that was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Built {
    /// The id of the image: `sha256:…`. Of daemons that do not tell it as a whole, its beginning.
    pub image_id: String,
}

impl Build {
    #[doc(hidden)]
    pub fn new(kit: Kit, context: BuildContext) -> Self {
        Self {
            kit,
            context,
            dockerfile: None,
            dockerfile_text: None,
            tags: Vec::new(),
            arguments: BTreeMap::new(),
            labels: BTreeMap::new(),
            cache_from: Vec::new(),
            target: None,
            platform: None,
            network: None,
            no_cache: false,
            pull: false,
            credentials: None,
        }
    }

    /// A name for the image: `web:1.2`. There can be several.
    pub fn tag(mut self, name: impl Into<String>) -> Self {
        self.tags.push(name.into());
        self
    }

    /// The path of the Dockerfile in the context; `Dockerfile` unless set.
    pub fn dockerfile(mut self, path: impl Into<String>) -> Self {
        self.dockerfile = Some(path.into());
        self
    }

    /// The text of the Dockerfile, which then need not be in the folder.
    #[cfg(feature = "archive")]
    pub fn dockerfile_text(mut self, text: impl Into<String>) -> Self {
        self.dockerfile_text = Some(text.into());
        self
    }

    /// Gives an `ARG` of the Dockerfile its value.
    pub fn build_arg(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.arguments.insert(name.into(), Some(value.into()));
        self
    }

    /// Sets a label of the image.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// The stage of the Dockerfile to build, where that is not the last. API 1.29 and later.
    pub fn target(mut self, stage: impl Into<String>) -> Self {
        self.target = Some(stage.into());
        self
    }

    /// An image whose layers may be used in place of building them anew. There can be several. API 1.25 and later.
    pub fn cache_from(mut self, image: impl Into<String>) -> Self {
        self.cache_from.push(image.into());
        self
    }

    /// The platform of the image: `linux/arm64`. API 1.32 and later.
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.platform = Some(platform.into());
        self
    }

    /// The network that `RUN` has: a name, `host`, `none`. API 1.25 and later.
    pub fn network(mut self, network: impl Into<String>) -> Self {
        self.network = Some(network.into());
        self
    }

    /// Builds every step anew.
    pub fn no_cache(mut self, no_cache: bool) -> Self {
        self.no_cache = no_cache;
        self
    }

    /// Pulls the images that the build begins with, even if they are there.
    pub fn pull(mut self, pull: bool) -> Self {
        self.pull = pull;
        self
    }

    /// The credentials for a registry, by its address: a [`RegistryAuth`](crate::RegistryAuth), or an `AuthConfig` of
    /// any version. Those given here are all that is sent.
    ///
    /// Unless set, they are [those that are stored](crate::Connection::registry_auth) for all registries. What a
    /// credential helper fails to give is left out then, as the build may not need it.
    pub fn credentials(mut self, registry: impl Into<String>, credentials: impl Serialize) -> Self {
        self.credentials
            .get_or_insert_default()
            .insert(registry.into(), secret(&credentials));
        self
    }

    /// Sends no credentials but those that are given here.
    pub fn anonymous(mut self) -> Self {
        self.credentials.get_or_insert_default();
        self
    }

    /// Builds the image.
    ///
    /// # Errors
    ///
    /// Also if a step of the build fails: [`ErrorKind::Stream`], with the daemon's words and the code of the step.
    pub async fn send(self) -> Result<Built, Error> {
        let kit = self.kit.clone();
        let mut building = self.stream().await?;
        while building.try_next().await?.is_some() {}
        match building.image_id() {
            Some(id) => Ok(Built {
                image_id: id.to_owned(),
            }),
            None => Err(kit.error(
                kit.operations.image_build,
                None,
                ErrorKind::Truncated,
                "the build ended without an image",
            )),
        }
    }

    /// Begins to build, and gives the messages about the progress. The image is there once they have ended without an
    /// `Err`; dropping them gives up.
    pub async fn stream(self) -> Result<Building, Error> {
        let kit = self.kit.clone();
        kit.settle().await?;
        let mut call = kit.call(kit.operations.image_build);
        let (body, packing) = self.write(&mut call)?;
        call.body("application/x-tar", body);
        let answer = call.json_lines().await;
        match (answer, packing) {
            (Ok(messages), packing) => Ok(Building {
                messages,
                packing,
                image_id: None,
                short_id: None,
                #[cfg(feature = "archive")]
                kit,
            }),
            #[cfg(feature = "archive")]
            (Err(error), Some(packing)) => {
                let packing = crate::blocking::joined(packing).await;
                let build = kit.operations.image_build;
                match super::copy::packed(&kit, build, "", Err::<(), _>(error), packing) {
                    Err(error) => Err(error),
                    Ok(_) => unreachable!("what was sent has failed"),
                }
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Writes all but the body into the call.
    fn write(self, call: &mut Call<'_>) -> Result<(Body, Option<Packing>), Error> {
        let (operations, since) = (self.kit.operations, &self.kit.operations.since);
        let build = operations.image_build;
        let need = |wanted: bool, since, what: &str| match wanted {
            true => self.kit.need(build, since, what),
            false => Ok(()),
        };
        need(self.target.is_some(), since.build_target, "target")?;
        need(
            !self.cache_from.is_empty(),
            since.build_cache_from,
            "cache_from",
        )?;
        need(self.platform.is_some(), since.build_platform, "platform")?;
        need(self.network.is_some(), since.build_network, "network")?;
        call.query("t", &self.tags);
        call.query("target", &self.target);
        call.query("platform", &self.platform);
        call.query("networkmode", &self.network);
        // What a step leaves behind is of no use once the build has ended, well or not.
        call.query("rm", &true);
        call.query("forcerm", &true);
        if self.no_cache {
            call.query("nocache", &true);
        }
        if self.pull {
            call.query("pull", &true);
        }
        call.query_json(
            "buildargs",
            &Some(self.arguments).filter(|map| !map.is_empty()),
        );
        call.query_json("labels", &Some(self.labels).filter(|map| !map.is_empty()));
        call.query_json(
            "cachefrom",
            &Some(self.cache_from).filter(|list| !list.is_empty()),
        );
        if let Some(given) = self.credentials {
            let mut all = Json::object();
            for (registry, credentials) in given {
                match credentials {
                    Ok(Secret(json)) => all.set(&[&registry], json),
                    Err(why) => {
                        let sentence =
                            format!("the credentials for {registry} cannot be sent: {why}");
                        return Err(self.kit.error(build, None, ErrorKind::Input, sentence));
                    }
                }
            }
            call.registry_config("X-Registry-Config", &Some(all));
        } else {
            call.registry_config("X-Registry-Config", &None::<Json>);
        }
        match self.context.0 {
            Source::Tar(body) => {
                if self.dockerfile_text.is_some() {
                    let sentence = "a Dockerfile cannot be added to a tar: put it in there, or build from a folder";
                    return Err(self.kit.error(build, None, ErrorKind::Input, sentence));
                }
                call.query("dockerfile", &self.dockerfile);
                Ok((body, None))
            }
            #[cfg(feature = "archive")]
            Source::Folder(folder) => {
                /// A name that no context has.
                const EXTRA: &str = ".dockerfile.docker-api-gen";
                let dockerfile = match &self.dockerfile_text {
                    Some(_) => EXTRA.to_owned(),
                    None => self.dockerfile.unwrap_or_else(|| "Dockerfile".to_owned()),
                };
                call.query("dockerfile", &dockerfile);
                let (body, packing) = crate::blocking::body_of(move |archive| {
                    let extra = self
                        .dockerfile_text
                        .as_deref()
                        .map(|text| (EXTRA, text.as_bytes()));
                    crate::archive::pack_context(archive, &folder, &dockerfile, extra)
                });
                Ok((body, Some(packing)))
            }
        }
    }
}

/// The making of what is sent, on a thread of its own.
#[cfg(feature = "archive")]
type Packing = tokio::task::JoinHandle<std::io::Result<crate::archive::Copied>>;
#[cfg(not(feature = "archive"))]
type Packing = std::convert::Infallible;

/// A build that is going on.
#[must_use = "a failure shows only when the messages are read to their end: see `finish`"]
pub struct Building {
    messages: JsonLines<Progress>,
    #[cfg_attr(not(feature = "archive"), allow(dead_code, reason = "there is none"))]
    packing: Option<Packing>,
    image_id: Option<String>,
    /// Its beginning, as it stands in the output.
    short_id: Option<String>,
    #[cfg(feature = "archive")]
    kit: Kit,
}

impl Building {
    /// The next message, or `None` once the image is built. Giving up the wait loses nothing.
    pub async fn try_next(&mut self) -> Result<Option<Progress>, Error> {
        let next = self.messages.try_next().await;
        if let Ok(Some(message)) = &next {
            self.image_id = told_id(message).or(self.image_id.take());
            self.short_id = shown_id(message).or(self.short_id.take());
            return next;
        }
        #[cfg(feature = "archive")]
        if let Some(packing) = self.packing.take() {
            // Where a file could not be read, the daemon's words would be about an archive cut off.
            let packing = crate::blocking::joined(packing).await;
            let failed = |error: &std::io::Error| error.kind() != std::io::ErrorKind::BrokenPipe;
            if packing.as_ref().is_err_and(failed) {
                let build = self.kit.operations.image_build;
                super::copy::packed(&self.kit, build, "", Ok(()), packing)?;
            }
        }
        next
    }

    /// The id of the image, once a message has told it.
    pub fn image_id(&self) -> Option<&str> {
        self.image_id.as_deref().or(self.short_id.as_deref())
    }
}

impl fmt::Debug for Building {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Building")
            .field("image_id", &self.image_id)
            .finish_non_exhaustive()
    }
}

/// The id that a message tells as a fact.
fn told_id(message: &Progress) -> Option<String> {
    let id = message.aux.as_ref()?.get("ID")?.as_str()?;
    Some(id.to_owned())
}

/// The id in the words of daemons that knew no facts.
fn shown_id(message: &Progress) -> Option<String> {
    let id = message
        .text
        .as_deref()?
        .strip_prefix("Successfully built ")?;
    Some(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_or_shown() {
        let said = |text: &str| Progress {
            text: Some(text.to_owned()),
            ..Progress::default()
        };
        assert_eq!(
            shown_id(&said("Successfully built 96ee19204cdc\n")).as_deref(),
            Some("96ee19204cdc")
        );
        assert_eq!(shown_id(&said("Successfully tagged a\n")), None);
        let mut aux = Json::object();
        aux.set(&["ID"], "sha256:96ee");
        let told = Progress {
            aux: Some(aux),
            ..Progress::default()
        };
        assert_eq!(told_id(&told).as_deref(), Some("sha256:96ee"));
        assert_eq!(told_id(&said("x")), None);
    }
}
