//! What is said on one connection, followed from the side: bytes go in as they pass, exchanges come out.
//!
//! Nothing here can hold up or change what passes. Where the bytes make no sense as HTTP/1.1, they are not
//! followed any further.

use super::http::{Framing, HEAD_LIMIT, Head, Malformed};

/// How much of a JSON body is kept.
const JSON_LIMIT: usize = 16 << 20;
/// How much of a body is kept that does not say what it is.
const OTHER_LIMIT: usize = 64 << 10;
/// How much a client may say before its turn.
const EARLY_LIMIT: usize = 64 << 10;

/// An exchange as it was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) request: Message,
    /// None if no answer came.
    pub(super) response: Option<Message>,
    pub(super) hijacked: bool,
    pub(super) client_gone: bool,
    /// Why the answer is ours and not the daemon's.
    pub(super) error: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) head: Head,
    pub(super) body: Captured,
}

/// As much of a body as is kept.
#[derive(Debug, Default)]
pub(super) struct Captured {
    pub(super) kept: Vec<u8>,
    limit: usize,
    pub(super) bytes: u64,
    pub(super) lines: u64,
    /// It did not come to its end.
    broken: bool,
}

impl Captured {
    fn of(head: &Head) -> Self {
        let media = head.header("content-type").unwrap_or_default();
        let limit = if media.contains("json") {
            JSON_LIMIT
        } else if media.is_empty() || media.starts_with("text/") {
            OTHER_LIMIT
        } else {
            0
        };
        Self {
            limit,
            ..Self::default()
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let space = self.limit - self.kept.len();
        self.kept
            .extend_from_slice(&bytes[..bytes.len().min(space)]);
    }

    /// Whether all of it is there.
    pub(super) fn is_whole(&self) -> bool {
        !self.broken && self.kept.len() as u64 == self.bytes
    }
}

/// Where one side of the connection is.
#[derive(Debug)]
enum Side {
    /// In the head of a message, of which this much is there.
    Head(Vec<u8>),
    Body(Framing),
    /// A message is over, and the other side has not finished with it.
    Waiting,
}

#[derive(Debug)]
pub(super) struct Conversation {
    client: Side,
    daemon: Side,
    /// What the client said before its turn.
    early: Vec<u8>,
    current: Option<Seen>,
    hijacked: bool,
    lost: bool,
    client_ended: bool,
    daemon_ended: bool,
    /// How many exchanges came to their end.
    exchanges: u64,
    /// Whether anything of the current answer was seen.
    answered: bool,
}

impl Conversation {
    pub(super) fn new() -> Self {
        Self {
            client: Side::Head(Vec::new()),
            daemon: Side::Head(Vec::new()),
            early: Vec::new(),
            current: None,
            hijacked: false,
            lost: false,
            client_ended: false,
            daemon_ended: false,
            exchanges: 0,
            answered: false,
        }
    }

    /// Whether what passes is not followed any more, as it is not HTTP/1.1.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(super) fn is_hijacked(&self) -> bool {
        self.hijacked
    }

    /// Whether the first request of the connection is there, at least its head, and nothing of an answer.
    pub(super) fn is_first_request_unanswered(&self) -> bool {
        self.current.is_some() && !self.answered && self.exchanges == 0
    }

