//! What flows, on real engines: logs, input and output, progress, archives, and what tears them apart.
//!
//! `cargo xtask test flow` runs this with every engine that can be had. Each file is compiled once for each version of
//! the API; the newest engine speaks both, older ones the first alone. Everything made here is removed with its engine.
#![cfg(target_os = "linux")]
#![allow(
    clippy::duplicate_mod,
    reason = "each version has a client of its own, and the same things are asked of all of them"
)]

mod engines;
mod numbered;
mod registry;

#[path = "."]
mod v1_41 {
    use docker_api_gen::v1_41 as docker;

    #[path = "archives.rs"]
    mod archives;
    #[path = "attach.rs"]
    mod attach;
    #[path = "breaks.rs"]
    mod breaks;
    #[path = "copies.rs"]
    mod copies;
    #[path = "exec.rs"]
    mod exec;
    #[path = "logs.rs"]
    mod logs;
    #[path = "progress.rs"]
    mod progress;
    #[path = "running.rs"]
    mod running;
    #[path = "services.rs"]
    mod services;
    #[path = "waits.rs"]
    mod waits;
    // Later versions want to be told what is to be attached.
    #[path = "websocket.rs"]
    mod websocket;
}

#[path = "."]
mod v1_51 {
    use docker_api_gen::v1_51 as docker;

    #[path = "archives.rs"]
    mod archives;
    #[path = "attach.rs"]
    mod attach;
    #[path = "breaks.rs"]
    mod breaks;
    #[path = "copies.rs"]
    mod copies;
    #[path = "exec.rs"]
    mod exec;
    #[path = "logs.rs"]
    mod logs;
    #[path = "progress.rs"]
    mod progress;
    #[path = "running.rs"]
    mod running;
    #[path = "services.rs"]
    mod services;
    #[path = "waits.rs"]
    mod waits;
}
