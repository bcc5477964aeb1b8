//! Systems without namespaces: engines that are there can be used, private ones cannot be had.

use std::ffi::OsStr;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result, bail};

use super::{Builder, EngineKind, Registry, Ssh};

const NOT_HERE: &str = "private engines need Linux: install Docker, start it, and set DOCKER_HOST if docker needs that too";

/// None can exist.
#[derive(Debug)]
pub(super) enum Private {}

impl Private {
    pub(super) fn name(&self) -> &str {
        match *self {}
    }
    pub(super) fn is_kept(&self) -> bool {
        match *self {}
    }
    pub(super) fn host(&self) -> &str {
        match *self {}
    }
    pub(super) fn version(&self) -> Option<&str> {
        match *self {}
    }
    pub(super) fn command(&self, _: &OsStr) -> Command {
        match *self {}
    }
    pub(super) fn pid(&self) -> Result<u32> {
        match *self {}
    }
    pub(super) fn restart(&self) -> Result<()> {
        match *self {}
    }
    pub(super) fn kill(&self) -> Result<()> {
        match *self {}
    }
    pub(super) fn registry(&self, _: Registry) -> Result<()> {
        match *self {}
    }
    pub(super) fn ssh(&self) -> Result<Ssh> {
        match *self {}
    }
    pub(super) fn inside(&self, _: &OsStr) -> Command {
        match *self {}
    }
    pub(super) fn enter_network(&self) -> Result<()> {
        match *self {}
    }
    pub(super) fn stop(&mut self) -> Result<()> {
        match *self {}
    }
    pub(super) fn detach(&mut self) -> Result<()> {
        match *self {}
    }
}

pub(super) fn start(_: &Builder) -> Result<Private> {
    bail!(NOT_HERE)
}

pub(super) fn running() -> Result<Vec<Private>> {
    Ok(Vec::new())
}

pub(super) fn sweep() -> Result<()> {
    Ok(())
}

pub(super) fn available(_: EngineKind) -> Result<String> {
    bail!(NOT_HERE)
}

pub(super) fn in_packages(_: EngineKind) -> Result<String> {
    bail!(NOT_HERE)
}

pub(super) fn run_in_foreground(command: &mut Command) -> Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("cannot run {}", command.get_program().display()))
}

pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}

pub(super) fn supervise() -> Result<()> {
    bail!(NOT_HERE)
}

pub(super) fn inside() -> Result<()> {
    bail!(NOT_HERE)
}
