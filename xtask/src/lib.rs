//! What `cargo xtask` does, one module per command. A library, so that tests can use the pieces too.

pub mod engine;
