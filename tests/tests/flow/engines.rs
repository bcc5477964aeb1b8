//! The engines, and how much flows through them.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use xtask::engine::{Builder, Engine, EngineKind, Registry};

/// The one that is shared by all tests that leave others alone.
static SHARED: LazyLock<Engine> = LazyLock::new(|| start(Engine::builder()));

/// Which engine, as `cargo xtask test` says.
fn kind() -> EngineKind {
    let Some(name) = std::env::var("DOCKER_API_GEN_ENGINE").ok() else {
        return EngineKind::Docker28_5;
    };
    EngineKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .unwrap_or_else(|| panic!("DOCKER_API_GEN_ENGINE names no engine: {name}"))
}

/// An engine for one test alone.
pub(crate) fn start(builder: Builder) -> Engine {
    builder
        .kind(kind())
        .start()
        .unwrap_or_else(|error| panic!("there is no engine to test with: {error:#}"))
}

/// The address of the shared engine.
pub(crate) fn shared() -> &'static str {
    SHARED.host()
}

/// A registry beside the shared engine.
pub(crate) fn registry(registry: Registry) -> &'static str {
    SHARED
        .registry(registry)
        .expect("a registry can be started")
}

/// Whether large things are to be as large as they get: a gibibyte of logs, not some mebibytes.
pub(crate) fn full() -> bool {
    std::env::var("DOCKER_API_GEN_FULL").is_ok_and(|value| !value.is_empty())
}

/// A size in mebibytes.
pub(crate) fn mebibytes(small: u64, full_size: u64) -> u64 {
    let size = if full() { full_size } else { small };
    size << 20
}

/// The most memory that this process has had resident since [`forget_peak`], in bytes.
pub(crate) fn peak_memory() -> u64 {
    status("VmHWM:")
}

/// Lets the peak begin anew, and gives what is resident now.
pub(crate) fn forget_peak() -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be reset");
    status("VmRSS:")
}

fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("a size in KiB")
        << 10
}

/// Waits until something is so, for as long as a busy machine may need.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < end, "in half a minute not: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