    /// Whether the current request is one whose answer has no body.
    pub(super) fn is_head(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|seen| seen.request.head.method == "HEAD")
    }

    /// Takes what the client sends.
    pub(super) fn client_said(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let mut finished = Vec::new();
        let result = self.follow_client(bytes, &mut finished);
        self.settle(result, finished)
    }

    /// Takes what the daemon sends.
    pub(super) fn daemon_said(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let mut finished = Vec::new();
        let result = self.follow_daemon(bytes, &mut finished);
        self.settle(result, finished)
    }

    /// The client will send no more.
    pub(super) fn client_ended(&mut self) {
        self.client_ended = true;
    }

    /// The daemon will send no more.
    pub(super) fn daemon_ended(&mut self) {
        self.daemon_ended = true;
    }

    /// The answer to the current request will be ours, for this reason.
    pub(super) fn will_answer(&mut self, error: String) {
        if let Some(current) = &mut self.current {
            current.error = Some(error);
        }
    }

    /// The connection is over; gives what was going on.
    pub(super) fn end(&mut self) -> Option<Seen> {
        let mut seen = self.current.take()?;
        seen.request.body.broken |= !matches!(self.client, Side::Waiting);
        let is_over = match &self.daemon {
            // Daemons hang up too once a client has.
            Side::Body(Framing::UntilClose) => {
                self.daemon_ended && (self.hijacked || !self.client_ended)
            }
            Side::Waiting => true,
            Side::Body(_) | Side::Head(_) => false,
        };
        if let Some(response) = &mut seen.response {
            response.body.broken |= !is_over;
        }
        seen.hijacked = self.hijacked;
        seen.client_gone = !self.hijacked && !is_over && self.client_ended;
        Some(seen)
    }

    fn settle(&mut self, result: Result<(), Malformed>, mut finished: Vec<Seen>) -> Vec<Seen> {
        if result.is_err() {
            self.lost = true;
            finished.extend(self.end());
            self.early = Vec::new();
        }
        finished
    }

    fn follow_client(&mut self, bytes: &[u8], finished: &mut Vec<Seen>) -> Result<(), Malformed> {
        if self.lost || bytes.is_empty() {
            return Ok(());
        }
        match &mut self.client {
            Side::Head(head) => {
                head.extend_from_slice(bytes);
                // Line breaks before a request are allowed.
                let blank = head
                    .iter()
                    .take_while(|b| matches!(b, b'\r' | b'\n'))
                    .count();
                head.drain(..blank);
                let Some((parsed, length)) = Head::request(head)? else {
                    return if head.len() > HEAD_LIMIT {
                        Err(Malformed)
                    } else {
                        Ok(())
                    };
                };
                let rest = head.split_off(length);
                self.client = Side::Body(parsed.request_framing()?);
                self.daemon = Side::Head(Vec::new());
                self.answered = false;
                let body = Captured::of(&parsed);
                let request = Message { head: parsed, body };
                self.current = Some(Seen {
                    request,
                    ..Seen::default()
                });
                self.finish_if_over(finished)?;
                self.follow_client(&rest, finished)
            }
            Side::Body(framing) => {
                let current = &mut self.current;
                let taken = framing.take(bytes, &mut |content| {
                    if let Some(current) = current {
                        current.request.body.add(content);
                    }
                })?;
                self.finish_if_over(finished)?;
                self.follow_client(&bytes[taken..], finished)
            }
            Side::Waiting if self.hijacked => Ok(()),
            // Who goes on while an answer without an end comes in is not talking HTTP any more.
            Side::Waiting if matches!(self.daemon, Side::Body(Framing::UntilClose)) => {
                self.hijack();
                Ok(())
            }
            Side::Waiting => {
                self.early.extend_from_slice(bytes);
                if self.early.len() > EARLY_LIMIT {
                    return Err(Malformed);
                }
                Ok(())
            }
        }
    }

    fn follow_daemon(&mut self, bytes: &[u8], finished: &mut Vec<Seen>) -> Result<(), Malformed> {
        if self.lost || bytes.is_empty() {
            return Ok(());
        }
        let Some(current) = &mut self.current else {
            // Nobody asked.
            return Err(Malformed);
        };
        self.answered = true;
        match &mut self.daemon {
            Side::Head(head) => {
                head.extend_from_slice(bytes);
                let Some((parsed, length)) = Head::response(head)? else {
                    return if head.len() > HEAD_LIMIT {
                        Err(Malformed)
                    } else {
                        Ok(())
                    };
                };
                let rest = head.split_off(length);
                // `100 Continue` and its like come before the answer.
                if parsed.status < 200 && parsed.status != 101 {
                    self.daemon = Side::Head(Vec::new());
                    return self.follow_daemon(&rest, finished);
                }
                let framing = parsed.response_framing(&current.request.head.method)?;
                let is_upgrade = parsed.status == 101;
                let is_stream = matches!(framing, Framing::UntilClose) && is_raw(&parsed);
                let body = Captured::of(&parsed);
                current.response = Some(Message { head: parsed, body });
                if is_upgrade {
                    self.daemon = Side::Body(Framing::UntilClose);
                    self.hijack();
                } else {
                    self.daemon = Side::Body(framing);
                    if is_stream {
                        self.hijack();
                    }
                    self.finish_if_over(finished)?;
                }
                self.follow_daemon(&rest, finished)
            }
            Side::Body(framing) => {
                let taken = framing.take(bytes, &mut |content| {
                    if let Some(response) = &mut current.response {
                        response.body.add(content);
                    }
                })?;
                self.finish_if_over(finished)?;
                self.follow_daemon(&bytes[taken..], finished)
            }
            Side::Waiting => Err(Malformed),
        }
    }

    fn hijack(&mut self) {
        self.hijacked = true;
        self.client = Side::Waiting;
        self.early = Vec::new();
    }

    /// Ends the current exchange if both sides have said all of it.
    fn finish_if_over(&mut self, finished: &mut Vec<Seen>) -> Result<(), Malformed> {
        for side in [&mut self.client, &mut self.daemon] {
            if matches!(side, Side::Body(framing) if framing.is_over()) {
                *side = Side::Waiting;
            }
        }
        if self.hijacked || !matches!((&self.client, &self.daemon), (Side::Waiting, Side::Waiting))
        {
            return Ok(());
        }
        finished.extend(self.current.take());
        self.exchanges += 1;
        self.client = Side::Head(Vec::new());
        let early = std::mem::take(&mut self.early);
        self.follow_client(&early, finished)
    }
}

