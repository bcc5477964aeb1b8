//! One request and the headers of its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use http::header::{CONTENT_LENGTH, HeaderValue};

use crate::call::Sending;
use crate::connection::Connection;
use crate::contact::Contact;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::headers;
use crate::limits::Limits;
use crate::origin::Origin;
use crate::request::Request;
use crate::text::shorten;

/// How many connections in a row may turn out to have been closed while they were idle.
const STALE: u32 = 2;

/// Sends a request once more where that is safe and the connection it took may have been closed while idle.
///
/// No connection is idle before the first answer, which `answered` tells of.
pub(crate) fn repeat(answered: Arc<AtomicBool>) -> reqwest::retry::Builder {
    struct Any;

    impl PartialEq<&str> for Any {
        fn eq(&self, _: &&str) -> bool {
            true
        }
    }

    reqwest::retry::for_host(Any)
        .no_budget()
        .max_retries_per_request(STALE)
        .classify_fn(move |attempt| {
            let is_safe = matches!(*attempt.method(), Method::GET | Method::HEAD);
            match attempt.error() {
                Some(error)
                    if is_safe
                        && answered.load(Ordering::Relaxed)
                        && failure::is_hang_up(error) =>
                {
                    attempt.retryable()
                }
                _ => attempt.success(),
            }
        })
}

/// Sends `request` and waits for the headers of the answer, after making sure that the daemon speaks the client's
/// version if nobody has yet.
pub(crate) fn exchange<'a>(
    connection: &'a Connection,
    request: Request,
    limits: Limits,
    origin: &'a Origin,
) -> Sending<'a, reqwest::Response> {
    let contact = connection.contact().filter(|contact| !contact.is_made());
    send(connection, request, limits, origin, contact)
}

/// The same, making sure of nothing but what `contact` is about.
pub(crate) fn send<'a>(
    connection: &'a Connection,
    request: Request,
    limits: Limits,
    origin: &'a Origin,
    contact: Option<&'a Contact>,
) -> Sending<'a, reqwest::Response> {
    let sending: Sending<'a, reqwest::Response> = Box::pin(async move {
        check_runtime(origin)?;
        if let Some(contact) = contact {
            contact.make(connection, limits, origin).await?;
        }
        let request = prepare(connection, request, origin)?;
        #[cfg(all(feature = "bridge", unix))]
        connection.open_bridge().map_err(|error| error.at(origin))?;
        #[cfg(windows)]
        let answer = crate::pipe::execute(connection, request).await;
        #[cfg(not(windows))]
        let answer = connection.http().execute(request).await;
        match answer {
            Ok(answer) => {
                #[cfg(all(feature = "bridge", unix))]
                if let Some(error) = connection.bridge_failure(&answer) {
                    return Err(error.at(origin));
                }
                connection.was_answered();
                Ok(answer)
            }
            Err(error) => Err(failure::send(error, connection, origin)),
        }
    });
    let sending = match limits.headers {
        None => sending,
        Some(limit) => Box::pin(async move {
            check_runtime(origin)?;
            match tokio::time::timeout(limit, sending).await {
                Ok(result) => result,
                Err(_) => Err(failure::late(limit, origin)),
            }
        }),
    };
    #[cfg(feature = "tracing")]
    let sending = crate::trace::watch(sending, origin);
    sending
}

pub(crate) fn check_runtime(origin: &Origin) -> Result<(), Error> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => {
            let sentence = "calls need a tokio runtime, and none is running here";
            Err(Error::new(ErrorKind::Input, sentence).at(origin))
        }
    }
}

fn prepare(
    connection: &Connection,
    request: Request,
    origin: &Origin,
) -> Result<reqwest::Request, Error> {
    let path = &request.path_and_query;
    let url = connection
        .url(path)
        // Parsing a URL tidies it up. What was encoded leaves nothing to tidy, and what would arrive as something
        // else must not be sent.
        .filter(|url| url.as_str().strip_prefix(connection.prefix()) == Some(path))
        .ok_or_else(|| {
            let text = format!("{}{path}", connection.prefix());
            Error::new(
                ErrorKind::Input,
                format!("{:?} cannot be sent as a URL", shorten(&text, 200)),
            )
            .at(origin)
        })?;
    let mut sent = reqwest::Request::new(request.method, url);
    let carries = matches!(*sent.method(), Method::POST | Method::PUT);
    *sent.headers_mut() = request.headers;
    #[cfg(feature = "custom-transport")]
    connection.add_headers(sent.headers_mut());
    if !request.body.is_empty() {
        *sent.body_mut() = Some(request.body.into_reqwest());
    } else if carries {
        // Proxies may refuse a POST that does not say how long it is.
        let nothing = HeaderValue::from_static("0");
        headers::set(sent.headers_mut(), CONTENT_LENGTH, nothing);
    }
    Ok(sent)
}
