//! Streams that are torn: by a daemon that is killed, and by a caller who has had enough.

use std::fs;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use docker_api_gen::shortcuts::{Until, WaitCondition};
use docker_api_gen::{Body, Error, ErrorKind, JsonLines, LogStream};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use xtask::engine::Engine;

use super::docker::{Client, types};
use super::services;
use crate::{engines, numbered, registry};

/// More than fits into the buffers in between.
const LARGE: u64 = 48 << 20;

/// How many of the streams are attached to programs that say nothing.
const ATTACHED: usize = 8;

/// One of each kind, all under way.
struct Streams {
    tasks: Vec<(&'static str, JoinHandle<Result<(), Error>>)>,
    begun: mpsc::UnboundedSender<&'static str>,
    /// How many connections they hold.
    connections: usize,
}

/// Tells that a stream has begun.
struct Begun(&'static str, mpsc::UnboundedSender<&'static str>);

impl Begun {
    fn now(&self) {
        self.1.send(self.0).expect("somebody waits");
    }
}

impl Streams {
    fn add<F>(&mut self, name: &'static str, connections: usize, work: impl FnOnce(Begun) -> F)
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let work = work(Begun(name, self.begun.clone()));
        self.tasks.push((name, tokio::spawn(work)));
        self.connections += connections;
    }
}

async fn read_logs(mut logs: LogStream, begun: Begun) -> Result<(), Error> {
    logs.try_next().await?;
    begun.now();
    while logs.try_next().await?.is_some() {}
    Ok(())
}

/// The types of the documents differ.
macro_rules! read_documents {
    ($documents:expr, $begun:expr) => {{
        let mut documents: JsonLines<_> = $documents;
        documents.try_next().await?;
        $begun.now();
        while documents.try_next().await?.is_some() {}
        Ok(())
    }};
}

/// Begins to read, and goes on a little later: whatever fits into the buffers is not all.
async fn read_bytes(
    mut bytes: docker_api_gen::ByteStream,
    begun: Begun,
    mut go: tokio::sync::watch::Receiver<bool>,
) -> Result<(), Error> {
    bytes.try_next().await?;
    begun.now();
    go.wait_for(|go| *go).await.expect("it is told");
    while bytes.try_next().await?.is_some() {}
    Ok(())
}

/// Some bytes, and then nothing, for ever.
struct Stalled(&'static [u8]);

impl AsyncRead for Stalled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = self.0.split_at(self.0.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

/// The beginning of an archive: the header of a file, and some of the file.
fn beginning() -> &'static [u8] {
    let mut header = tar::Header::new_gnu();
    header.set_path("file").expect("a path");
    header.set_size(1 << 30);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(64 << 10, b'x');
    bytes.leak()
}

/// Opens one of each kind. What reads bytes goes on when `go` says so.
async fn open(
    client: &Client,
    registry: &str,
    go: &tokio::sync::watch::Receiver<bool>,
) -> (Streams, mpsc::UnboundedReceiver<&'static str>) {
    let (begun, has_begun) = mpsc::unbounded_channel();
    let mut streams = Streams {
        tasks: Vec::new(),
        begun,
        connections: 0,
    };
    let script = format!(
        "{} > /large; echo up; exec sleep 1000",
        numbered::script(LARGE)
    );
    let mut ids = Vec::new();
    // The last three are for archives, which keep a container from everything else.
    for tty in [false, true, false, false, false] {
        let run = client
            .run("alpine", ["sh", "-c", &script])
            .tty(tty)
            .keep(true);
        let run = run.start().await.unwrap();
        run.wait_until(Until::log("up")).send().await.unwrap();
        ids.push(run.detach());
    }
    client
        .images()
        .commit()
        .container(&ids[0])
        .repo("large")
        .send()
        .await
        .unwrap();
    let tag = client
        .images()
        .tag("alpine")
        .repo(format!("{registry}/stalled"))
        .tag("1");
    tag.send().await.unwrap();

    for (id, [logs, attach, raw, exec]) in ids.iter().zip([
        ["logs", "attach", "attach, unframed", "exec"],
        [
            "logs of a terminal",
            "attach to a terminal",
            "terminal, raw",
            "exec with a terminal",
        ],
    ]) {
        let tty = logs != "logs";
        let (c, i) = (client.clone(), id.clone());
        streams.add(logs, 1, |begun| async move {
            let logs = c
                .containers()
                .logs(&i)
                .stdout(true)
                .stderr(true)
                .follow(true);
            read_logs(logs.send().await?, begun).await
        });
        let (c, i) = (client.clone(), id.clone());
        streams.add(attach, 1, |begun| async move {
            let attach = c
                .containers()
                .attach(&i)
                .stream(true)
                .logs(true)
                .stdout(true);
            read_logs(attach.send().await?.into_logs().0, begun).await
        });
        let (c, i) = (client.clone(), id.clone());
        streams.add(raw, 1, |begun| async move {
            let attach = c
                .containers()
                .attach(&i)
                .stream(true)
                .logs(true)
                .stdout(true);
            let mut io = attach.send().await?;
            begun.now();
            let read = io.read_to_end(&mut Vec::new()).await;
            read.map(drop).map_err(|error| {
                let inside = error.into_inner().expect("an error of ours");
                *inside.downcast::<Error>().expect("an error of ours")
            })
        });
        let (c, i) = (client.clone(), id.clone());
        streams.add(exec, 1, |begun| async move {
            let exec = c.exec_run(&i, ["sh", "-c", "echo up; sleep 1000"]).tty(tty);
            let (output, _input, _) = exec.start().await?.split();
            read_logs(output, begun).await
        });
    }
    let (service, task) = services::talking(client).await;
    let c = client.clone();
    streams.add("logs of a service", 1, |begun| async move {
        let logs = c.services().logs(&service).stdout(true).follow(true);
        read_logs(logs.send().await?, begun).await
    });
    let c = client.clone();
    streams.add("logs of a task", 1, |begun| async move {
        let logs = c.tasks().logs(&task).stdout(true).follow(true);
        read_logs(logs.send().await?, begun).await
    });
    let id = ids[0].clone();

    let (c, i) = (client.clone(), id.clone());
    streams.add("exec to its end", 1, |begun| async move {
        begun.now();
        c.exec_run(&i, ["sleep", "1000"]).send().await.map(drop)
    });
    let c = client.clone();
    streams.add("run to its end", 2, |begun| async move {
        begun.now();
        c.run("alpine", ["sleep", "1000"]).send().await.map(drop)
    });
    let c = client.clone();
    streams.add("events", 1, |begun| async move {
        read_documents!(c.system().events().since("1").send().await?, begun)
    });
    let (c, i) = (client.clone(), id.clone());
    streams.add("stats", 1, |begun| async move {
        read_documents!(c.containers().stats(&i).stream(true).send().await?, begun)
    });
    let (c, i) = (client.clone(), id.clone());
    streams.add("usage", 1, |begun| async move {
        read_documents!(c.usage(&i).stream().await?, begun)
    });
    for condition in [WaitCondition::NotRunning, WaitCondition::Removed] {
        let (c, i) = (client.clone(), id.clone());
        streams.add("wait", 1, |begun| async move {
            let mut waiting = c.wait(&i).condition(condition).begin().await?;
            begun.now();
            waiting.exit_code().await.map(drop)
        });
    }
    let (c, i) = (client.clone(), id.clone());
    streams.add("wait for a line", 1, |begun| async move {
        begun.now();
        c.wait_until(&i, Until::log("never")).send().await
    });
    let (c, i, g) = (client.clone(), ids[2].clone(), go.clone());
    streams.add("export", 1, |begun| async move {
        read_bytes(c.containers().export(&i).send().await?, begun, g).await
    });
    let (c, i, g) = (client.clone(), ids[3].clone(), go.clone());
    streams.add("copy out", 1, |begun| async move {
        read_bytes(c.containers().archive(&i, "/large").send().await?, begun, g).await
    });
    let (c, g) = (client.clone(), go.clone());
    streams.add("save", 1, |begun| async move {
        read_bytes(c.images().save("large").send().await?, begun, g).await
    });
    let (c, i) = (client.clone(), ids[4].clone());
    streams.add("copy in", 1, |begun| async move {
        begun.now();
        let body = Body::reader(Stalled(beginning()));
        c.containers().put_archive(&i, "/tmp", body).send().await
    });
    let c = client.clone();
    streams.add("load", 1, |begun| async move {
        begun.now();
        let body = Body::reader(Stalled(beginning()));
        c.images().load(body).send().await?.finish().await
    });
    let c = client.clone();
    streams.add("import", 1, |begun| async move {
        begun.now();
        let body = Body::reader(Stalled(beginning()));
        c.images()
            .create()
            .from_src("-")
            .body(body)
            .send()
            .await?
            .finish()
            .await
    });
    let c = client.clone();
    streams.add("build", 1, |begun| async move {
        let folder = tempfile::tempdir().expect("a folder");
        let dockerfile = "FROM alpine\nRUN sleep 1000\n";
        fs::write(folder.path().join("Dockerfile"), dockerfile).expect("a file");
        let mut building = c.build(folder.path()).no_cache(true).stream().await?;
        building.try_next().await?;
        begun.now();
        while building.try_next().await?.is_some() {}
        Ok(())
    });
    let (c, image) = (client.clone(), format!("{registry}/stalled:1"));
    streams.add("pull", 1, |begun| async move {
        read_documents!(c.pull(image).stream().await?, begun)
    });
    let (c, image) = (client.clone(), format!("{registry}/stalled"));
    streams.add("push", 1, |begun| async move {
        let push = c
            .images()
            .push(&image)
            .registry_auth(types::AuthConfig::default())
            .tag("1");
        read_documents!(push.send().await?, begun)
    });
    (streams, has_begun)
}

/// Waits until all of them have begun, and finds them all under way.
async fn all_begun(streams: &Streams, mut has_begun: mpsc::UnboundedReceiver<&'static str>) {
    let mut missing: Vec<_> = streams.tasks.iter().map(|(name, _)| *name).collect();
    while !missing.is_empty() {
        let begun = timeout(Duration::from_secs(60), has_begun.recv()).await;
        let begun = begun.unwrap_or_else(|_| panic!("these have not begun: {missing:?}"));
        let begun = begun.expect("they tell");
        let at = missing.iter().position(|name| *name == begun);
        missing.swap_remove(at.expect("a known name"));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (name, task) in &streams.tasks {
        assert!(!task.is_finished(), "{name} has ended by itself");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_killed_ends_every_stream_with_an_error_at_once() {
    let engine = engines::start(Engine::builder());
    let client = Client::connect(engine.host()).unwrap();
    let registry = registry::start(engine.pid().unwrap()).to_string();
    let (tell, go) = tokio::sync::watch::channel(false);
    let (streams, has_begun) = open(&client, &registry, &go).await;
    all_begun(&streams, has_begun).await;

    engine.kill().unwrap();
    let killed = Instant::now();
    tell.send_replace(true);
    let mut wrong = Vec::new();
    for (name, task) in streams.tasks {
        match timeout(Duration::from_secs(20), task).await {
            Err(_) => wrong.push(format!("{name}: goes on")),
            Ok(Err(panic)) => wrong.push(format!("{name}: {panic}")),
            Ok(Ok(Ok(()))) => wrong.push(format!("{name}: ends as if all were well")),
            Ok(Ok(Err(error))) => {
                println!("{name}, {:?}: {error}", killed.elapsed());
                let kinds = [
                    ErrorKind::Interrupted,
                    ErrorKind::Connect,
                    ErrorKind::Truncated,
                ];
                if !kinds.contains(&error.kind()) {
                    wrong.push(format!("{name}: {error:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Busy as the machine may be.
    assert!(
        killed.elapsed() < Duration::from_secs(5),
        "{:?}",
        killed.elapsed()
    );
    // When it is back, so are we.
    engine.restart().unwrap();
    client.system().ping().send().await.unwrap();
    drop(client);
    engine.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_in_the_middle_frees_its_connection() {
    let engine = engines::start(Engine::builder());
    let client = Client::connect(engine.host()).unwrap();
    let host = engine.host().to_owned();
    let registry = registry::start(engine.pid().unwrap()).to_string();
    let (_tell, go) = tokio::sync::watch::channel(false);
    let (streams, has_begun) = open(&client, &registry, &go).await;
    all_begun(&streams, has_begun).await;

    let before = connections(&host).held;
    assert!(
        before >= streams.connections,
        "{before} of {}",
        streams.connections
    );
    let rest = before - streams.connections;
    for (_, task) in streams.tasks {
        task.abort();
    }
    // Those that stay are idle: the client is still there.
    let mut last = connections(&host);
    engines::eventually("the connections are closed", async || {
        last = connections(&host);
        // What is attached to a program the daemon itself lets go of when the program next says something.
        last.held <= rest && last.open <= rest + ATTACHED
    })
    .await;
    println!(
        "{before} connections, and {last:?} when {} were dropped",
        streams.connections
    );
    client.system().ping().send().await.unwrap();
    drop(client);
    engine.stop().unwrap();
}

/// How many connections a daemon has.
#[derive(Clone, Copy, Debug)]
struct Connections {
    /// Those whose other end is open too.
    held: usize,
    open: usize,
}

/// The daemon's ends of its connections, which bear the name of its socket, as the kernel counts them.
fn connections(host: &str) -> Connections {
    let socket = host.strip_prefix("unix://").expect("a socket");
    // They belong to the network of whoever connected.
    let table = fs::read_to_string("/proc/self/net/unix").expect("a table");
    let mut found = Connections { held: 0, open: 0 };
    for line in table.lines() {
        let columns: Vec<_> = line.split_whitespace().collect();
        // The sixth is the state, the eighth the name.
        if columns.get(5) == Some(&"03") && columns.get(7) == Some(&socket) {
            found.open += 1;
            // The second counts those who refer to it: itself twice, and the other end.
            let references = u32::from_str_radix(columns[1], 16).expect("a number");
            found.held += usize::from(references > 2);
        }
    }
    found
}
