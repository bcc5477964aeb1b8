//! `bench ping`: what a request costs beside the work of the daemon, in time and in memory.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::Benchmark;
use super::build::{PROGRAMS, cargo};
use super::measure;
use super::report::{Goal, Section, Unit};
use crate::files;

const HYPER: &str = "bare hyper";

const GOALS: &[Goal] = &[
    Goal::at_most_times(PING, 1.1, HYPER),
    Goal::at_most_times(MEMORY, 1.5, HYPER),
];

pub(crate) const BENCHMARK: Benchmark = Benchmark {
    name: "ping",
    about: "a request on a warm connection, and a thousand at once: time and memory",
    runs: 9,
    goals: GOALS,
    run,
};

/// What is called how, and the program that pings with it. What reqwest costs, in which our requests are, has no goal.
const PINGERS: [(&str, &str); 3] = [
    ("docker-api-gen", "ping-docker-api-gen"),
    (HYPER, "ping-hyper"),
    ("reqwest", "ping-reqwest"),
];

const PING: &str = "ping";
const SLOW: &str = "ping, 9 of 10 are faster";
const CPU: &str = "ping, CPU of the client";
const MEMORY: &str = "memory, peak";

/// How many pings come one after the other, and how many at once.
const ROW: usize = 20_000;
const CROWD: usize = 1000;

fn run(runs: u16) -> Result<Vec<Section>> {
    let programs = build()?;
    let mut row = Section::new(format!(
        "_ping on a warm connection over a unix socket, of {ROW} one after the other"
    ));
    let mut crowd = Section::new(format!(
        "{CROWD} _ping at once, each of them unanswered until all have come"
    ));
    let daemon = Daemon::start(1)?;
    for run in 1..=runs {
        for (subject, program) in &programs {
            let (used, mut times) = numbers(program, &daemon, "row", ROW)?;
            ensure!(times.len() == ROW, "{subject} pinged {} times", times.len());
            times.sort_unstable();
            let at = |part: usize| times[ROW * part / 10] as f64 / 1e9;
            row.add(PING, subject, Unit::Seconds, at(5));
            row.add(SLOW, subject, Unit::Seconds, at(9));
            // Start and end of the program included, which are next to nothing.
            let cpu = used.cpu.as_secs_f64() / ROW as f64;
            row.add(CPU, subject, Unit::Seconds, cpu);
            let gathering = Daemon::start(CROWD)?;
            let (_, peak) = numbers(program, &gathering, "crowd", CROWD)?;
            let peak = *peak.first().context("the peak of its memory")? as f64 * 1024.0;
            crowd.add(MEMORY, subject, Unit::Bytes, peak);
            eprintln!(
                "bench ping: run {run} of {runs}: {subject}: {:.1} µs, {peak} B",
                at(5) * 1e6
            );
        }
    }
    Ok(vec![row, crowd])
}

/// What a program does, and the numbers that it prints.
fn numbers(
    program: &Path,
    daemon: &Daemon,
    what: &str,
    count: usize,
) -> Result<(measure::Usage, Vec<u64>)> {
    let mut command = Command::new(program);
    command
        .args([what, &count.to_string()])
        .env("DOCKER_HOST", daemon.host());
    let used = measure::run(&mut command)?;
    let text = std::str::from_utf8(&used.stdout)?;
    let numbers: Result<_, _> = text.split_whitespace().map(str::parse).collect();
    let numbers =
        numbers.with_context(|| format!("{} prints something else", program.display()))?;
    Ok((used, numbers))
}

/// The programs, built in cargo's release profile.
fn build() -> Result<Vec<(&'static str, PathBuf)>> {
    let folder = files::target().join("bench-ping");
    let mut build = cargo("build", PROGRAMS);
    build
        .args(["--release", "--quiet", "--target-dir"])
        .arg(&folder);
    for (_, package) in PINGERS {
        build.args(["--package", package]);
    }
    measure::run(&mut build)?;
    let path = |package: &str| folder.join("release").join(package);
    Ok(PINGERS
        .map(|(subject, package)| (subject, path(package)))
        .to_vec())
}

/// A daemon that answers pings, and nothing else, once so many have come at the same time.
struct Daemon {
    folder: TempDir,
}

impl Daemon {
    fn start(together: usize) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for a socket")?;
        let daemon = Self { folder };
        let listener = UnixListener::bind(daemon.socket()).context("cannot listen on a socket")?;
        let barrier = Arc::new(Barrier::new(together));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let barrier = barrier.clone();
                // A client that goes away is its own loss.
                let _ = thread::Builder::new()
                    .stack_size(128 * 1024)
                    .spawn(move || serve(&stream, &barrier));
            }
        });
        Ok(daemon)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}

fn serve(stream: &UnixStream, barrier: &Barrier) -> std::io::Result<()> {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nCache-Control: no-cache\r\n\
        Content-Length: 2\r\nContent-Type: text/plain; charset=utf-8\r\nServer: Docker/20.10.24 (linux)\r\n\r\nOK";
    const OTHER: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    // One stream for both: the files that a process may have open are counted.
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let is_ping = line.starts_with("GET ") && line.contains("/_ping ");
        while !line.trim().is_empty() {
            line.clear();
            reader.read_line(&mut line)?;
        }
        barrier.wait();
        let answer = if is_ping { ANSWER } else { OTHER };
        writer.write_all(answer.as_bytes())?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_daemon_waits_until_all_have_come() {
        let daemon = Daemon::start(2).unwrap();
        let connect = || UnixStream::connect(daemon.socket()).unwrap();
        let (mut one, mut other) = (connect(), connect());
        one.write_all(b"GET /v1.41/_ping HTTP/1.1\r\n\r\n").unwrap();
        one.set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let mut byte = [0];
        assert!(one.read(&mut byte).is_err());
        other.write_all(b"GET /info HTTP/1.1\r\n\r\n").unwrap();
        let mut lines = BufReader::new(other).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "HTTP/1.1 404 Not Found");
        one.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut lines = BufReader::new(one).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "HTTP/1.1 200 OK");
    }
}
