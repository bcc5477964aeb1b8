//! Removing containers, whatever happens.

use std::thread;
use std::time::Duration;

use super::Kit;
use crate::error::{Error, ErrorKind};

/// How long removing may take while whoever dropped the guard waits.
const LIMIT: Duration = Duration::from_secs(10);

/// Removes a container when it is dropped.
#[derive(Debug)]
pub(super) struct Remover {
    kit: Kit,
    id: Option<String>,
}

impl Remover {
    pub(super) fn new(kit: &Kit, id: &str) -> Self {
        Self {
            kit: kit.clone(),
            id: Some(id.to_owned()),
        }
    }

    /// Lets the container be.
    pub(super) fn disarm(&mut self) {
        self.id = None;
    }

    /// Removes the container now.
    pub(super) async fn remove(mut self) -> Result<(), Error> {
        let Some(id) = self.id.clone() else {
            return Ok(());
        };
        let removed = remove(&self.kit, &id).await;
        if removed.is_ok() {
            self.disarm();
        }
        removed
    }
}

impl Drop for Remover {
    /// On a thread and with a connection of its own: the runtime that dropped it may be about to end, and with it
    /// everything that was left for it to do.
    fn drop(&mut self) {
        let Some(id) = self.id.take() else {
            return;
        };
        let kit = self.kit.clone();
        let removing = thread::Builder::new()
            .name("docker-remove".to_owned())
            .spawn(move || {
                let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                else {
                    return;
                };
                runtime.block_on(async {
                    let Ok(connection) = kit.connection.another() else {
                        return;
                    };
                    let kit = Kit {
                        connection,
                        version: kit.version(),
                        ..kit
                    };
                    // There is nobody left to tell.
                    let _ = tokio::time::timeout(LIMIT, remove(&kit, &id)).await;
                });
            });
        if let Ok(thread) = removing {
            let _ = thread.join();
        }
    }
}

/// Removes a container with its volumes, running or not. One that is gone, or about to be, is no error.
pub(super) async fn remove(kit: &Kit, id: &str) -> Result<(), Error> {
    let mut call = kit.container(kit.operations.container_delete, id);
    call.query("force", &true);
    call.query("v", &true);
    match call.unit().await {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => {
            Err(error)
        }
        _ => Ok(()),
    }
}
