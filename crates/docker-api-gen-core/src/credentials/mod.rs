//! Who to be at a registry: what `docker login` left, and what the caller says.

mod helper;
mod registry;
mod stored;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::HeaderValue;
use serde::ser::{Serialize, SerializeMap};
use tokio::task::JoinSet;

use crate::call::Sending;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::wire::{FieldWriter, WriteFields, redacted};
use helper::Helper;
use stored::Stored;

/// How long a credential helper may take: it may have to ask somebody for a password.
const HELPER_TIME: Duration = Duration::from_secs(60);

/// How many credential helpers run at a time.
const HELPERS: usize = 8;

/// Who to be at a registry.
///
/// Nothing set is nobody: the registry is asked anonymously. [`Debug`](fmt::Debug) shows no secret.
///
/// ```
/// use docker_api_gen_core::RegistryAuth;
///
/// let auth = RegistryAuth::password("me", "hunter2");
/// assert!(!format!("{auth:?}").contains("hunter2"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RegistryAuth {
    /// The name that goes with the password.
    pub username: Option<String>,
    /// The password, or the access token that stands for one.
    pub password: Option<String>,
    /// The address of the registry, as `docker login` would be given it.
    pub server_address: Option<String>,
    /// A token that the registry gave at login, for which it gives others.
    pub identity_token: Option<String>,
    /// A token that is sent to the registry as it is.
    pub registry_token: Option<String>,
}

impl RegistryAuth {
    /// A user with a password, or with the access token that stands for one.
    pub fn password(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: Some(username.into()),
            password: Some(password.into()),
            ..Self::default()
        }
    }

    /// A token that the registry gave at login.
    pub fn identity_token(token: impl Into<String>) -> Self {
        Self {
            identity_token: Some(token.into()),
            ..Self::default()
        }
    }

    /// A token that is sent to the registry as it is.
    pub fn registry_token(token: impl Into<String>) -> Self {
        Self {
            registry_token: Some(token.into()),
            ..Self::default()
        }
    }

    /// Nobody, whatever is stored.
    pub fn anonymous() -> Self {
        Self::default()
    }
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryAuth")
            .field("username", &self.username)
            .field("password", &redacted(&self.password))
            .field("server_address", &self.server_address)
            .field("identity_token", &redacted(&self.identity_token))
            .field("registry_token", &redacted(&self.registry_token))
            .finish()
    }
}

crate::writable!(RegistryAuth);

impl WriteFields for RegistryAuth {
    fn write_fields<M: SerializeMap>(&self, to: &mut FieldWriter<M>) -> Result<(), M::Error> {
        to.write("username", &self.username)?;
        to.write("password", &self.password)?;
        to.write("serveraddress", &self.server_address)?;
        to.write("identitytoken", &self.identity_token)?;
        to.write("registrytoken", &self.registry_token)
    }
}

/// Makes a version's own type out of a [`RegistryAuth`].
#[doc(hidden)]
#[macro_export]
macro_rules! auth_config {
    ($name:ident) => {
        impl ::std::convert::From<$crate::RegistryAuth> for $name {
            #[allow(
                clippy::needless_update,
                reason = "versions differ in what else there is"
            )]
            fn from(auth: $crate::RegistryAuth) -> Self {
                Self {
                    username: auth.username,
                    password: auth.password,
                    serveraddress: auth.server_address,
                    identitytoken: auth.identity_token,
                    registrytoken: auth.registry_token,
                    ..::std::default::Default::default()
                }
            }
        }
    };
}

/// Where credentials are looked for.
#[derive(Clone, Default)]
pub(crate) struct Registries {
    /// What the caller gave, by registry; the last that was said comes first.
    pub(crate) given: Arc<Vec<(String, RegistryAuth)>>,
    /// The text of `DOCKER_AUTH_CONFIG`.
    pub(crate) variable: Option<String>,
    /// The place of `config.json`.
    pub(crate) file: Option<PathBuf>,
}

impl Registries {
    fn given(&self, registry: &str) -> Option<&RegistryAuth> {
        let mut given = self.given.iter();
        let (_, auth) = given.find(|(address, _)| registry::is_same(address, registry))?;
        Some(auth)
    }

    fn has_stored(&self) -> bool {
        self.variable.is_some() || self.file.is_some()
    }

    /// One sentence for [`explain`](crate::explain), without any secret.
    pub(crate) fn describe(&self) -> String {
        stored::describe(self)
    }
}

impl Connection {
    /// The credentials for the registry of `image`. An address with its scheme (`https://ghcr.io`) is a registry itself.
    ///
    /// The first of these that knows the registry decides:
    ///
    /// 1. what [`ConnectionBuilder::registry_auth`](crate::ConnectionBuilder::registry_auth) gave for it;
    /// 2. `auths` in `DOCKER_AUTH_CONFIG`;
    /// 3. the helper that `credHelpers` in `config.json` names for it;
    /// 4. the helper that `credsStore` names; what it does not know is not looked for elsewhere;
    /// 5. `auths` in `config.json`: `auth`, or else `username` and `password`, with `identitytoken` and
    ///    `registrytoken`.
    ///
    /// A registry is known by its host and port: `https://ghcr.io/v2/` is `ghcr.io`, and `docker.io`, the registry of
    /// names without one, is `https://index.docker.io/v1/`, which is what helpers are asked for. The file is read anew
    /// each time, so that a login counts from then on.
    ///
    /// Every operation that needs a registry does this by itself unless it is given credentials, and so do
    /// `client.pull`, `client.run` and, for all registries, `client.build`. Services do not, as for `docker`.
    ///
    /// Where nothing is known the answer is [`RegistryAuth::anonymous`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the variable or the file cannot be read, or if the helper cannot be run, fails or answers
    /// something else than credentials; [`ErrorKind::Timeout`] if it takes longer than a minute.
    pub async fn registry_auth(&self, image: &str) -> Result<RegistryAuth, Error> {
        of_registry(
            self.registries().clone(),
            registry::of_image(image).to_owned(),
            HELPER_TIME,
        )
        .await
    }
}

