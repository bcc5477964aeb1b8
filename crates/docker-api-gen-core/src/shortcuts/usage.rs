//! What containers use.

use serde::de::MapAccess;

use super::Kit;
use crate::error::{Error, ErrorKind};
use crate::json::Json;
use crate::json_lines::JsonLines;
use crate::timestamp::Timestamp;
use crate::wire::{FieldValue, Read, ReadFields};

/// A request for what a container uses.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked until this is sent"]
pub struct Usage {
    kit: Kit,
    container: String,
}

/// What a container used at one moment, in the numbers that `docker stats` shows. Of a container that does not run, all
/// are 0.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ResourceUsage {
    /// The container's name, without the slash.
    pub name: String,
    /// When it was measured.
    pub read: Timestamp,
    /// How much of one processor it used since the measurement before, in percent: 200 for two processors. `None` where
    /// there was none before, as for the first of a [stream](Usage::stream).
    pub cpu_percent: Option<f64>,
    /// Bytes of memory, without those of files that could be read again.
    pub memory: u64,
    /// Bytes of memory that it may use.
    pub memory_limit: u64,
    /// Bytes received over all networks.
    pub network_received: u64,
    /// Bytes sent over all networks.
    pub network_sent: u64,
    /// Bytes read from block devices.
    pub block_read: u64,
    /// Bytes written to block devices.
    pub block_written: u64,
    /// Processes and threads.
    pub pids: u64,
}

impl ResourceUsage {
    /// Memory used, as part of what may be used, in percent.
    pub fn memory_percent(&self) -> f64 {
        if self.memory_limit == 0 {
            0.0
        } else {
            self.memory as f64 / self.memory_limit as f64 * 100.0
        }
    }
}

impl Usage {
    #[doc(hidden)]
    pub fn new(kit: Kit, container: String) -> Self {
        Self { kit, container }
    }

    /// What it uses now. The daemon measures twice for that, which takes a second or two.
    pub async fn send(self) -> Result<ResourceUsage, Error> {
        let (kit, container) = (self.kit.clone(), self.container.clone());
        match self.samples(false).await?.try_next().await? {
            Some(usage) => Ok(usage),
            None => Err(kit.error(
                kit.operations.container_stats,
                Some(&container),
                ErrorKind::Truncated,
                "the daemon ended its answer without an answer",
            )),
        }
    }

    /// What it uses, every second until the container is removed.
    pub async fn stream(self) -> Result<JsonLines<ResourceUsage>, Error> {
        self.samples(true).await
    }

    async fn samples(self, stream: bool) -> Result<JsonLines<ResourceUsage>, Error> {
        let mut call = self
            .kit
            .container(self.kit.operations.container_stats, &self.container);
        call.query("stream", &stream);
        call.json_lines().await
    }
}

crate::readable!(Sample);

/// A measurement as the daemon sends it. Its shape is not the same for all systems, so it is looked through by name.
#[derive(Debug, Default)]
struct Sample {
    name: String,
    read: Timestamp,
    preread: Timestamp,
    cpu: Json,
    before: Json,
    memory: Json,
    networks: Json,
    blocks: Json,
    storage: Json,
    pids: Json,
    num_procs: u64,
}

impl ReadFields for Sample {
    fn read_field<'de, M: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: FieldValue<'_, M>,
    ) -> Result<(), M::Error> {
        match name {
            "name" => value.read(&mut self.name),
            "read" => value.read(&mut self.read),
            "preread" => value.read(&mut self.preread),
            "cpu_stats" => value.read(&mut self.cpu),
            "precpu_stats" => value.read(&mut self.before),
            "memory_stats" => value.read(&mut self.memory),
            "networks" => value.read(&mut self.networks),
            "blkio_stats" => value.read(&mut self.blocks),
            "storage_stats" => value.read(&mut self.storage),
            "pids_stats" => value.read(&mut self.pids),
            "num_procs" => value.read(&mut self.num_procs),
            _ => value.skip(),
        }
    }
}

impl Read for ResourceUsage {
    fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Sample::read(from).map(|sample| sample.usage())
    }
}

impl Sample {
    fn usage(&self) -> ResourceUsage {
        let each_network = |name: &str| {
            let networks = self.networks.as_object().into_iter().flatten();
            networks.map(|(_, network)| number(network, &[name])).sum()
        };
        let is_windows = self.num_procs > 0;
        let (cpu_percent, memory, block_read, block_written) = if is_windows {
            (
                self.cpu_percent_windows(),
                number(&self.memory, &["privateworkingset"]),
                number(&self.storage, &["read_size_bytes"]),
                number(&self.storage, &["write_size_bytes"]),
            )
        } else {
            (
                self.cpu_percent(),
                self.memory_without_cache(),
                self.blocks("read"),
                self.blocks("write"),
            )
        };
        ResourceUsage {
            name: self.name.strip_prefix('/').unwrap_or(&self.name).to_owned(),
            read: self.read.clone(),
            cpu_percent,
            memory,
            memory_limit: number(&self.memory, &["limit"]),
            network_received: each_network("rx_bytes"),
            network_sent: each_network("tx_bytes"),
            block_read,
            block_written,
            pids: number(&self.pids, &["current"]),
        }
    }

