//! Engines, versions, scenarios, one after another.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use docker_api_gen_core::{ApiVersion, Connection};
use docker_api_gen_tests::call::{Given, Got};
use docker_api_gen_traffic::record::{Address, Record};
use tokio::sync::oneshot;
use xtask::engine::{Engine, EngineKind, Registry};

use crate::case::{Case, Facts};
use crate::client::{Client, Kind};
use crate::matrix::{self, EngineRow, Matrix, Noted};
use crate::surprise::Found;
use crate::{page, plugin, scenario, surprise};

/// What a scenario may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// Put the clients of all versions through the same scenarios on real engines
#[derive(Debug, clap::Parser)]
#[command(name = "cargo xtask conformance", bin_name = "cargo xtask conformance")]
pub(crate) struct Options {
    /// A kind of engine to start, or several [default: all that can be had]
    #[arg(long, value_name = "KIND")]
    engine: Vec<EngineKind>,
    /// The engine that docker would talk to: nothing is started, and nothing is done to what is not ours
    #[arg(long, conflicts_with = "engine")]
    here: bool,
    /// A version of the API, or several [default: all that the engine speaks]
    #[arg(long, value_name = "VERSION")]
    version: Vec<String>,
    /// The client of all versions alone
    #[arg(long)]
    negotiated: bool,
    /// Only the scenarios whose names contain one of these; without, the matrix is written
    scenario: Vec<String>,
    /// How many engines run at the same time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Write no matrix
    #[arg(long)]
    dry: bool,
}

/// What came of one engine, and what surprised in each version.
type Ran = (EngineRow, Vec<(String, Found)>);

/// An engine to run on.
#[derive(Clone, Copy, Debug)]
enum Source {
    Kind(EngineKind),
    Here,
}

