//! `N` creates containers in two ways, in turn, N times each, and prints the nanoseconds that each creation took:
//! first those where all that is said is compared with what the version has, then those where nothing is.

use std::error::Error;
use std::time::Instant;

use docker_api_gen::negotiated::Client;
use docker_api_gen::negotiated::types::ContainerCreateRequest;
use docker_api_gen::{ApiVersion, Connection, Unsupported};

/// A version that has all that is said, and not all that can be said.
const VERSION: &str = "1.41";

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let count = std::env::args().nth(1).unwrap_or_default().parse()?;
    runtime.block_on(create(count))
}

async fn create(count: usize) -> Result<(), Box<dyn Error>> {
    let version: ApiVersion = VERSION.parse()?;
    let checked = Client::speaking(Connection::from_env()?, version)?;
    let unchecked = checked.clone().with_unsupported(Unsupported::Send);
    let clients = [&checked, &unchecked];
    let body: ContainerCreateRequest = serde_json::from_str(include_str!("body.json"))?;
    let mut times = [const { Vec::new() }; 2];
    for round in 0..=count {
        // Each way is as often the first one, as a daemon is not the same after every creation.
        for turn in 0..clients.len() {
            let way = (round + turn) % clients.len();
            let (client, times) = (clients[way], &mut times[way]);
            let body = body.clone();
            let start = Instant::now();
            let created = client.containers().create(body).send().await?;
            // The first ones connect.
            if round > 0 {
                times.push(start.elapsed().as_nanos());
            }
            let id = created.id.as_str();
            client.containers().delete(id).force(true).send().await?;
        }
    }
    for times in times {
        let times: Vec<_> = times.iter().map(u128::to_string).collect();
        println!("{}", times.join(" "));
    }
    Ok(())
}
