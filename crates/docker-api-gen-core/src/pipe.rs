//! Named pipes of Windows.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::failure;

/// All that serve a pipe are taken: Windows' `ERROR_PIPE_BUSY`.
const BUSY: i32 = 231;

/// How long to wait for one of them where connecting has no limit, as long as `docker` does.
const PATIENCE: Duration = Duration::from_secs(32);

const PAUSE: Duration = Duration::from_millis(50);

/// Sends a request, as often as the pipe is busy and the time for connecting allows.
///
/// A stream is not sent again: it may be gone after the first attempt.
pub(crate) async fn execute(
    connection: &Connection,
    mut request: reqwest::Request,
) -> Result<reqwest::Response, reqwest::Error> {
    let limit = connection.limits().connect.unwrap_or(PATIENCE);
    let start = Instant::now();
    loop {
        let again = request.try_clone();
        match connection.http().execute(request).await {
            Err(error) if failure::system_code(&error) == Some(BUSY) => match again {
                Some(again) if start.elapsed() < limit => request = again,
                _ => return Err(error),
            },
            result => return result,
        }
        sleep(PAUSE).await;
    }
}