impl Options {
    /// Whether nothing failed.
    pub(crate) fn run(self) -> Result<bool> {
        let sources = self.sources()?;
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let plugin = plugin::tar(folder.path())?;
        let queue = Mutex::new(sources.iter().copied().enumerate().collect::<VecDeque<_>>());
        let results = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, sources.len()) {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().expect("no thread panics").pop_front();
                        let Some((place, source)) = next else { break };
                        let result = self.engine(source, &plugin, folder.path());
                        results
                            .lock()
                            .expect("no thread panics")
                            .push((place, result));
                    }
                });
            }
        });
        let mut results = results.into_inner().expect("no thread panics");
        results.sort_by_key(|(place, _)| *place);
        let mut matrix = Matrix::default();
        let mut surprises = BTreeMap::new();
        let mut rows = Vec::new();
        for (_, result) in results {
            rows.extend(result?);
        }
        for (row, found) in rows {
            matrix::add_surprises(&mut surprises, &row.name, found);
            matrix.engines.push(row);
        }
        matrix.surprises = surprises.into_values().collect();
        self.report(&matrix)
    }

    /// Prints what failed, and writes the matrix if it is all of it.
    fn report(&self, matrix: &Matrix) -> Result<bool> {
        for row in &matrix.engines {
            println!("{}: {}", row.name, row.total());
            for (operation, ranges) in &row.operations {
                for (what, versions) in &ranges.failed {
                    println!("  {operation} ({}): {what}", versions.join(", "));
                }
            }
        }
        let total = matrix.total();
        println!("{total}; {} surprises", matrix.surprises.len());
        let is_all = self.is_whole()
            && self.engine.is_empty()
            && self.version.is_empty()
            && !self.negotiated;
        if is_all && !self.here && !self.dry {
            page::write(matrix)?;
        } else if self.is_whole() {
            for surprise in &matrix.surprises {
                println!("  {surprise}");
            }
        }
        Ok(total.failed == 0 && total.passed > 0)
    }

    fn is_whole(&self) -> bool {
        self.scenario.is_empty()
    }

    fn sources(&self) -> Result<Vec<Source>> {
        if self.here {
            return Ok(vec![Source::Here]);
        }
        if !self.engine.is_empty() {
            return Ok(self.engine.iter().copied().map(Source::Kind).collect());
        }
        let mut sources = Vec::new();
        for kind in EngineKind::ALL {
            match xtask::engine::available(kind) {
                Ok(_) => sources.push(Source::Kind(kind)),
                Err(why) => eprintln!("skipped: {kind} cannot be had: {why:#}"),
            }
        }
        ensure!(!sources.is_empty(), "no engine can be had on this machine");
        Ok(sources)
    }

    fn engine(&self, source: Source, plugin: &[u8], folder: &Path) -> Result<Vec<Ran>> {
        let (name, engine) = match source {
            Source::Here => ("the engine here".to_owned(), Engine::acquire(None)?),
            Source::Kind(kind) => {
                let mut builder = Engine::builder()
                    .kind(kind)
                    .name(format!("conformance-{kind}"));
                if !kind.is_podman() {
                    // Checkpoints are only there for those who ask for what is not finished.
                    builder = builder.arg("--experimental");
                }
                (kind.name().to_owned(), builder.start()?)
            }
        };
        let mut all = Vec::new();
        for kind in [Kind::Pinned, Kind::Negotiated] {
            let name = match kind {
                Kind::Pinned => name.clone(),
                Kind::Negotiated => format!("{name}, negotiated"),
            };
            let is_wanted = kind == Kind::Negotiated || !self.negotiated;
            if is_wanted && !kind.versions().is_empty() {
                all.push(self.versions(kind, &name, &engine, plugin, folder)?);
            }
        }
        engine.stop()?;
        Ok(all)
    }

    fn versions(
        &self,
        kind: Kind,
        name: &str,
        engine: &Engine,
        plugin: &[u8],
        folder: &Path,
    ) -> Result<Ran> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let window = engine.api_window()?;
        let speaks = |version: &ApiVersion| window.contains(&version.to_string());
        let known: Vec<ApiVersion> = kind.versions().into_iter().filter(speaks).collect();
        let wanted = |version: &&ApiVersion| {
            self.version.is_empty() || self.version.contains(&version.to_string())
        };
        let versions: Vec<ApiVersion> = known.iter().filter(wanted).copied().collect();
        let newest = known
            .last()
            .copied()
            .context("it speaks none of our versions")?;
        if engine.is_private() {
            engine.registry(Registry::Open)?;
            engine.registry(Registry::Closed)?;
        }
        let (release, is_podman) = runtime.block_on(who(kind, engine, newest))?;
        let facts = Facts {
            engine,
            is_podman,
            plugin: (!is_podman).then(|| plugin.to_vec()),
            has_registries: engine.is_private(),
        };
        let (mut cases, mut surprises) = (Vec::new(), Vec::new());
        for version in versions {
            let start = Instant::now();
            let recording = folder.join(format!("{}-{version}.jsonl", name.replace(", ", "-")));
            let case = self.case(kind, &facts, version, newest, &recording);
            let noted = runtime.block_on(case)?;
            let mut counts = matrix::Counts::default();
            noted.cells.values().for_each(|cell| counts.add(cell));
            eprintln!(
                "{name} {version}: {counts} ({} s)",
                start.elapsed().as_secs()
            );
            cases.push(noted);
            if !is_podman {
                // What podman does otherwise is no candidate for a correction.
                surprises.push((version.to_string(), surprise::find(&recording)?));
            }
        }
        Ok((matrix::row(name, &release, &cases), surprises))
    }

    /// Tells all stories with one version.
    async fn case(
        &self,
        kind: Kind,
        facts: &Facts<'_>,
        version: ApiVersion,
        newest: ApiVersion,
        recording: &Path,
    ) -> Result<Noted> {
        let listen = recording.with_extension("sock");
        let record = Record {
            listen: address(&format!("unix://{}", listen.display()))?,
            upstream: address(facts.engine.host())?,
            out: recording.to_owned(),
        };
        let (ready, is_ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let proxy = tokio::spawn(record.run(
            move |address| drop(ready.send(address.to_string())),
            async { drop(stopped.await) },
        ));
        let Ok(host) = is_ready.await else {
            bail!("nothing can be recorded: {:?}", proxy.await);
        };
        let client = Client::new(kind, Connection::open(&host)?, version)?;
        let aide = Client::new(kind, Connection::open(facts.engine.host())?, newest)?;
        let case = Case::new(facts, version, client, Some(aide));
        scenario::clear(&case).await;
        for scenario in scenario::ALL {
            let is_wanted = |part: &String| scenario.name.contains(part.as_str());
            if !self.scenario.is_empty() && !self.scenario.iter().any(is_wanted) {
                continue;
            }
            case.begin(scenario.name);
            if tokio::time::timeout(PATIENCE, (scenario.run)(&case))
                .await
                .is_err()
            {
                bail!(
                    "{} of {version} has not ended after {} s",
                    scenario.name,
                    PATIENCE.as_secs()
                );
            }
            scenario::clear(&case).await;
        }
        let noted = matrix::judge(case, self.is_whole());
        drop(stop);
        proxy.await??;
        Ok(noted)
    }
}

/// The engine's release, and whether it is podman.
async fn who(kind: Kind, engine: &Engine, version: ApiVersion) -> Result<(String, bool)> {
    let client = Client::new(kind, Connection::open(engine.host())?, version)?;
    let given = Given::default();
    let call = client.call("SystemVersion", &given);
    let answer = match call.context("no version has that")?.await? {
        Got::Document(answer) => answer,
        other => bail!("not a version: {other:?}"),
    };
    let release = answer["Version"].as_str().unwrap_or_default().to_owned();
    // Docker has been past such numbers since 17.03, and does not go back.
    let major = release
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    let is_podman = major.is_some_and(|major| (2..17).contains(&major));
    Ok((release, is_podman))
}

fn address(host: &str) -> Result<Address> {
    host.parse().map_err(anyhow::Error::msg)
}
