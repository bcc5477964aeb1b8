//! Calls against a daemon that answers, misbehaves and hangs up as each test wants it to.
#![cfg(unix)]

mod answers;
mod connecting;
mod contact;
#[cfg(feature = "custom-transport")]
mod custom;
mod daemon;
mod limits;
mod negotiation;
mod operations;
mod pool;
mod registries;
mod requests;
mod streams;
mod upgrades;
