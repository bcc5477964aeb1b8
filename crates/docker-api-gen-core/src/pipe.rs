//! Named pipes of Windows.

use std::io;
use std::time::Duration;

use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};
use tokio::time::{Instant, sleep};

/// All that serve a pipe are taken: Windows' `ERROR_PIPE_BUSY`.
const BUSY: i32 = 231;

/// How long to wait for one of them where connecting has no limit, as long as `docker` does.
const PATIENCE: Duration = Duration::from_secs(32);

const PAUSE: Duration = Duration::from_millis(50);

/// Opens a pipe, as often as it is busy and the limit on connecting allows.
pub(crate) async fn open(path: &str, limit: Option<Duration>) -> io::Result<NamedPipeClient> {
    let patience = limit.unwrap_or(PATIENCE);
    let start = Instant::now();
    loop {
        match ClientOptions::new().open(path) {
            Err(error) if error.raw_os_error() == Some(BUSY) && start.elapsed() < patience => {
                sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}
