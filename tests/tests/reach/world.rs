//! The engines that the tests share, each started by the first test that asks for it.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use std::{fs, thread};

use anyhow::Result;
use docker_api_gen::v1_41::Client;
use docker_api_gen::{Connection, ConnectionBuilder};
use tempfile::TempDir;
use xtask::engine::{Builder, Engine, EngineKind, Ssh};

use crate::certificates::Certificates;

/// Longer than anything takes that does not start an engine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One test.
#[derive(Clone, Copy)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [EngineKind],
    pub(crate) run: fn(&World),
}

/// What most tests need.
pub(crate) const MAIN: &[EngineKind] = &[EngineKind::Docker28_5];
pub(crate) const OLD: &[EngineKind] = &[EngineKind::Docker20_10];
pub(crate) const PODMAN: &[EngineKind] = &[EngineKind::Podman4_3];

pub(crate) const TLS_PORT: u16 = 2376;
pub(crate) const PORT: u16 = 2375;

pub(crate) struct World {
    /// Certificates, configurations of docker and ssh.
    pub(crate) folder: TempDir,
    pub(crate) certificates: Certificates,
    main: OnceLock<Engine>,
    expired: OnceLock<Engine>,
    old: OnceLock<Engine>,
    podman: OnceLock<Engine>,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            certificates: Certificates::new(folder.path()),
            folder,
            main: OnceLock::new(),
            expired: OnceLock::new(),
            old: OnceLock::new(),
            podman: OnceLock::new(),
        }
    }

    /// Why there can be no engine of this kind.
    pub(crate) fn lacks(&self, kind: EngineKind) -> Option<String> {
        static REASONS: OnceLock<Vec<(EngineKind, Option<String>)>> = OnceLock::new();
        let reasons = REASONS.get_or_init(|| {
            [MAIN, OLD, PODMAN]
                .concat()
                .into_iter()
                .map(|kind| {
                    let reason = Engine::available(kind).err();
                    (kind, reason.map(|error| format!("no {kind}: {error:#}")))
                })
                .collect()
        });
        let (_, reason) = reasons.iter().find(|(known, _)| *known == kind)?;
        reason.clone()
    }

    /// At its own socket, at the usual one, and with TLS on all addresses of its network.
    pub(crate) fn main(&self) -> &Engine {
        self.main.get_or_init(|| {
            let builder = Engine::builder().kind(EngineKind::Docker28_5).packages();
            let builder = builder.arg("--host=unix:///run/docker.sock");
            let engine = with_tls(builder, &self.certificates.good).start().unwrap();
            engine.ssh().unwrap();
            engine
        })
    }

    /// The same with a certificate that has expired.
    pub(crate) fn expired(&self) -> &Engine {
        self.expired.get_or_init(|| {
            let builder = Engine::builder().kind(EngineKind::Docker28_5).packages();
            with_tls(builder, &self.certificates.expired)
                .start()
                .unwrap()
        })
    }

    /// An old one, at its socket and on loopback without TLS, which may be killed.
    pub(crate) fn old(&self) -> &Engine {
        self.old.get_or_init(|| {
            let mut builder = Engine::builder()
                .kind(EngineKind::Docker20_10)
                .packages()
                .arg(format!("--host=tcp://127.0.0.1:{PORT}"))
                .arg("--tls=false");
            if has_ipv6() {
                builder = builder.arg(format!("--host=tcp://[::1]:{PORT}"));
            }
            builder.start().unwrap()
        })
    }

    pub(crate) fn podman(&self) -> &Engine {
        self.podman.get_or_init(|| {
            let builder = Engine::builder().kind(EngineKind::Podman4_3).packages();
            builder.start().unwrap()
        })
    }

    pub(crate) fn ssh(&self) -> Ssh {
        self.main().ssh().unwrap()
    }

    pub(crate) fn stop(self) -> Result<()> {
        let engines = [self.main, self.expired, self.old, self.podman];
        let mut engines = engines.into_iter().filter_map(OnceLock::into_inner);
        engines.try_for_each(Engine::stop)
    }

    /// Runs what `test` makes, in the network of an engine.
    pub(crate) fn within<F>(&self, engine: &Engine, test: impl FnOnce() -> F + Send)
    where
        F: Future<Output = ()>,
    {
        let run = || {
            engine.enter_network().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let result = tokio::time::timeout(PATIENCE, test()).await;
                result.expect("it takes too long");
            });
        };
        if let Err(panic) = thread::scope(|scope| scope.spawn(run).join()) {
            resume_unwind(panic);
        }
    }
}

fn with_tls(builder: Builder, certificates: &Path) -> Builder {
    let file =
        |option: &str, name: &str| format!("--{option}={}", certificates.join(name).display());
    builder
        .arg(format!("--host=tcp://0.0.0.0:{TLS_PORT}"))
        .arg("--tlsverify")
        .arg(file("tlscacert", "ca.pem"))
        .arg(file("tlscert", "cert.pem"))
        .arg(file("tlskey", "key.pem"))
}

pub(crate) fn has_ipv6() -> bool {
    fs::read_to_string("/proc/net/if_inet6").is_ok_and(|addresses| !addresses.is_empty())
}

/// A connection that knows what it is told and nothing else.
pub(crate) fn to(host: &str) -> ConnectionBuilder {
    Connection::builder().ignore_environment().host(host)
}

pub(crate) fn client(builder: ConnectionBuilder) -> Client {
    Client::new(builder.build().unwrap())
}