    /// The container's share in what the whole machine did since the measurement before.
    fn cpu_percent(&self) -> Option<f64> {
        const TOTAL: [&str; 2] = ["cpu_usage", "total_usage"];
        const SYSTEM: [&str; 1] = ["system_cpu_usage"];
        if number(&self.before, &SYSTEM) == 0 {
            return None;
        }
        let since =
            |path: &[&str]| number(&self.cpu, path) as f64 - number(&self.before, path) as f64;
        let (own, all) = (since(&TOTAL), since(&SYSTEM));
        // Old daemons do not say how many processors there are, but list them.
        let processors = match number(&self.cpu, &["online_cpus"]) {
            0 => at(&self.cpu, &["cpu_usage", "percpu_usage"])
                .and_then(Json::as_list)
                .map_or(0, <[Json]>::len) as u64,
            online => online,
        };
        Some(if own > 0.0 && all > 0.0 {
            own / all * processors as f64 * 100.0
        } else {
            0.0
        })
    }

    /// Windows counts in steps of 100 ns, and the time that passed is the measure.
    fn cpu_percent_windows(&self) -> Option<f64> {
        let nanos = |time: &Timestamp| {
            Some(time.unix_seconds()? as f64 * 1e9 + f64::from(time.subsec_nanos()))
        };
        if self.preread.is_unset() {
            return None;
        }
        let possible = (nanos(&self.read)? - nanos(&self.preread)?) / 100.0 * self.num_procs as f64;
        let total = |cpu: &Json| number(cpu, &["cpu_usage", "total_usage"]) as f64;
        let used = total(&self.cpu) - total(&self.before);
        Some(if possible > 0.0 {
            used / possible * 100.0
        } else {
            0.0
        })
    }

    /// Files that were not used lately are kept in memory as long as nobody needs it.
    fn memory_without_cache(&self) -> u64 {
        let usage = number(&self.memory, &["usage"]);
        // As the first version of control groups calls it, and the second.
        ["total_inactive_file", "inactive_file"]
            .iter()
            .find_map(|name| {
                let inactive = at(&self.memory, &["stats", name])?.as_u64()?;
                (inactive < usage).then(|| usage - inactive)
            })
            .unwrap_or(usage)
    }

    fn blocks(&self, what: &str) -> u64 {
        let entries = at(&self.blocks, &["io_service_bytes_recursive"]).and_then(Json::as_list);
        entries
            .into_iter()
            .flatten()
            .filter(|entry| {
                entry
                    .get("op")
                    .and_then(Json::as_str)
                    .is_some_and(|op| op.eq_ignore_ascii_case(what))
            })
            .map(|entry| number(entry, &["value"]))
            .sum()
    }
}

fn at<'j>(json: &'j Json, path: &[&str]) -> Option<&'j Json> {
    path.iter().try_fold(json, |json, name| json.get(name))
}

fn number(json: &Json, path: &[&str]) -> u64 {
    at(json, path).and_then(Json::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &str) -> ResourceUsage {
        ResourceUsage::read(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }

    #[test]
    fn numbers_are_those_of_docker_stats() {
        let usage = usage(
            r#"{"name":"/web","read":"2024-05-01T10:00:01Z","preread":"2024-05-01T10:00:00Z","num_procs":0,
            "cpu_stats":{"cpu_usage":{"total_usage":1500},"system_cpu_usage":12000,"online_cpus":4},
            "precpu_stats":{"cpu_usage":{"total_usage":1000},"system_cpu_usage":10000},
            "memory_stats":{"usage":5000,"limit":20000,"stats":{"inactive_file":1000}},
            "networks":{"eth0":{"rx_bytes":1,"tx_bytes":2},"eth1":{"rx_bytes":10,"tx_bytes":20}},
            "blkio_stats":{"io_service_bytes_recursive":[{"op":"Read","value":7},{"op":"write","value":8},{"op":"Total","value":15}]},
            "pids_stats":{"current":3},"storage_stats":{}}"#,
        );
        // A quarter of what four processors did.
        assert_eq!(usage.cpu_percent, Some(100.0));
        assert_eq!((usage.memory, usage.memory_limit), (4000, 20000));
        assert_eq!(usage.memory_percent(), 20.0);
        assert_eq!((usage.network_received, usage.network_sent), (11, 22));
        assert_eq!((usage.block_read, usage.block_written), (7, 8));
        assert_eq!((usage.name.as_str(), usage.pids), ("web", 3));
    }

    #[test]
    fn what_old_daemons_and_the_first_measurement_lack_is_made_up_for() {
        let old = r#"{"cpu_stats":{"cpu_usage":{"total_usage":300,"percpu_usage":[1,2]},"system_cpu_usage":2000},
            "precpu_stats":{"cpu_usage":{"total_usage":100},"system_cpu_usage":1000},
            "memory_stats":{"usage":5000,"stats":{"total_inactive_file":4000,"inactive_file":1}}}"#;
        assert_eq!(usage(old).cpu_percent, Some(40.0));
        assert_eq!(usage(old).memory, 1000);
        assert_eq!(usage(&old.replace("2000", "1000")).cpu_percent, Some(0.0));
        assert_eq!(
            usage(&old.replace("\"system_cpu_usage\":1000", "\"x\":0")).cpu_percent,
            None
        );
        // A container that does not run.
        assert_eq!(
            usage(r#"{"memory_stats":{},"networks":null}"#),
            ResourceUsage::default()
        );
    }

    #[test]
    fn windows_counts_in_its_own_way() {
        let text = r#"{"read":"2024-05-01T10:00:01Z","preread":"2024-05-01T10:00:00Z","num_procs":2,
            "cpu_stats":{"cpu_usage":{"total_usage":10000000}},"precpu_stats":{"cpu_usage":{"total_usage":0}},
            "memory_stats":{"privateworkingset":9},"storage_stats":{"read_size_bytes":1,"write_size_bytes":2}}"#;
        let usage = usage(text);
        assert_eq!(usage.cpu_percent, Some(50.0));
        assert_eq!(
            (usage.memory, usage.block_read, usage.block_written),
            (9, 1, 2)
        );
    }
}
