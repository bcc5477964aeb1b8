//! Waiting for the end of a container.

use bytes::BytesMut;

use super::{Kit, integer_at};
use crate::byte_stream::ByteStream;
use crate::error::{Error, ErrorKind};

/// What a wait waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitCondition {
    /// The container does not run: has ended, or was not started yet.
    #[default]
    NotRunning,
    /// It ends the next time, having been started or not. API 1.30 and later.
    NextExit,
    /// It is removed. API 1.30 and later.
    Removed,
}

impl WaitCondition {
    fn as_str(self) -> &'static str {
        match self {
            WaitCondition::NotRunning => "not-running",
            WaitCondition::NextExit => "next-exit",
            WaitCondition::Removed => "removed",
        }
    }
}

/// A wait for a container.
#[derive(Clone, Debug)]
#[must_use = "nothing waits until this is begun or sent"]
pub struct Wait {
    kit: Kit,
    container: String,
    condition: WaitCondition,
}

impl Wait {
    #[doc(hidden)]
    pub fn new(kit: Kit, container: String) -> Self {
        Self {
            kit,
            container,
            condition: WaitCondition::default(),
        }
    }

    /// What to wait for.
    pub fn condition(mut self, condition: WaitCondition) -> Self {
        self.condition = condition;
        self
    }

    /// Begins to wait: once this returns, the daemon watches, and an end from then on is not missed.
    ///
    /// Before API 1.30 it watches from [`exit_code`](Waiting::exit_code) on, which for
    /// [`NotRunning`](WaitCondition::NotRunning) is no difference.
    pub async fn begin(self) -> Result<Waiting, Error> {
        let operations = self.kit.operations;
        self.kit.settle().await?;
        if !self.kit.has(operations.since.wait_condition) {
            if self.condition != WaitCondition::NotRunning {
                self.kit.need(
                    operations.container_wait,
                    operations.since.wait_condition,
                    self.condition.as_str(),
                )?;
            }
            return Ok(Waiting::new(State::Later(self.kit, self.container)));
        }
        let mut call = self
            .kit
            .container(operations.container_wait, &self.container);
        call.query("condition", self.condition.as_str());
        let answer = call.response().await?.expect_json().await?.bytes();
        Ok(Waiting::new(State::Begun(answer, BytesMut::new())))
    }

    /// Waits and gives the exit code.
    ///
    /// # Errors
    ///
    /// Also if the daemon finds that it cannot wait. An exit code that is not 0 is no error.
    pub async fn send(self) -> Result<i64, Error> {
        self.begin().await?.exit_code().await
    }
}

/// A wait that has begun.
#[derive(Debug)]
#[must_use = "dropping it ends the wait"]
pub struct Waiting {
    state: State,
    /// A container that is to be gone as well.
    leaving: Option<(Kit, String)>,
}

#[derive(Debug)]
enum State {
    /// Not until the container has been started, as the daemon answers at once if it is not running.
    Later(Kit, String),
    Begun(ByteStream, BytesMut),
    Done(i64),
}

/// No answer to a wait is longer.
const LIMIT: usize = 1 << 20;

impl Waiting {
    fn new(state: State) -> Self {
        Self {
            state,
            leaving: None,
        }
    }

    /// Waits until the container is gone, too.
    ///
    /// Asked for its removal alone, podman 4.3 says 0 whatever the exit code was.
    pub(super) fn until_removed(self, kit: Kit, container: String) -> Self {
        Self {
            leaving: Some((kit, container)),
            ..self
        }
    }

    /// Waits and gives the exit code, again and again if asked for it. Giving up the wait loses nothing.
    ///
    /// # Errors
    ///
    /// Also if the daemon finds that it cannot wait. An exit code that is not 0 is no error.
    pub async fn exit_code(&mut self) -> Result<i64, Error> {
        let code = self.end().await?;
        if let Some((kit, container)) = &self.leaving {
            let mut call = kit.container(kit.operations.container_wait, container);
            call.query("condition", WaitCondition::Removed.as_str());
            match call.unit().await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => self.leaving = None,
            }
        }
        Ok(code)
    }

    async fn end(&mut self) -> Result<i64, Error> {
        if let State::Later(kit, container) = &self.state {
            let call = kit.container(kit.operations.container_wait, container);
            let answer = call.response().await?.expect_json().await?.bytes();
            self.state = State::Begun(answer, BytesMut::new());
        }
        let (answer, text) = match &mut self.state {
            State::Done(code) => return Ok(*code),
            State::Begun(answer, text) => (answer, text),
            State::Later(..) => unreachable!("it has just begun"),
        };
        while let Some(chunk) = answer.try_next().await? {
            let room = LIMIT - text.len();
            text.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        crate::failure::inside(text, "/Error/Message", answer.origin())?;
        let failed = |kind, sentence: String| Error::new(kind, sentence).at(answer.origin());
        match integer_at(text, "/StatusCode") {
            Some(code) => {
                self.state = State::Done(code);
                Ok(code)
            }
            None if text.trim_ascii().is_empty() => Err(failed(
                ErrorKind::Truncated,
                "the wait ended without an exit code: the daemon may be shutting down".to_owned(),
            )),
            None => Err(failed(
                ErrorKind::Decode,
                format!(
                    "the answer has no exit code: {:?}",
                    crate::text::shorten_bytes(text, 200)
                ),
            )),
        }
    }
}
