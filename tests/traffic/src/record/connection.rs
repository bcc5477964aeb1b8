//! One client's connection, and the one to the daemon that stands behind it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::address::{Address, Stream};
use super::conversation::{Conversation, Seen};

const BUFFER: usize = 64 << 10;
/// How long a client may go on sending to nobody before it is cut off.
const DRAINING: Duration = Duration::from_secs(2);

pub(super) struct Connection {
    pub(super) upstream: Arc<Address>,
    pub(super) exchanges: mpsc::Sender<Seen>,
    /// Ends when the recording does.
    pub(super) stopped: watch::Receiver<()>,
}

/// Both directions follow the same conversation.
struct Followed<'a> {
    conversation: Mutex<Conversation>,
    exchanges: &'a mpsc::Sender<Seen>,
}

impl Followed<'_> {
    fn conversation(&self) -> MutexGuard<'_, Conversation> {
        // What a panic left behind is still only noted, never passed on.
        self.conversation
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn note(&self, seen: impl IntoIterator<Item = Seen>) {
        for seen in seen {
            // Fails when the recording has ended with an error, which is told elsewhere.
            let _ = self.exchanges.send(seen).await;
        }
    }
}

impl Connection {
    pub(super) async fn run(self, client: Stream) {
        let mut stopped = self.stopped.clone();
        let followed = Followed {
            conversation: Mutex::new(Conversation::new()),
            exchanges: &self.exchanges,
        };
        tokio::select! {
            () = self.pass_on(client, &followed) => {}
            _ = stopped.changed() => {}
        }
        let (last, lost) = {
            let mut conversation = followed.conversation();
            (conversation.end(), conversation.is_lost())
        };
        if lost {
            eprintln!(
                "record: a connection left HTTP/1.1 and was passed on without being recorded further"
            );
        }
        followed.note(last).await;
    }

    async fn pass_on(&self, client: Stream, followed: &Followed<'_>) {
        let (mut from_client, mut to_client) = split(client);
        let daemon = match self.upstream.connect().await {
            Ok(daemon) => daemon,
            Err(error) => {
                let reason = format!("cannot reach the daemon at {}: {error}", self.upstream);
                until_asked(&mut from_client, followed).await;
                refuse(&mut from_client, &mut to_client, followed, reason).await;
                return;
            }
        };
        let (mut from_daemon, mut to_daemon) = split(daemon);
        let mut up = Box::pin(up(&mut from_client, &mut to_daemon, followed));
        let mut down = Box::pin(down(&mut from_daemon, &mut to_client, followed));
        let mut client_ended = false;
        let client_listens = loop {
            tokio::select! {
                listens = &mut down => break listens,
                () = &mut up, if !client_ended => client_ended = true,
            }
        };
        drop(down);
        let (hijacked, unanswered) = {
            let mut conversation = followed.conversation();
            conversation.daemon_ended();
            (
                conversation.is_hijacked(),
                conversation.is_first_request_unanswered(),
            )
        };
        if !client_listens {
            return;
        }
        if unanswered {
            drop(up);
            let reason = format!("the daemon at {} hung up without an answer", self.upstream);
            refuse(&mut from_client, &mut to_client, followed, reason).await;
            return;
        }
        let _ = to_client.shutdown().await;
        // The daemon may have ended its half alone.
        if hijacked && !client_ended {
            up.await;
        }
    }
}

/// From the client to the daemon, until the client has ended.
async fn up(from: &mut ReadHalf<Stream>, to: &mut WriteHalf<Stream>, followed: &Followed<'_>) {
    let mut buffer = vec![0; BUFFER];
    let mut daemon_listens = true;
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let seen = followed.conversation().client_said(&buffer[..read]);
        followed.note(seen).await;
        if daemon_listens && to.write_all(&buffer[..read]).await.is_err() {
            // A daemon that has answered may not listen any more, and the client learns that from the answer.
            daemon_listens = false;
        }
        if !daemon_listens && followed.conversation().is_hijacked() {
            return;
        }
    }
    followed.conversation().client_ended();
    let _ = to.shutdown().await;
}

/// From the daemon to the client, until the daemon has ended; false if the client stopped listening before.
async fn down(
    from: &mut ReadHalf<Stream>,
    to: &mut WriteHalf<Stream>,
    followed: &Followed<'_>,
) -> bool {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let mut seen = followed.conversation().daemon_said(&buffer[..read]);
        let listens = to.write_all(&buffer[..read]).await.is_ok();
        if !listens {
            followed.conversation().client_ended();
            seen.iter_mut().for_each(|seen| seen.client_gone = true);
        }
        followed.note(seen).await;
        if !listens {
            return false;
        }
    }
    true
}

/// Reads until there is something to answer to.
async fn until_asked(from: &mut ReadHalf<Stream>, followed: &Followed<'_>) {
    let mut buffer = vec![0; BUFFER];
    while !followed.conversation().is_first_request_unanswered()
        && !followed.conversation().is_lost()
    {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => {
                followed.conversation().client_said(&buffer[..read]);
            }
        }
    }
}

/// Answers in place of a daemon that is not there.
async fn refuse(
    from: &mut ReadHalf<Stream>,
    to: &mut WriteHalf<Stream>,
    followed: &Followed<'_>,
    reason: String,
) {
    if !followed.conversation().is_first_request_unanswered() {
        return;
    }
    let body = json!({ "message": reason }).to_string();
    let mut answer = format!(
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    if !followed.conversation().is_head() {
        answer.push_str(&body);
    }
    let mut seen = {
        let mut conversation = followed.conversation();
        conversation.will_answer(reason);
        conversation.daemon_said(answer.as_bytes())
    };
    let written = to.write_all(answer.as_bytes()).await;
    seen.iter_mut()
        .for_each(|seen| seen.client_gone = written.is_err());
    followed.note(seen).await;
    let _ = to.shutdown().await;
    // Hanging up on a client that is still sending would take the answer from it.
    let mut buffer = vec![0; BUFFER];
    let draining = async { while matches!(from.read(&mut buffer).await, Ok(1..)) {} };
    let _ = timeout(DRAINING, draining).await;
}
