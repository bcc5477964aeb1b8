//! `row N` pings a daemon N times over one connection, and prints the nanoseconds that each took; `crowd N` does it N
//! times at once, and prints the most memory that this took, in kB.

use std::error::Error;
use std::time::Instant;

use docker_api_gen::Connection;
use docker_api_gen::v1_41::Client;
use tokio::task::JoinSet;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let count: usize = arguments.next().unwrap_or_default().parse()?;
    match what.as_str() {
        "row" => runtime.block_on(row(count)),
        "crowd" => runtime.block_on(crowd(count)),
        _ => Err("what is wanted, a row or a crowd?".into()),
    }
}

async fn row(count: usize) -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    client.system().ping().send().await?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let answer = client.system().ping().send().await?;
        times.push(start.elapsed().as_nanos());
        assert_eq!(answer, "OK");
    }
    let times: Vec<_> = times.iter().map(u128::to_string).collect();
    println!("{}", times.join(" "));
    Ok(())
}

async fn crowd(count: usize) -> Result<(), Box<dyn Error>> {
    // As many requests as the peer makes, and no more.
    let client = Client::lazy(Connection::from_env()?);
    let mut crowd = JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        crowd.spawn(async move { client.system().ping().send().await });
    }
    while let Some(answer) = crowd.join_next().await {
        assert_eq!(answer??, "OK");
    }
    println!("{}", peak()?);
    Ok(())
}

fn peak() -> Result<String, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    Ok(peak.ok_or("no peak of memory")?.trim().to_owned())
}
