//! `docker cp`: into a container or out of one, where `CONTAINER:PATH` is the path in a container.

use docker_api_gen::v1_41 as docker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &arguments[..] else {
        return Err("usage: cp FROM TO, one of which is CONTAINER:PATH".into());
    };
    let client = docker::Client::from_env()?;
    let copied = match (from.split_once(':'), to.split_once(':')) {
        (None, Some((container, to))) => client.copy_in(from, container, to).send().await?,
        (Some((container, from)), None) => client.copy_out(container, from, to).send().await?,
        _ => return Err("one of the two is CONTAINER:PATH, and the other is not".into()),
    };
    println!("{} files, {} bytes", copied.files, copied.bytes);
    for path in copied.skipped {
        println!("left out: {}", path.display());
    }
    Ok(())
}
