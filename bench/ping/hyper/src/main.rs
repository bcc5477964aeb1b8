//! `row N` pings a daemon N times over one connection, and prints the nanoseconds that each took; `crowd N` does it N
//! times at once, and prints the most memory that this took, in kB.

use std::env;
use std::error::Error;
use std::time::Instant;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut arguments = env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let count: usize = arguments.next().unwrap_or_default().parse()?;
    match what.as_str() {
        "row" => runtime.block_on(row(count)),
        "crowd" => runtime.block_on(crowd(count)),
        _ => Err("what is wanted, a row or a crowd?".into()),
    }
}

async fn row(count: usize) -> Result<(), Failure> {
    let mut sender = connect().await?;
    ping(&mut sender).await?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let answer = ping(&mut sender).await?;
        times.push(start.elapsed().as_nanos());
        assert_eq!(answer, "OK");
    }
    let times: Vec<_> = times.iter().map(u128::to_string).collect();
    println!("{}", times.join(" "));
    Ok(())
}

async fn crowd(count: usize) -> Result<(), Failure> {
    let mut crowd = JoinSet::new();
    for _ in 0..count {
        crowd.spawn(async move {
            let mut sender = connect().await?;
            let answer = ping(&mut sender).await?;
            Ok::<_, Failure>((answer, sender))
        });
    }
    // Connections are kept for those who come after.
    let mut senders = Vec::new();
    while let Some(answer) = crowd.join_next().await {
        let (answer, sender) = answer??;
        assert_eq!(answer, "OK");
        senders.push(sender);
    }
    println!("{}", peak()?);
    Ok(())
}

async fn connect() -> Result<SendRequest<Empty<Bytes>>, Failure> {
    let host = env::var("DOCKER_HOST")?;
    let path = host
        .strip_prefix("unix://")
        .ok_or_else(|| format!("{host} is not a unix socket"))?;
    let stream = UnixStream::connect(path).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn ping(sender: &mut SendRequest<Empty<Bytes>>) -> Result<String, Failure> {
    sender.ready().await?;
    let request = Request::get("/v1.41/_ping")
        .header("host", "localhost")
        .header("accept", "*/*")
        .header("user-agent", "ping")
        .body(Empty::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        return Err(status.to_string().into());
    }
    Ok(String::from_utf8(body.into())?)
}

fn peak() -> Result<String, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    Ok(peak.ok_or("no peak of memory")?.trim().to_owned())
}
