//! A proxy that passes everything on as it is and notes what it was.
//!
//! Bytes are passed on unchanged and at once, in both directions, so that nothing about a connection is different
//! from what it would be without the proxy. Beside them goes a [`Conversation`](conversation::Conversation), which makes
//! exchanges of what it sees.

mod address;
mod connection;
mod conversation;
mod http;
mod writer;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use address::Address;
use address::Listener;
use connection::Connection;
use writer::Writer;

/// How many exchanges may wait to be written.
const WAITING: usize = 64;
/// How long connections may take to end once the recording does.
const PATIENCE: Duration = Duration::from_secs(5);

/// Record what a client and a daemon say to each other
#[derive(Args, Clone, Debug)]
pub struct Record {
    /// Where clients connect: unix:///PATH, or tcp:// on loopback
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Address,
    /// Where the daemon is: unix:///PATH or tcp://HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    pub upstream: Address,
    /// The file to write, one exchange a line
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

impl Record {
    /// Records until `stop` is done; `ready` learns where clients can connect. Gives how many exchanges were written.
    pub async fn run(
        self,
        ready: impl FnOnce(&Address),
        stop: impl Future<Output = ()>,
    ) -> Result<u64> {
        let writer = Writer::create(&self.out)?;
        let listener = Listener::open(&self.listen).await?;
        let (exchanges, seen) = mpsc::channel(WAITING);
        // Writing and reading documents can block; this is its thread.
        let mut writing = tokio::task::spawn_blocking(move || writer.run(seen));
        let (stopping, stopped) = watch::channel(());
        let upstream = Arc::new(self.upstream);
        let mut connections = JoinSet::new();
        ready(&listener.address()?);

        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                written = &mut writing => return finish(written),
                accepted = listener.accept() => match accepted {
                    Ok(client) => {
                        let connection = Connection {
                            upstream: upstream.clone(),
                            exchanges: exchanges.clone(),
                            stopped: stopped.clone(),
                        };
                        connections.spawn(connection.run(client));
                    }
                    // Such as no more files: those who wait are served when others have left.
                    Err(error) => {
                        eprintln!("record: cannot take a connection: {error}");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop((listener, stopping, exchanges));
        let ending = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(PATIENCE, ending).await;
        connections.shutdown().await;
        finish(writing.await)
    }
}

fn finish(written: Result<Result<u64>, tokio::task::JoinError>) -> Result<u64> {
    written
        .map_err(|error| anyhow!(error))
        .context("the recording ended too early")?
}
