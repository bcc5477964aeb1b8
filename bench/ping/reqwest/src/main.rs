//! `row N` pings a daemon N times over one connection, and prints the nanoseconds that each took; `crowd N` does it N
//! times at once, and prints the most memory that this took, in kB.

use std::env;
use std::error::Error;
use std::time::Instant;

use reqwest::Client;
use reqwest::redirect::Policy;
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
    let client = client()?;
    ping(&client).await?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let answer = ping(&client).await?;
        times.push(start.elapsed().as_nanos());
        assert_eq!(answer, "OK");
    }
    let times: Vec<_> = times.iter().map(u128::to_string).collect();
    println!("{}", times.join(" "));
    Ok(())
}

async fn crowd(count: usize) -> Result<(), Failure> {
    let client = client()?;
    let mut crowd = JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        crowd.spawn(async move { ping(&client).await });
    }
    while let Some(answer) = crowd.join_next().await {
        assert_eq!(answer??, "OK");
    }
    println!("{}", peak()?);
    Ok(())
}

fn client() -> Result<Client, Failure> {
    let host = env::var("DOCKER_HOST")?;
    let path = host
        .strip_prefix("unix://")
        .ok_or_else(|| format!("{host} is not a unix socket"))?;
    let client = Client::builder()
        .unix_socket(path)
        .http1_only()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy();
    Ok(client.build()?)
}

async fn ping(client: &Client) -> Result<String, Failure> {
    let response = client.get("http://localhost/v1.41/_ping").send().await?;
    Ok(response.error_for_status()?.text().await?)
}

fn peak() -> Result<String, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    Ok(peak.ok_or("no peak of memory")?.trim().to_owned())
}
