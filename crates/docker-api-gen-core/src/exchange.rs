//! One request and the headers of its answer.

use http::Method;
use http::header::{CONTENT_LENGTH, HeaderValue, USER_AGENT};

use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::limits::Limits;
use crate::origin::Origin;
use crate::request::Request;
use crate::text::shorten;

/// How many connections in a row may turn out to have been closed while they were idle.
const STALE: usize = 2;

/// Sends `request` and waits for the headers of the answer, after making sure that the daemon speaks the client's
/// version if nobody has yet.
pub(crate) async fn exchange(
    connection: &Connection,
    request: Request,
    limits: Limits,
    origin: &Origin,
) -> Result<reqwest::Response, Error> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(Error::new(
            ErrorKind::Input,
            "calls need a tokio runtime, and none is running here",
        )
        .at(origin));
    }
    if let Some(contact) = connection.contact() {
        contact.make(connection, limits, origin).await?;
    }
    send(connection, request, limits, origin).await
}

/// The same without making sure of anything.
pub(crate) async fn send(
    connection: &Connection,
    request: Request,
    limits: Limits,
    origin: &Origin,
) -> Result<reqwest::Response, Error> {
    let request = prepare(connection, request, origin)?;
    let answer = repeat(connection, request);
    let answer = match limits.headers {
        None => answer.await,
        Some(limit) => match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer,
            Err(_) => return Err(failure::late(limit, origin)),
        },
    };
    match answer {
        Ok(answer) => {
            connection.was_answered();
            Ok(answer)
        }
        Err(error) => Err(failure::send(error, connection, origin)),
    }
}

/// Sends a request, and once more where that is safe and the connection it took may have been closed while idle.
async fn repeat(
    connection: &Connection,
    mut request: reqwest::Request,
) -> Result<reqwest::Response, reqwest::Error> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    // Several that were idle may have been closed, and no connection is idle before the first answer.
    for _ in 0..STALE {
        if !is_safe || !connection.has_answered() {
            break;
        }
        let Some(again) = request.try_clone() else {
            break;
        };
        match connection.http().execute(request).await {
            Err(error) if failure::is_hang_up(&error) => request = again,
            answer => return answer,
        }
    }
    connection.http().execute(request).await
}

fn prepare(
    connection: &Connection,
    mut request: Request,
    origin: &Origin,
) -> Result<reqwest::Request, Error> {
    let text = format!("{}{}", connection.prefix(), request.path_and_query);
    let url = reqwest::Url::parse(&text)
        .ok()
        // Parsing a URL tidies it up. What was encoded leaves nothing to tidy, and what would arrive as something
        // else must not be sent.
        .filter(|url| url.as_str() == text)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Input,
                format!("{:?} cannot be sent as a URL", shorten(&text, 200)),
            )
            .at(origin)
        })?;
    let mut sent = reqwest::Request::new(request.method, url);
    for (name, value) in connection.headers() {
        if !request.headers.contains_key(name) {
            request.headers.insert(name, value.clone());
        }
    }
    if !request.headers.contains_key(USER_AGENT) {
        let agent = HeaderValue::from_static(concat!("docker-api-gen/", env!("CARGO_PKG_VERSION")));
        request.headers.insert(USER_AGENT, agent);
    }
    let carries = matches!(*sent.method(), Method::POST | Method::PUT);
    *sent.headers_mut() = request.headers;
    if !request.body.is_empty() {
        *sent.body_mut() = Some(request.body.into_reqwest());
    } else if carries {
        // Proxies may refuse a POST that does not say how long it is.
        sent.headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(sent)
}
