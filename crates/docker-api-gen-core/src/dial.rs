//! Connections that the caller makes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::bridge::{Carried, End, Near, NoWay};
use crate::error::ErrorKind;
use crate::host::Host;
use crate::text::shorten;

/// How much is told of what the caller complains of.
const SHOWN: usize = 500;

/// A connection, both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

type Dialing = Pin<Box<dyn Future<Output = io::Result<Pin<Box<dyn Duplex>>>> + Send>>;

/// Makes connections.
pub(crate) type Dialer = Arc<dyn Fn() -> Dialing + Send + Sync>;

pub(crate) fn dialer<F, R, S>(dial: F) -> Dialer
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    Arc::new(move || {
        let dialing = dial();
        Box::pin(async move {
            let stream: Pin<Box<dyn Duplex>> = Box::pin(dialing.await?);
            Ok(stream)
        })
    })
}

/// The way that the caller knows.
pub(crate) struct Dial {
    dialer: Dialer,
    host: String,
    limit: Option<Duration>,
}

impl Dial {
    pub(crate) fn new(dialer: Dialer, host: &Host, limit: Option<Duration>) -> Self {
        Self {
            dialer,
            host: host.to_string(),
            limit,
        }
    }

    /// Carries all there is between this side and the daemon, or tells why there is no way.
    pub(crate) async fn carry(&self, near: Near<'_>) -> Result<Carried, NoWay> {
        let dialing = async {
            let dialing = (self.dialer)();
            match self.limit {
                None => dialing.await,
                Some(limit) => match timeout(limit, dialing).await {
                    Ok(stream) => stream,
                    Err(_) => {
                        let why = format!("no connection within {limit:?}");
                        Err(io::Error::new(io::ErrorKind::TimedOut, why))
                    }
                },
            }
        };
        match near.unless_closed(dialing).await {
            None => Ok(Carried::Whole),
            Some(Ok(stream)) => {
                let (output, input) = tokio::io::split(stream);
                Ok(match near.carry(input, output, None, &mut None).await {
                    End::Complete(Some(error)) => {
                        Carried::Broken(shorten(&error.to_string(), SHOWN))
                    }
                    _ => Carried::Whole,
                })
            }
            Some(Err(error)) => {
                let kind = match error.kind() {
                    io::ErrorKind::TimedOut => ErrorKind::Timeout,
                    io::ErrorKind::PermissionDenied => ErrorKind::Permission,
                    _ => ErrorKind::Connect,
                };
                let sentence = format!(
                    "cannot connect to the Docker daemon at {}: {}",
                    self.host,
                    shorten(&error.to_string(), SHOWN)
                );
                Err((kind, sentence))
            }
        }
    }
}