/// A stream of a container's, which goes both ways.
fn is_raw(head: &Head) -> bool {
    head.header("content-type")
        .is_some_and(|media| media.starts_with("application/vnd.docker."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seen: &Seen) -> String {
        let head = &seen.request.head;
        let body = String::from_utf8_lossy(&seen.request.body.kept);
        let answer = match &seen.response {
            Some(response) => {
                let kept = String::from_utf8_lossy(&response.body.kept);
                let whole = if response.body.is_whole() { "" } else { " cut" };
                format!(
                    "{} {kept:?} {}{whole}",
                    response.head.status, response.body.bytes
                )
            }
            None => "nothing".to_owned(),
        };
        let mut flags = String::new();
        for (flag, name) in [(seen.hijacked, " hijacked"), (seen.client_gone, " gone")] {
            if flag {
                flags += name;
            }
        }
        format!("{} {} {body:?} -> {answer}{flags}", head.method, head.path)
    }

    enum Say {
        Client(&'static [u8]),
        Daemon(&'static [u8]),
        ClientEnds,
        DaemonEnds,
    }
    use Say::{Client, ClientEnds, Daemon, DaemonEnds};

    /// The exchanges in a conversation, the unfinished one at its end included; the same however it is cut up.
    fn exchanges(said: &[Say]) -> Vec<String> {
        let follow = |size: usize| {
            let mut conversation = Conversation::new();
            let mut seen = Vec::new();
            for say in said {
                match say {
                    Client(bytes) => bytes
                        .chunks(size)
                        .for_each(|piece| seen.extend(conversation.client_said(piece))),
                    Daemon(bytes) => bytes
                        .chunks(size)
                        .for_each(|piece| seen.extend(conversation.daemon_said(piece))),
                    ClientEnds => conversation.client_ended(),
                    DaemonEnds => conversation.daemon_ended(),
                }
            }
            seen.extend(conversation.end());
            seen.iter().map(line).collect::<Vec<_>>()
        };
        let whole = follow(usize::MAX);
        for size in [1, 2, 7] {
            assert_eq!(follow(size), whole, "in pieces of {size}");
        }
        whole
    }

    const JSON: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n{\"\"}";

    #[test]
    fn one_exchange_follows_another() {
        let found = exchanges(&[
            Client(b"GET /a HTTP/1.1\r\n\r\n"),
            Daemon(JSON),
            Client(b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"),
            Daemon(b"HTTP/1.1 204 No Content\r\n\r\n"),
            Client(b"HEAD /c HTTP/1.1\r\n\r\n"),
            Daemon(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
            Client(b"GET /d HTTP/1.1\r\n\r\n"),
            Daemon(b"HTTP/1.1 200 OK\r\n\r\nuntil close"),
            DaemonEnds,
        ]);
        assert_eq!(
            found,
            [
                r#"GET /a "" -> 200 "{\"\"}" 4"#,
                r#"POST /b "[]" -> 204 "" 0"#,
                r#"HEAD /c "" -> 200 "" 0"#,
                r#"GET /d "" -> 200 "until close" 11"#,
            ]
        );
    }

    #[test]
    fn requests_may_come_before_their_turn() {
        let found = exchanges(&[
            Client(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
            Daemon(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
            Daemon(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"),
        ]);
        assert_eq!(
            found,
            [r#"GET /a "" -> 404 "" 0"#, r#"GET /b "" -> 200 "b" 1"#]
        );
    }

    #[test]
    fn a_body_may_wait_for_its_continue_and_be_refused() {
        let found = exchanges(&[
            Client(b"PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
            Daemon(b"HTTP/1.1 100 Continue\r\n\r\n"),
            Client(b"ab"),
            Daemon(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            Client(b"PUT /b HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
            Daemon(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        ]);
        assert_eq!(
            found,
            [r#"PUT /a "ab" -> 200 "" 0"#, r#"PUT /b "" -> 400 "" 0"#]
        );
    }

    #[test]
    fn a_stream_that_goes_both_ways_is_not_kept() {
        let upgraded = exchanges(&[
            Client(b"POST /exec/1/start HTTP/1.1\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
            Daemon(b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nsecret"),
            Client(b"GET / HTTP/1.1\r\n\r\n"),
            ClientEnds,
        ]);
        assert_eq!(
            upgraded,
            [r#"POST /exec/1/start "{}" -> 101 "" 6 cut hijacked"#]
        );
        let raw = exchanges(&[
            Client(b"POST /containers/1/attach HTTP/1.1\r\n\r\n"),
            Daemon(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nsecret",
            ),
            Client(b"typed"),
        ]);
        assert_eq!(
            raw,
            [r#"POST /containers/1/attach "" -> 200 "" 6 cut hijacked"#]
        );
    }

    #[test]
    fn what_breaks_off_is_not_whole() {
        let gone = exchanges(&[
            Client(b"GET /events HTTP/1.1\r\n\r\n"),
            Daemon(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n"),
            ClientEnds,
        ]);
        assert_eq!(gone, [r#"GET /events "" -> 200 "{}\n" 3 cut gone"#]);
        let crash = exchanges(&[
            Client(b"GET /info HTTP/1.1\r\n\r\n"),
            Daemon(&JSON[..JSON.len() - 1]),
        ]);
        assert_eq!(crash, [r#"GET /info "" -> 200 "{\"\"" 3 cut"#]);
        let nothing = exchanges(&[Client(b"GET /info HTTP/1.1\r\n\r\n")]);
        assert_eq!(nothing, [r#"GET /info "" -> nothing"#]);
    }

    #[test]
    fn what_is_not_http_is_left_alone() {
        let mut conversation = Conversation::new();
        assert!(
            conversation
                .client_said(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                .is_empty()
        );
        assert!(conversation.is_lost());
        assert!(conversation.daemon_said(b"whatever").is_empty());
        let mut conversation = Conversation::new();
        conversation.client_said(b"GET /a HTTP/1.1\r\n\r\n");
        let seen = conversation.daemon_said(b"SSH-2.0\r\n");
        assert_eq!(
            seen.iter().map(line).collect::<Vec<_>>(),
            [r#"GET /a "" -> nothing"#]
        );
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let mut conversation = Conversation::new();
        conversation.client_said(b"GET /a HTTP/1.1\r\n\r\n");
        conversation.daemon_said(b"HTTP/1.1 200 OK\r\n\r\n");
        for _ in 0..100 {
            conversation.daemon_said(&[b'\n'; 1 << 10]);
        }
        let body = conversation.end().unwrap().response.unwrap().body;
        assert_eq!(
            (body.kept.len(), body.bytes, body.lines),
            (OTHER_LIMIT, 100 << 10, 100 << 10)
        );
        assert!(!body.is_whole());
    }
}
