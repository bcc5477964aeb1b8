//! Containers that are running.

use std::time::Duration;

use super::exec::Exec;
use super::remove::{Remover, remove};
use super::until::{Until, WaitUntil};
use super::wait::{Wait, Waiting};
use super::{Command, Kit, Port, scan, text_at};
use crate::error::{Error, ErrorKind};
use crate::logs::LogStream;

/// A container that was started by [`Run::start`](super::Run::start).
///
/// Dropping it leaves the container alone, unless it was [asked](super::Run::remove_on_drop) to be removed then.
#[derive(Debug)]
pub struct Running {
    kit: Kit,
    id: String,
    waiting: Option<Waiting>,
    remover: Option<Remover>,
}

impl Running {
    pub(super) fn new(
        kit: Kit,
        id: String,
        waiting: Option<Waiting>,
        remover: Option<Remover>,
    ) -> Self {
        Self {
            kit,
            id,
            waiting,
            remover,
        }
    }

    /// The container's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// All output from the start on, and what is still to come.
    pub async fn logs(&self) -> Result<LogStream, Error> {
        let mut call = self.call(self.kit.operations.container_logs);
        for name in ["follow", "stdout", "stderr"] {
            call.query(name, &true);
        }
        call.logs().await
    }

    /// Waits for the container to end, and gives its exit code, again and again if asked for it.
    ///
    /// Nothing is missed, however soon it ends or is removed. Giving up the wait loses nothing.
    pub async fn wait(&mut self) -> Result<i64, Error> {
        match &mut self.waiting {
            Some(waiting) => waiting.exit_code().await,
            None => Wait::new(self.kit.clone(), self.id.clone()).send().await,
        }
    }

    /// Waits until the container is healthy, listens on a port or has logged something.
    pub fn wait_until(&self, until: Until) -> WaitUntil {
        WaitUntil::new(self.kit.clone(), self.id.clone(), until)
    }

    /// Runs another command in the container.
    pub fn exec(&self, command: impl Command) -> Exec {
        Exec::new(self.kit.clone(), self.id.clone(), command.into_list())
    }

    /// The port of the daemon's machine on which a published port answers.
    pub async fn host_port(&self, port: impl Into<Port>) -> Result<u16, Error> {
        let port = port.into();
        let text = self.kit.inspect_container(&self.id).await?;
        let bindings = scan::pointer(&text, "/NetworkSettings/Ports")
            .and_then(|ports| scan::member(ports, port.as_str()));
        bindings
            .and_then(scan::first)
            .and_then(|binding| text_at(binding, "/HostPort"))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| {
                self.kit.error(
                    self.kit.operations.container_inspect,
                    Some(&self.id),
                    ErrorKind::Input,
                    format!("the port {port} is not published, or the container does not run"),
                )
            })
    }

    /// Ends the container: its command is told to, and killed if it does not within the time its container allows.
    pub async fn stop(&self) -> Result<(), Error> {
        self.call(self.kit.operations.container_stop).unit().await
    }

    /// Ends the container: its command is told to, and killed if it does not within `limit`.
    pub async fn stop_within(&self, limit: Duration) -> Result<(), Error> {
        let mut call = self.call(self.kit.operations.container_stop);
        let seconds = limit.as_secs() + u64::from(limit.subsec_nanos() > 0);
        call.query("t", &seconds);
        call.unit().await
    }

    /// Sends the command a signal: `SIGHUP`.
    pub async fn kill(&self, signal: &str) -> Result<(), Error> {
        let mut call = self.call(self.kit.operations.container_kill);
        call.query("signal", signal);
        call.unit().await
    }

    /// Sets the size of the container's terminal.
    pub async fn resize(&self, rows: u16, columns: u16) -> Result<(), Error> {
        let mut call = self.call(self.kit.operations.container_resize);
        call.query("h", &rows);
        call.query("w", &columns);
        call.unit().await
    }

    /// Removes the container, running or not, with the volumes that have no name. One that is gone is no error.
    pub async fn remove(mut self) -> Result<(), Error> {
        match self.remover.take() {
            Some(remover) => remover.remove().await,
            None => remove(&self.kit, &self.id).await,
        }
    }

    /// Leaves the container alone from here on, whatever was asked before; gives its id.
    pub fn detach(mut self) -> String {
        if let Some(remover) = &mut self.remover {
            remover.disarm();
        }
        std::mem::take(&mut self.id)
    }

    fn call(&self, operation: &'static crate::Operation) -> crate::Call<'_> {
        self.kit.container(operation, &self.id)
    }
}
