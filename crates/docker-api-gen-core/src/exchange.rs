//! One request and the headers of its answer.

use http::Method;
use http::header::{CONTENT_LENGTH, HeaderValue};

use crate::body::Body;
use crate::call::Sending;
use crate::connection::Connection;
use crate::contact::Contact;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::headers;
use crate::http_client::Answer;
use crate::limits::Limits;
use crate::origin::Origin;
use crate::request::Request;
use crate::text::shorten;

/// How many connections in a row may turn out to have been closed while they were idle.
const STALE: u32 = 2;

/// Sends `request` and waits for the headers of the answer, after making sure that the daemon speaks the client's
/// version if nobody has yet.
pub(crate) fn exchange<'a>(
    connection: &'a Connection,
    request: Request,
    limits: Limits,
    origin: &'a Origin,
) -> Sending<'a, Answer> {
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
) -> Sending<'a, Answer> {
    let sending: Sending<'a, Answer> = Box::pin(async move {
        check_runtime(origin)?;
        if let Some(contact) = contact {
            contact.make(connection, limits, origin).await?;
        }
        #[cfg(all(feature = "bridge", unix))]
        connection.open_bridge().map_err(|error| error.at(origin))?;
        let answer = send_again(connection, request, origin).await?;
        #[cfg(all(feature = "bridge", unix))]
        if let Some(error) = connection.bridge_failure(&answer) {
            return Err(error.at(origin));
        }
        connection.was_answered();
        Ok(answer)
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

/// Sends a request, once more where that is safe and the connection it took may have been closed while it was idle. No
/// connection is idle before the first answer.
async fn send_again(
    connection: &Connection,
    mut request: Request,
    origin: &Origin,
) -> Result<Answer, Error> {
    let mut repeats = 0;
    loop {
        let again = match connection.has_answered() && repeats < STALE {
            true => repeatable(&request),
            false => None,
        };
        let sent = prepare(connection, request, origin)?;
        match (connection.http().send(sent).await, again) {
            (Ok(answer), _) => return Ok(answer),
            (Err(failed), Some(again)) if failure::is_hang_up(&*failed.error) => {
                request = again;
                repeats += 1;
            }
            (Err(failed), _) => return Err(failure::send(failed, connection, origin)),
        }
    }
}

/// The same request, where it is safe to send it again.
fn repeatable(request: &Request) -> Option<Request> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return None;
    }
    Some(Request {
        method: request.method.clone(),
        path_and_query: request.path_and_query.clone(),
        headers: request.headers.clone(),
        body: request.body.again()?,
    })
}

fn prepare(
    connection: &Connection,
    request: Request,
    origin: &Origin,
) -> Result<http::Request<Body>, Error> {
    let path = &request.path_and_query;
    let Some(uri) = connection.uri(path) else {
        let text = format!("{}{path}", connection.base());
        let sentence = format!("{:?} cannot be sent as a path", shorten(&text, 200));
        return Err(Error::new(ErrorKind::Input, sentence).at(origin));
    };
    let mut sent = http::Request::new(request.body);
    let carries = matches!(request.method, Method::POST | Method::PUT);
    *sent.method_mut() = request.method;
    *sent.uri_mut() = uri;
    *sent.headers_mut() = request.headers;
    connection.add_headers(sent.headers_mut());
    if sent.body().is_empty() && carries {
        // Proxies may refuse a POST that does not say how long it is.
        let nothing = HeaderValue::from_static("0");
        headers::set(sent.headers_mut(), CONTENT_LENGTH, nothing);
    }
    Ok(sent)
}
