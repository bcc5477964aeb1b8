//! Ways to real engines: sockets, tcp, TLS, ssh, contexts, and what becomes of calls whose engine goes away.
//!
//! The engines are private ones of Debian's packages. Where they cannot be had, the tests that need them are counted
//! as ignored, by name.

#[cfg(target_os = "linux")]
mod certificates;
#[cfg(target_os = "linux")]
mod cli;
#[cfg(target_os = "linux")]
mod echo;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod plain;
#[cfg(target_os = "linux")]
mod ssh;
#[cfg(target_os = "linux")]
mod tls;
#[cfg(target_os = "linux")]
mod world;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("SKIPPED, NOT PASSED: private engines need Linux");
    println!("test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::sync::Arc;

    use libtest_mimic::{Arguments, Trial};
    use world::World;

    if cli::is_wanted() {
        cli::report();
        return std::process::ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::from_args();
    // They share engines, some of which are killed, and look at processes.
    arguments.test_threads = Some(1);
    let world = Arc::new(World::new());
    let groups = [
        plain::TESTS,
        tls::TESTS,
        ssh::TESTS,
        cli::TESTS,
        faults::TESTS,
    ];
    let trials = groups.concat().into_iter().map(|test| {
        let reason = test.needs.iter().find_map(|kind| world.lacks(*kind));
        if let Some(reason) = &reason {
            eprintln!("SKIPPED, NOT PASSED: {}: {reason}", test.name);
        }
        let world = world.clone();
        let run = test.run;
        let trial = Trial::test(test.name, move || {
            run(&world);
            Ok(())
        });
        trial.with_ignored_flag(reason.is_some())
    });
    let trials = trials.collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Engines end with the world, and whoever uses it is done.
    let stopped = Arc::into_inner(world).map_or(Ok(()), World::stop);
    if let Err(error) = &stopped {
        eprintln!("error: an engine did not end as it should: {error:#}");
    }
    match (conclusion.has_failed(), stopped) {
        (false, Ok(())) => std::process::ExitCode::SUCCESS,
        _ => std::process::ExitCode::from(101),
    }
}
