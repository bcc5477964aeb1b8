//! Waiting until a container is ready.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::config::Port;
use super::exec::Exec;
use super::{Command, Kit, integer_at, is_true_at, text_at};
use crate::error::{Error, ErrorKind};
use crate::text::shorten;

/// How often the daemon is asked.
const PAUSE: Duration = Duration::from_millis(100);
/// How long it may take unless the caller says otherwise.
const LIMIT: Duration = Duration::from_secs(60);

/// What makes a container ready.
#[derive(Clone, Debug)]
pub struct Until(Sign);

#[derive(Clone, Debug)]
enum Sign {
    Healthy,
    Port(Port),
    Log { text: String, times: usize },
}

impl Until {
    /// Its health check succeeds. One that fails is an error, as is a container that has none.
    pub fn healthy() -> Self {
        Self(Sign::Healthy)
    }

    /// Something in it listens on a TCP port, published or not.
    ///
    /// That is looked up inside the container, with its `cat`. An image that has none needs another sign.
    pub fn port(port: u16) -> Self {
        Self(Sign::Port(port.into()))
    }

    /// A line of its output, standard or error, has `text` in it.
    pub fn log(text: impl Into<String>) -> Self {
        Self::log_times(text, 1)
    }

    /// So many lines of its output have `text` in them.
    pub fn log_times(text: impl Into<String>, times: usize) -> Self {
        Self(Sign::Log {
            text: text.into(),
            times,
        })
    }

    fn describe(&self) -> String {
        match &self.0 {
            Sign::Healthy => "was healthy".to_owned(),
            Sign::Port(port) => format!("listened on {port}"),
            Sign::Log { text, .. } => format!("logged {:?}", shorten(text, 60)),
        }
    }
}

/// A wait until a container is ready.
#[derive(Clone, Debug)]
#[must_use = "nothing waits until this is sent"]
pub struct WaitUntil {
    kit: Kit,
    container: String,
    until: Until,
    limit: Duration,
}

impl WaitUntil {
    #[doc(hidden)]
    pub fn new(kit: Kit, container: String, until: Until) -> Self {
        Self {
            kit,
            container,
            until,
            limit: LIMIT,
        }
    }

    /// How long it may take; a minute unless set.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Waits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Timeout`] if it takes too long, [`ErrorKind::Conflict`] if it cannot happen any more: the container
    /// has ended, or is found unhealthy.
    pub async fn send(self) -> Result<(), Error> {
        let end = Instant::now() + self.limit;
        let ready = async {
            match &self.until.0 {
                Sign::Healthy => self.healthy().await,
                Sign::Port(port) => self.listens(port).await,
                Sign::Log { text, times } => self.logged(text, *times).await,
            }
        };
        match timeout_at(end, ready).await {
            Ok(result) => result,
            Err(_) => Err(self.failed(
                ErrorKind::Timeout,
                format!(
                    "{:?} passed before the container {}",
                    self.limit,
                    self.until.describe()
                ),
            )),
        }
    }

    async fn healthy(&self) -> Result<(), Error> {
        loop {
            let text = self.running().await?;
            match text_at(&text, "/State/Health/Status").as_deref() {
                Some("healthy") => return Ok(()),
                Some("starting") => sleep(PAUSE).await,
                Some("unhealthy") => {
                    let sentence = "the container is unhealthy";
                    return Err(self.failed(ErrorKind::Conflict, sentence.to_owned()));
                }
                _ => {
                    let sentence = "the container has no health check";
                    return Err(self.failed(ErrorKind::Conflict, sentence.to_owned()));
                }
            }
        }
    }

    async fn listens(&self, port: &Port) -> Result<(), Error> {
        let Some((number, true)) = port.parse() else {
            let sentence = format!("{port} is not a TCP port");
            return Err(self.failed(ErrorKind::Input, sentence));
        };
        loop {
            let files = ["/proc/net/tcp", "/proc/net/tcp6"];
            let cat = Exec::new(
                self.kit.clone(),
                self.container.clone(),
                ["cat", files[0], files[1]].into_list(),
            );
            match cat.send().await {
                // Either file may be missing, and the other is there.
                Ok(output) if listens(&String::from_utf8_lossy(&output.stdout), number) => {
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) => {
                    // Is it over, or is it only that there is no `cat`?
                    self.running().await?;
                    return Err(error);
                }
            }
            self.running().await?;
            sleep(PAUSE).await;
        }
    }

    async fn logged(&self, text: &str, times: usize) -> Result<(), Error> {
        loop {
            let mut call = self
                .kit
                .container(self.kit.operations.container_logs, &self.container);
            for name in ["follow", "stdout", "stderr"] {
                call.query(name, &true);
            }
            let mut lines = call.logs().await?.lines();
            let mut left = times;
            while left > 0 {
                match lines.try_next().await? {
                    Some(line) => left -= usize::from(line.text().contains(text)),
                    None => break,
                }
            }
            if left == 0 {
                return Ok(());
            }
            self.running().await?;
            // It was not started yet, or is started again: the log goes on.
            sleep(PAUSE).await;
        }
    }

    /// What the daemon says about the container, if it is running or about to.
    async fn running(&self) -> Result<bytes::Bytes, Error> {
        let text = self.kit.inspect_container(&self.container).await?;
        let is = |name: &str| is_true_at(&text, &format!("/State/{name}"));
        if is("Running")
            || is("Restarting")
            || text_at(&text, "/State/Status").as_deref() == Some("created")
        {
            return Ok(text);
        }
        let code = integer_at(&text, "/State/ExitCode").unwrap_or_default();
        Err(self.failed(
            ErrorKind::Conflict,
            format!(
                "the container ended with {code} before it {}",
                self.until.describe()
            ),
        ))
    }

    fn failed(&self, kind: ErrorKind, sentence: String) -> Error {
        self.kit.error(
            self.kit.operations.container_inspect,
            Some(&self.container),
            kind,
            sentence,
        )
    }
}

/// Whether the kernel's table of TCP sockets has one that listens on `port`.
fn listens(table: &str, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let port = format!("{port:04X}");
    table.lines().any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (local, state) = (columns.next(), columns.nth(1));
        state == Some(LISTEN)
            && local
                .and_then(|local| local.rsplit_once(':'))
                .map(|(_, own)| own)
                == Some(&port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:0050 0100007F:D2C4 01 00000000:00000000 00:00000000 00000000     0        0 2 1
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 3 1
";
        assert!(listens(table, 8080) && listens(table, 22));
        // Connected, not listening; and not there.
        assert!(!listens(table, 80) && !listens(table, 81) && !listens("", 80));
    }
}
