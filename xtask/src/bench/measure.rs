//! What a command costs: its own time and memory and those of all its children.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use wait4::Wait4;

/// What a command that succeeded cost.
pub(crate) struct Usage {
    pub(crate) wall: Duration,
    /// User and system, with all the processes that it started and waited for.
    pub(crate) cpu: Duration,
    /// The most memory that one of these processes had resident, in bytes.
    ///
    /// Never less than this program has itself: where a process is started, the kernel counts its parent's.
    pub(crate) peak: u64,
    pub(crate) stdout: Vec<u8>,
}

/// Runs the command to its end; one that fails is an error.
///
/// What it writes to the standard error is seen as it comes.
pub(crate) fn run(command: &mut Command) -> Result<Usage> {
    let what = || {
        let program = command.get_program().to_string_lossy();
        let arguments = command.get_args().map(|part| part.to_string_lossy());
        std::iter::once(program)
            .chain(arguments)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let what = what();
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let start = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {what}"))?;
    let mut stdout = Vec::new();
    let read = match child.stdout.take() {
        Some(mut pipe) => pipe.read_to_end(&mut stdout).map(|_| ()),
        None => Ok(()),
    };
    let used = child
        .wait4()
        .with_context(|| format!("cannot wait for {what}"))?;
    let wall = start.elapsed();
    read.with_context(|| format!("cannot read what {what} prints"))?;
    if !used.status.success() {
        bail!("{what} failed: {}", used.status);
    }
    Ok(Usage {
        wall,
        cpu: used.rusage.utime + used.rusage.stime,
        peak: used.rusage.maxrss,
        stdout,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Usage> {
        run(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn the_time_of_children_counts() {
        // The inner shell counts, the outer one only waits for it.
        let busy =
            shell("sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; true").unwrap();
        let idle = shell("sleep 0.3").unwrap();
        assert!(busy.cpu >= Duration::from_millis(20), "{:?}", busy.cpu);
        assert!(idle.cpu < Duration::from_millis(100), "{:?}", idle.cpu);
        assert!(idle.wall >= Duration::from_millis(300), "{:?}", idle.wall);
    }

    #[test]
    fn memory_is_in_bytes() {
        let small = shell("true").unwrap().peak;
        assert!((100_000..1_000_000_000).contains(&small), "{small}");
    }

    #[test]
    fn output_larger_than_a_pipe_is_read_whole() {
        let usage = shell("i=0; while [ $i -lt 20000 ]; do echo 123456789; i=$((i+1)); done");
        assert_eq!(usage.unwrap().stdout.len(), 200_000);
    }

    #[test]
    fn failing_is_an_error() {
        let error = shell("exit 3").err().unwrap();
        assert_eq!(error.to_string(), "sh -c exit 3 failed: exit status: 3");
        let error = run(&mut Command::new("/nowhere/at/all")).err().unwrap();
        assert_eq!(error.to_string(), "cannot run /nowhere/at/all");
    }
}
