//! Engines, versions, scenarios, one after another.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use docker_api_gen_core::{ApiVersion, Connection};
use docker_api_gen_harness::APIS;
use docker_api_gen_tests::call::{Given, Got};
use docker_api_gen_traffic::record::{Address, Record};
use tokio::sync::oneshot;
use xtask::engine::{Engine, EngineKind, Registry};

use crate::case::{Case, Facts};
use crate::client::{Client, Kind};
use crate::matrix::{self, Matrix, Noted};
use crate::scenario::Scenario;
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
    /// Only what the engines do with what the version spoken does not have
    #[arg(long, requires = "negotiated")]
    gates: bool,
    /// Only the scenarios whose names contain one of these; without, the matrix is written
    scenario: Vec<String>,
    /// How many engines run at the same time
    #[arg(long, default_value_t = 8)]
    jobs: usize,
    /// Write no matrix
    #[arg(long)]
    dry: bool,
    /// Keep what was said, a recording for each engine and version, in this folder
    #[arg(long, value_name = "FOLDER")]
    recordings: Option<PathBuf>,
}

/// What came of one engine.
struct Ran {
    name: String,
    release: String,
    cases: Vec<Noted>,
    /// What surprised in each version.
    found: Vec<(String, Found)>,
}

impl Ran {
    fn join(&mut self, other: Self) {
        self.cases.extend(other.cases);
        self.found.extend(other.found);
    }
}

/// Some of the versions, on an engine of their own.
#[derive(Clone, Copy, Debug)]
struct Share {
    source: Source,
    /// Every version whose number leaves this…
    rest: usize,
    /// …when divided by this.
    of: usize,
}

/// How many versions an engine is asked in one after another. They wait more than they work, so several engines of a
/// kind are done sooner.
const VERSIONS_OF_A_SHARE: usize = 10;

/// An engine to run on.
#[derive(Clone, Copy, Debug)]
enum Source {
    Kind(EngineKind),
    Here,
}

impl Options {
    /// Whether nothing failed.
    pub(crate) fn run(self) -> Result<bool> {
        if self.gates {
            #[cfg(feature = "negotiated")]
            return crate::gates::run(&self.engine);
            #[cfg(not(feature = "negotiated"))]
            bail!("this program was built without that client");
        }
        let sources = self.sources()?;
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        if let Some(kept) = &self.recordings {
            std::fs::create_dir_all(kept)
                .with_context(|| format!("cannot make {}", kept.display()))?;
        }
        let plugin = plugin::tar(folder.path())?;
        let shares: Vec<Share> = sources
            .iter()
            .flat_map(|source| self.shares(*source))
            .collect();
        let queue = Mutex::new(shares.iter().copied().enumerate().collect::<VecDeque<_>>());
        let results = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, shares.len()) {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().expect("no thread panics").pop_front();
                        let Some((place, share)) = next else { break };
                        let result = self.engine(share, &plugin, folder.path());
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
        let mut all: Vec<Ran> = Vec::new();
        for (_, result) in results {
            for ran in result? {
                match all.iter_mut().find(|known| known.name == ran.name) {
                    Some(known) => known.join(ran),
                    None => all.push(ran),
                }
            }
        }
        let mut matrix = Matrix::default();
        let mut surprises = BTreeMap::new();
        for mut ran in all {
            ran.cases
                .sort_by_key(|case| case.version.parse::<ApiVersion>().ok());
            ran.found
                .sort_by_key(|(version, _)| version.parse::<ApiVersion>().ok());
            matrix::add_surprises(&mut surprises, &ran.name, ran.found);
            matrix
                .engines
                .push(matrix::row(&ran.name, &ran.release, &ran.cases));
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

    fn shares(&self, source: Source) -> Vec<Share> {
        let of = match source {
            Source::Here => 1,
            Source::Kind(kind) => {
                let newest = kind.api().parse::<ApiVersion>().ok();
                let is_asked = |version: &&ApiVersion| {
                    newest.is_none_or(|newest| **version <= newest) && self.wants(**version)
                };
                let known = APIS.iter().filter_map(|api| api.parse().ok());
                let known: Vec<ApiVersion> = known.collect();
                known
                    .iter()
                    .filter(is_asked)
                    .count()
                    .div_ceil(VERSIONS_OF_A_SHARE)
                    .max(1)
            }
        };
        (0..of).map(|rest| Share { source, rest, of }).collect()
    }

    fn wants(&self, version: ApiVersion) -> bool {
        self.version.is_empty() || self.version.contains(&version.to_string())
    }

    fn engine(&self, share: Share, plugin: &[u8], folder: &Path) -> Result<Vec<Ran>> {
        let (name, engine) = match share.source {
            Source::Here => ("the engine here".to_owned(), Engine::acquire(None)?),
            Source::Kind(kind) => {
                let mut builder = Engine::builder()
                    .kind(kind)
                    .name(format!("conformance-{kind}-{}", share.rest));
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
                all.push(self.versions(kind, &name, &engine, share, plugin, folder)?);
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
        share: Share,
        plugin: &[u8],
        folder: &Path,
    ) -> Result<Ran> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let window = engine.api_window()?;
        let speaks = |version: &ApiVersion| window.contains(&version.to_string());
        let known: Vec<ApiVersion> = kind.versions().into_iter().filter(speaks).collect();
        let wanted = known.iter().copied().filter(|version| self.wants(*version));
        let versions: Vec<ApiVersion> = wanted.skip(share.rest).step_by(share.of).collect();
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
            let stem = format!("{}-{version}", name.replace(", ", "-"));
            let socket = folder.join(format!("{stem}.sock"));
            let recording = self.recordings.as_deref().unwrap_or(folder);
            let recording = recording.join(format!("{stem}.jsonl"));
            let record = Record {
                listen: address(&format!("unix://{}", socket.display()))?,
                upstream: address(engine.host())?,
                out: recording.clone(),
            };
            let case = self.case(kind, &facts, version, newest, record);
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
        Ok(Ran {
            name: name.to_owned(),
            release,
            cases,
            found: surprises,
        })
    }

    /// Tells all stories with one version.
    async fn case(
        &self,
        kind: Kind,
        facts: &Facts<'_>,
        version: ApiVersion,
        newest: ApiVersion,
        record: Record,
    ) -> Result<Noted> {
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
            let before = case.notes();
            tell(&case, scenario).await?;
            // Daemons with much to do lose things: what goes wrong twice is wrong.
            let failures = case.take_back(before);
            if !failures.is_empty() {
                eprintln!("{version}: told once more: {}", failures.join("; "));
                tell(&case, scenario).await?;
            }
        }
        let noted = matrix::judge(case, self.is_whole());
        drop(stop);
        proxy.await??;
        Ok(noted)
    }
}

/// Tells one story, and removes what is left of it.
async fn tell(case: &Case<'_>, scenario: &Scenario) -> Result<()> {
    let telling = (scenario.run)(case);
    if tokio::time::timeout(PATIENCE, telling).await.is_err() {
        let (name, version) = (scenario.name, case.version);
        bail!(
            "{name} of {version} has not ended after {} s",
            PATIENCE.as_secs()
        );
    }
    scenario::clear(case).await;
    Ok(())
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