/// Finds the credentials for the registry of an image; none where no image is named.
pub(crate) fn find_one(
    registries: Arc<Registries>,
    image: Option<String>,
    limit: Option<Duration>,
) -> Sending<'static, Option<HeaderValue>> {
    Box::pin(async move {
        let Some(image) = image.filter(|image| !image.is_empty()) else {
            return Ok(None);
        };
        let registry = registry::of_image(&image).to_owned();
        let auth = of_registry(registries, registry, time(limit)).await?;
        header(&auth).map(Some)
    })
}

/// Finds the credentials for all registries.
pub(crate) fn find_all(
    registries: Arc<Registries>,
    limit: Option<Duration>,
) -> Sending<'static, Option<HeaderValue>> {
    Box::pin(async move {
        let all = all(registries, time(limit)).await?;
        if all.is_empty() {
            return Ok(None);
        }
        header(&all).map(Some)
    })
}

fn time(limit: Option<Duration>) -> Duration {
    limit.map_or(HELPER_TIME, |limit| limit.min(HELPER_TIME))
}

/// JSON in base64 of the alphabet for URLs, with padding, which is what daemons read: anything else they take for
/// nothing, without a word.
pub(crate) fn base64_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(URL_SAFE.encode(serde_json::to_vec(value)?))
}

fn header(value: &impl Serialize) -> Result<HeaderValue, Error> {
    let refused = || {
        Error::new(
            ErrorKind::Config,
            "the stored credentials cannot be put into a header",
        )
    };
    let text = base64_json(value).map_err(|_| refused())?;
    let mut value = HeaderValue::try_from(text).map_err(|_| refused())?;
    value.set_sensitive(true);
    Ok(value)
}

async fn of_registry(
    registries: Arc<Registries>,
    registry: String,
    limit: Duration,
) -> Result<RegistryAuth, Error> {
    if let Some(given) = registries.given(&registry) {
        return Ok(given.clone());
    }
    if !registries.has_stored() {
        return Ok(RegistryAuth::anonymous());
    }
    let name = registry.clone();
    let stored = read(move || stored::find(&registries, &name)).await?;
    match stored {
        Stored::Nothing => Ok(RegistryAuth::anonymous()),
        Stored::Auth(auth) => Ok(auth),
        Stored::Helper(helper, known) => {
            let found = helper.get(&registry, limit).await?;
            Ok(with_rest(found, known))
        }
    }
}

/// What the helper says, with the one thing that helpers do not keep.
fn with_rest(found: Option<RegistryAuth>, known: Option<RegistryAuth>) -> RegistryAuth {
    RegistryAuth {
        registry_token: known.and_then(|known| known.registry_token),
        ..found.unwrap_or_default()
    }
}

/// The credentials for every registry that there are some for, by its address.
///
/// A helper that fails is passed over, as `docker` does: one that is broken must not keep everything from being built.
async fn all(
    registries: Arc<Registries>,
    limit: Duration,
) -> Result<BTreeMap<String, RegistryAuth>, Error> {
    let mut all = BTreeMap::new();
    if registries.has_stored() {
        let shared = registries.clone();
        let stored::All {
            auths,
            store,
            helpers,
            first,
        } = read(move || stored::all(&shared)).await?;
        let mut asked: Vec<(Helper, String)> = Vec::new();
        match store {
            None => all.extend(auths),
            Some(store) => match store.list(limit).await {
                Ok(addresses) => {
                    asked.extend(
                        addresses
                            .into_iter()
                            .map(|address| (store.clone(), address)),
                    );
                }
                Err(error) => passed_over(&error),
            },
        }
        // Later ones win over those of the store.
        asked.extend(helpers);
        ask(asked, limit, &mut all).await;
        all.extend(first);
    }
    for (address, auth) in registries.given.iter() {
        all.insert(registry::of_address(address).to_owned(), auth.clone());
    }
    Ok(all)
}

/// Asks helpers for addresses, several at a time. Giving up ends all of them.
async fn ask(
    asked: Vec<(Helper, String)>,
    limit: Duration,
    all: &mut BTreeMap<String, RegistryAuth>,
) {
    let mut asked = asked.into_iter();
    let mut running = JoinSet::new();
    let mut answers = BTreeMap::new();
    let mut turn = 0_usize;
    loop {
        while running.len() < HELPERS
            && let Some((helper, address)) = asked.next()
        {
            turn += 1;
            running.spawn(async move { (turn, helper.get(&address, limit).await, address) });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((turn, Ok(Some(auth)), address))) => {
                answers.insert(turn, (address, auth));
            }
            Some(Ok((_, Err(error), _))) => passed_over(&error),
            Some(Ok((_, Ok(None), _)) | Err(_)) => {}
        }
    }
    all.extend(answers.into_values());
}

/// Tells those who watch.
fn passed_over(error: &Error) {
    #[cfg(feature = "tracing")]
    crate::trace::passed_over(error);
    let _ = error;
}

/// Reads files on a thread where that keeps nobody waiting.
async fn read<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(what).await {
        Ok(result) => result,
        Err(_) => Err(Error::new(
            ErrorKind::Config,
            "the stored credentials were not read, as the runtime ended",
        )),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
