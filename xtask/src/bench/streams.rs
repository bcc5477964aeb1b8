//! `bench streams`: how fast the same bytes are read, and in how much memory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Benchmark;
use super::build::{PROGRAMS, cargo};
use super::daemon::{BLOCK, Daemon, LINE};
use super::measure;
use super::report::{Goal, Section, Unit};
use crate::files;

const BOLLARD: &str = "bollard";
const HYPER: &str = "bare hyper";

const GOALS: &[Goal] = &[
    Goal::at_most_times(LINES, 1.0 / 1.5, BOLLARD),
    Goal::at_most_times(LINES, 1.0 / 0.8, HYPER),
    Goal::at_most_times(BLOCKS, 1.0 / 1.5, BOLLARD),
    Goal::at_most_times(BLOCKS, 1.0 / 0.8, HYPER),
    Goal::at_most_times(EVENTS, 1.0, BOLLARD),
    Goal::at_most_times(PROGRESS, 1.0, BOLLARD),
    Goal::at_most_times(READ, 1.0 / 0.9, HYPER),
    Goal::at_most_times(COPY, 1.0 / 0.9, HYPER),
    Goal::at_most(MEMORY, (16 << 20) as f64),
];

pub(crate) const BENCHMARK: Benchmark = Benchmark {
    name: "streams",
    about: "reading logs, events, progress and archives: time and memory",
    runs: 7,
    goals: GOALS,
    run,
};

/// What is called how, and the program that reads with it.
const READERS: [(&str, &str); 3] = [
    ("docker-api-gen", "streams-docker-api-gen"),
    (BOLLARD, "streams-bollard"),
    (HYPER, "streams-hyper"),
];

const LINES: &str = "logs, 256 MiB in lines";
const BLOCKS: &str = "logs, 1 GiB in blocks";
const EVENTS: &str = "events, 500,000";
const PROGRESS: &str = "progress, 500,000";
const READ: &str = "archive of 1 GiB, read";
const COPY: &str = "archive of 1 GiB, to a file";
const MEMORY: &str = "memory for 1 GiB of logs";

fn run(runs: u16) -> Result<Vec<Section>> {
    let programs = build()?;
    let daemon = Daemon::start()?;
    let folder = Folder::new()?;
    let gib = 1_u64 << 30;
    let (lines, blocks) = (gib / 4 / LINE * LINE, gib / BLOCK * BLOCK);
    let (lines_id, blocks_id) = (format!("lines-{lines}"), format!("blocks-{blocks}"));
    let file_id = format!("file-{gib}");
    let target = folder.0.join("large");
    let target = target.to_str().context("a path that is text")?;
    let work = |what, arguments| Work {
        what,
        arguments,
        items: None,
        bytes: None,
    };
    let work = [
        Work {
            bytes: Some(lines),
            ..work(LINES, vec!["logs", &lines_id])
        },
        Work {
            bytes: Some(blocks),
            ..work(BLOCKS, vec!["logs", &blocks_id])
        },
        Work {
            items: Some(500_000),
            ..work(EVENTS, vec!["events", "500000"])
        },
        Work {
            items: Some(500_000),
            ..work(PROGRESS, vec!["progress", "progress-500000"])
        },
        work(READ, vec!["read", &file_id]),
        work(COPY, vec!["copy", &file_id, target]),
    ];
    let mut wall = Section::new("From the first byte to the last, start of the program included");
    let mut cpu = Section::new("The same, CPU of the reader (user + system)");
    let mut memory =
        Section::new("Peak of memory, less that of a program that reads next to nothing");
    for run in 1..=runs {
        for Work {
            what,
            arguments,
            items,
            bytes,
        } in &work
        {
            for (subject, program) in &programs {
                // It has no way to write files.
                if (*what, *subject) == (COPY, BOLLARD) {
                    continue;
                }
                let (used, read) = read(program, &daemon, arguments)?;
                if *subject != HYPER {
                    ensure!(
                        items.is_none_or(|items| items == read.items)
                            && bytes.is_none_or(|bytes| bytes == read.bytes),
                        "{subject} of {what} read {} items and {} bytes",
                        read.items,
                        read.bytes
                    );
                }
                wall.add(what, subject, Unit::Seconds, used.wall.as_secs_f64());
                cpu.add(
                    &format!("{what}, CPU"),
                    subject,
                    Unit::Seconds,
                    used.cpu.as_secs_f64(),
                );
                eprintln!(
                    "bench streams: run {run} of {runs}: {what}: {subject}: {:?}",
                    used.wall
                );
                if *what == BLOCKS {
                    let (_, little) = self::read(program, &daemon, &["logs", "blocks-65536"])?;
                    let more = read.peak.saturating_sub(little.peak);
                    memory.add(MEMORY, subject, Unit::Bytes, more as f64);
                }
            }
        }
    }
    Ok(vec![wall, cpu, memory])
}

/// Something to be read, and how many items and bytes there have to be for those who look at them.
struct Work<'a> {
    what: &'static str,
    arguments: Vec<&'a str>,
    items: Option<u64>,
    bytes: Option<u64>,
}

/// What a program says that it read.
struct Read {
    items: u64,
    bytes: u64,
    peak: u64,
}

fn read(program: &Path, daemon: &Daemon, arguments: &[&str]) -> Result<(measure::Usage, Read)> {
    let mut command = Command::new(program);
    command.args(arguments).env("DOCKER_HOST", daemon.host());
    let used = measure::run(&mut command)?;
    let text = std::str::from_utf8(&used.stdout)?;
    let numbers: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
    let [items, bytes, peak] = numbers?[..] else {
        anyhow::bail!("{} printed {text:?}", program.display());
    };
    Ok((used, Read { items, bytes, peak }))
}

/// The programs, built in cargo's release profile.
fn build() -> Result<Vec<(&'static str, PathBuf)>> {
    let folder = files::target().join("bench-streams");
    let mut build = cargo("build", PROGRAMS);
    build
        .arg("--release")
        .arg("--quiet")
        .arg("--target-dir")
        .arg(&folder);
    for (_, package) in READERS {
        build.args(["--package", package]);
    }
    measure::run(&mut build)?;
    let path = |package: &str| folder.join("release").join(package);
    Ok(READERS
        .map(|(subject, package)| (subject, path(package)))
        .to_vec())
}

/// A folder in memory where there is one: discs are not what is measured.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let folder = tempfile::Builder::new()
            .prefix("bench-streams")
            .tempdir_in(parent);
        Ok(Self(folder.context("cannot make a folder")?.keep()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
