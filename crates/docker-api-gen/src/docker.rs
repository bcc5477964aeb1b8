//! The client that chooses its version at run time.

use std::ops::Deref;

use crate::negotiated::Client;
use crate::{ApiVersion, Connection, Error, Negotiated};

/// A client that speaks whichever version of the API the daemon speaks, ready to be used.
///
/// It has all that [`negotiated::Client`](Client) has, and gives the clients of single versions, over the same
/// connection: `docker.v1_41()?` where the feature `v1_41` is on and the daemon speaks that version.
///
/// ```no_run
/// # async fn example() -> Result<(), docker_api_gen::Error> {
/// let docker = docker_api_gen::Docker::connect().await?;
/// println!("API {}", docker.api_version());
/// for container in docker.containers().list().all(true).send().await? {
///     println!("{:?} {:?}", container.names, container.state);
/// }
/// # Ok(())
/// # }
/// ```
///
/// What a program needs at least can be asked without a daemon:
///
/// ```
/// use docker_api_gen::negotiated::history::HISTORY;
///
/// let floor = HISTORY.floor(["containers.stop signal", "containers.create HostConfig.Annotations"])?;
/// assert_eq!((floor.api.to_string().as_str(), floor.docker), ("1.43", "Docker 24.0"));
/// # Ok::<(), docker_api_gen::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Docker {
    client: Client,
}

impl Docker {
    /// Connects to the daemon that `docker` would use, and agrees with it upon a version: see
    /// [`Connection::from_env`]. No version above the one in `DOCKER_API_VERSION` is spoken.
    ///
    /// # Errors
    ///
    /// If the environment names no usable daemon, if it cannot be reached, or if no version is spoken by both sides.
    pub async fn connect() -> Result<Self, Error> {
        Self::over(Connection::from_env()?).await
    }

    /// Agrees upon a version with the daemon at the other end of `connection`.
    ///
    /// # Errors
    ///
    /// If the daemon cannot be reached, or no version is spoken by both sides.
    pub async fn over(connection: Connection) -> Result<Self, Error> {
        let client = Client::new(connection);
        client.negotiate().await?;
        Ok(Self { client })
    }

    /// The version that is spoken. Of a client that has not called yet, the highest that it may speak.
    pub fn api_version(&self) -> ApiVersion {
        self.negotiated()
            .map_or(crate::negotiated::API_VERSION, |agreed: Negotiated| {
                agreed.api_version
            })
    }

    /// The connection for a client that speaks `version` alone, if the daemon does too as far as is known.
    #[allow(dead_code, reason = "for the features of versions")]
    pub(crate) fn pinnable(&self, version: ApiVersion) -> Result<Connection, Error> {
        self.client.connection().pinnable(version)
    }
}

impl Deref for Docker {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl From<Client> for Docker {
    /// The same connection, and the version agreed upon if there is one yet. If not, the first call agrees upon it.
    fn from(client: Client) -> Self {
        Self { client }
    }
}

impl From<Docker> for Client {
    fn from(docker: Docker) -> Self {
        docker.client
    }
}

/// Leads from [`Docker`] to the client of one version, and back.
macro_rules! pinned {
    ($module:ident, $feature:literal, $version:literal) => {
        #[cfg(feature = $feature)]
        #[cfg_attr(docsrs, doc(cfg(all(feature = "negotiated", feature = $feature))))]
        impl crate::Docker {
            #[doc = concat!("The client of API ", $version, ", over the same connection.")]
            ///
            /// # Errors
            ///
            /// If the daemon is known not to speak that version. What is not known yet shows with the first call.
            pub fn $module(&self) -> Result<crate::$module::Client, crate::Error> {
                let connection = self.pinnable(crate::$module::API_VERSION)?;
                Ok(crate::$module::Client::new(connection))
            }
        }

        #[cfg(feature = $feature)]
        #[cfg_attr(docsrs, doc(cfg(all(feature = "negotiated", feature = $feature))))]
        impl From<crate::$module::Client> for crate::Docker {
            /// The same connection. A version is agreed upon with the first call.
            fn from(client: crate::$module::Client) -> Self {
                crate::negotiated::Client::new(client.connection().clone()).into()
            }
        }
    };
}

pub(crate) use pinned;
