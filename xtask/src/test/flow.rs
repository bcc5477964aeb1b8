//! What flows, with every engine that can be had.

use anyhow::Result;
use xtask::engine::{Engine, EngineKind};

use super::{Context, Counts, cargo_test_with};

/// The engines, and which of the tests: an old engine speaks the older version alone.
const ENGINES: [(EngineKind, &str); 3] = [
    (EngineKind::Docker28_5, ""),
    (EngineKind::Docker26_1, "v1_41::"),
    (EngineKind::Docker20_10, "v1_41::"),
];

pub(super) fn flow(context: &mut Context) -> Result<Counts> {
    let mut counts = Counts::default();
    for (kind, tests) in ENGINES {
        println!("with {kind}");
        // The tests start their own; this tells an engine that cannot be had here from one that fails.
        if let Err(error) = Engine::builder().kind(kind).start().and_then(Engine::stop) {
            println!("skipped: there is no {kind} here: {error:#}");
            counts.add(Counts::ONE_SKIPPED);
            continue;
        }
        let mut environment = vec![("DOCKER_API_GEN_ENGINE", kind.name())];
        if context.full {
            environment.push(("DOCKER_API_GEN_FULL", "1"));
        }
        let mut arguments = vec![
            "--package",
            "docker-api-gen-tests",
            "--features",
            "engines",
            "--test",
            "flow",
            "--",
            tests,
        ];
        if context.full {
            // What one of them needs of memory is asked of the whole process.
            arguments.push("--test-threads=1");
        }
        counts.add(cargo_test_with(None, &environment, &arguments)?);
    }
    Ok(counts)
}
