//! `docker stats CONTAINER`, one line a second.

use docker_api_gen::v1_41 as docker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(container) = std::env::args().nth(1) else {
        return Err("usage: stats CONTAINER".into());
    };
    let client = docker::Client::from_env()?;
    let mut samples = client.usage(container).stream().await?;

    println!(
        "NAME             CPU %   MEM MiB   LIMIT MiB   MEM %     NET I/O kB   BLOCK I/O kB   PIDS"
    );
    while let Some(usage) = samples.try_next().await? {
        let cpu = match usage.cpu_percent {
            Some(percent) => format!("{percent:.2}"),
            None => "--".to_owned(),
        };
        println!(
            "{:<16} {cpu:>5} {:>9.1} {:>11.1} {:>7.2} {:>14} {:>14} {:>6}",
            usage.name,
            usage.memory as f64 / 1_048_576.0,
            usage.memory_limit as f64 / 1_048_576.0,
            usage.memory_percent(),
            format!(
                "{} / {}",
                usage.network_received / 1000,
                usage.network_sent / 1000
            ),
            format!(
                "{} / {}",
                usage.block_read / 1000,
                usage.block_written / 1000
            ),
            usage.pids,
        );
    }
    Ok(())
}
