//! Filters by their names, one type for each kind of list.
//!
//! The daemon refuses a filter that a list does not have, at run time and each daemon in its own words. These have what
//! their lists have, and `raw` for what is newer than this.

use std::fmt;

use super::Filters;

// Where filters are given, these can be: one, an array, a `Vec`.
macro_rules! filters {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            $( $(#[$filter_doc:meta])* $filter:ident($($argument:ident: $kind:ident),*) => $wire:literal, )*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            name: String,
            value: String,
        }

        impl $name {
            /// A filter by its name in the API, with its value as text.
            pub fn raw(name: impl Into<String>, value: impl Into<String>) -> Self {
                Self { name: name.into(), value: value.into() }
            }

            $(
                $(#[$filter_doc])*
                pub fn $filter($($argument: filters!(@type $kind)),*) -> Self {
                    Self::raw($wire, filters!(@value $($argument: $kind),*))
                }
            )*
        }

        impl From<$name> for Filters {
            fn from(filter: $name) -> Self {
                Filters::new().with(filter.name, filter.value)
            }
        }

        impl FromIterator<$name> for Filters {
            fn from_iter<I: IntoIterator<Item = $name>>(filters: I) -> Self {
                filters.into_iter().map(|filter| (filter.name, filter.value)).collect()
            }
        }

        impl<const LENGTH: usize> From<[$name; LENGTH]> for Filters {
            fn from(filters: [$name; LENGTH]) -> Self {
                filters.into_iter().collect()
            }
        }

        impl From<Vec<$name>> for Filters {
            fn from(filters: Vec<$name>) -> Self {
                filters.into_iter().collect()
            }
        }
    )*};
    (@type text) => { impl Into<String> };
    (@type yes) => { bool };
    (@type number) => { i64 };
    (@type $choice:ident) => { $choice };
    (@value $argument:ident: text) => { $argument };
    (@value $argument:ident: $other:ident) => { $argument.to_string() };
    // A label and what it says.
    (@value $name:ident: text, $value:ident: text) => { format!("{}={}", $name.into(), $value.into()) };
}

macro_rules! choices {
    ($(
        $(#[$doc:meta])*
        $name:ident { $( $(#[$choice_doc:meta])* $choice:ident => $wire:literal, )* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$choice_doc])* $choice, )*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $( Self::$choice => $wire, )* })
            }
        }
    )*};
}

choices! {
    /// What a container is doing.
    ContainerStatus {
        /// It was made, and never started.
        Created => "created",
        /// It has ended and is about to be started again.
        Restarting => "restarting",
        /// It runs.
        Running => "running",
        /// It is being removed.
        Removing => "removing",
        /// It runs, and is held.
        Paused => "paused",
        /// It has ended.
        Exited => "exited",
        /// It could not be removed.
        Dead => "dead",
    }

    /// What the health check of a container says.
    Health {
        /// Nothing yet.
        Starting => "starting",
        /// It works.
        Healthy => "healthy",
        /// It does not.
        Unhealthy => "unhealthy",
        /// There is no check.
        None => "none",
    }

    /// How far a network or volume reaches.
    Scope {
        /// One machine.
        Local => "local",
        /// All machines that share a store.
        Global => "global",
        /// The machines of a swarm.
        Swarm => "swarm",
    }

    /// Who made a network.
    NetworkType {
        /// A user.
        Custom => "custom",
        /// The daemon itself.
        Builtin => "builtin",
    }

    /// What happened to something.
    EventType {
        /// The builder.
        Builder => "builder",
        /// A config of a swarm.
        Config => "config",
        /// A container.
        Container => "container",
        /// The daemon itself.
        Daemon => "daemon",
        /// An image.
        Image => "image",
        /// A network.
        Network => "network",
        /// A node of a swarm.
        Node => "node",
        /// A plugin.
        Plugin => "plugin",
        /// A secret of a swarm.
        Secret => "secret",
        /// A service of a swarm.
        Service => "service",
        /// A volume.
        Volume => "volume",
    }

    /// What a node is in its swarm.
    NodeRole {
        /// One of those that decide.
        Manager => "manager",
        /// One that only works.
        Worker => "worker",
    }

    /// Whether a node belongs to its swarm.
    Membership {
        /// It does.
        Accepted => "accepted",
        /// It has asked to.
        Pending => "pending",
    }

    /// How a service is spread.
    ServiceMode {
        /// So many tasks.
        Replicated => "replicated",
        /// One task on each node.
        Global => "global",
        /// So many tasks, each until it has ended.
        ReplicatedJob => "replicated-job",
        /// One task on each node, each until it has ended.
        GlobalJob => "global-job",
    }

    /// What a task is meant to do.
    DesiredState {
        /// To run.
        Running => "running",
        /// To end.
        Shutdown => "shutdown",
        /// To be accepted by its node.
        Accepted => "accepted",
    }
}

filters! {
    /// What a list of containers is narrowed down by.
    ///
    /// ```
    /// use docker_api_gen_core::filters::{ContainerFilter, ContainerStatus, Filters};
    ///
    /// let filters = Filters::from([
    ///     ContainerFilter::label("app", "web"),
    ///     ContainerFilter::status(ContainerStatus::Running),
    /// ]);
    /// assert_eq!(filters.values("label"), ["app=web"]);
    /// ```
    ContainerFilter {
        /// Made from this image, or from one that is made from it.
        ancestor(image: text) => "ancestor",
        /// Made before this container.
        before(container: text) => "before",
        /// Ended with this exit code.
        exited(code: number) => "exited",
        /// Exposes this port: `80`, `80/udp`, `8000-8080/tcp`.
        expose(port: text) => "expose",
        /// The health check says this.
        health(health: Health) => "health",
        /// The id, or part of it.
        id(id: text) => "id",
        /// Isolated in this way, on Windows.
        isolation(isolation: text) => "isolation",
        /// Whether it belongs to a service.
        is_task(is: yes) => "is-task",
        /// Has this label with this value.
        label(name: text, value: text) => "label",
        /// Has this label, whatever it says.
        has_label(name: text) => "label",
        /// The name, or part of it.
        name(name: text) => "name",
        /// Is in this network.
        network(network: text) => "network",
        /// Publishes this port: `80`, `80/udp`, `8000-8080/tcp`.
        publish(port: text) => "publish",
        /// Made after this container.
        since(container: text) => "since",
        /// Is doing this.
        status(status: ContainerStatus) => "status",
        /// Has this volume, or has it mounted here.
        volume(volume: text) => "volume",
    }

    /// What a removal of things that are not used is narrowed down by: containers, networks, images, volumes.
    PruneFilter {
        /// Whether only images without a name are removed; otherwise all that no container uses.
        dangling(only: yes) => "dangling",
        /// Whether volumes that have a name are removed too.
        all(all: yes) => "all",
        /// Has this label with this value.
        label(name: text, value: text) => "label",
        /// Has this label, whatever it says.
        has_label(name: text) => "label",
        /// Does not have this label with this value.
        label_not(name: text, value: text) => "label!",
        /// Does not have this label at all.
        has_no_label(name: text) => "label!",
        /// Made before this moment: a timestamp, or how long ago: `24h`.
        until(time: text) => "until",
    }

    /// What a removal of the builder's cache is narrowed down by.
    BuildPruneFilter {
        /// What it is described as.
        description(text: text) => "description",
        /// The id.
        id(id: text) => "id",
        /// Whether it is in use.
        in_use(is: yes) => "inuse",
        /// The id of what it is based on.
        parent(id: text) => "parent",
        /// Whether nobody else shares it.
        private(is: yes) => "private",
        /// Whether others share it.
        shared(is: yes) => "shared",
        /// What sort of cache it is.
        kind(kind: text) => "type",
        /// Not used for this long: `24h`.
        unused_for(time: text) => "unused-for",
        /// Made before this moment: a timestamp, or how long ago: `24h`.
        until(time: text) => "until",
    }

    /// What a list of images is narrowed down by.
    ImageFilter {
        /// Made before this image.
        before(image: text) => "before",
        /// Whether it has no name.
        dangling(is: yes) => "dangling",
        /// Has this label with this value.
        label(name: text, value: text) => "label",
        /// Has this label, whatever it says.
        has_label(name: text) => "label",
        /// Its name fits this pattern: `alpine`, `*/web:1.*`.
        reference(pattern: text) => "reference",
        /// Made after this image.
        since(image: text) => "since",
        /// Made before this moment: a timestamp, or how long ago: `24h`.
        until(time: text) => "until",
    }

    /// What a search for images is narrowed down by.
    SearchFilter {
        /// Whether it is one of Docker's own.
        is_official(is: yes) => "is-official",
        /// Has at least so many stars.
        stars(count: number) => "stars",
    }

    /// What a list of networks is narrowed down by.
    NetworkFilter {
        /// Whether no container uses it.
        dangling(is: yes) => "dangling",
        /// Made by this driver.
        driver(driver: text) => "driver",
        /// The id, or part of it.
        id(id: text) => "id",
        /// Has this label with this value.
        label(name: text, value: text) => "label",
        /// Has this label, whatever it says.
        has_label(name: text) => "label",
        /// The name, or part of it.
        name(name: text) => "name",
        /// How far it reaches.
        scope(scope: Scope) => "scope",
        /// Who made it.
        kind(kind: NetworkType) => "type",
    }

    /// What a list of volumes is narrowed down by.
    VolumeFilter {
        /// Whether no container uses it.
        dangling(is: yes) => "dangling",
        /// Made by this driver.
        driver(driver: text) => "driver",
        /// Has this label with this value.
        label(name: text, value: text) => "label",
        /// Has this label, whatever it says.
        has_label(name: text) => "label",
        /// The name, or part of it.
        name(name: text) => "name",
    }

    /// What events are narrowed down by.
    EventFilter {
        /// About this config.
        config(config: text) => "config",
        /// About this container, by name or id.
        container(container: text) => "container",
        /// From this daemon, by name or id.
        daemon(daemon: text) => "daemon",
        /// Of this sort: `start`, `die`, `exec_create`.
        event(event: text) => "event",
        /// About this image or its containers.
        image(image: text) => "image",
        /// About something that has this label with this value.
        label(name: text, value: text) => "label",
        /// About something that has this label, whatever it says.
        has_label(name: text) => "label",
        /// About this network, by name or id.
        network(network: text) => "network",
        /// About this node.
        node(node: text) => "node",
        /// About this plugin, by name or id.
        plugin(plugin: text) => "plugin",
        /// That reach so far.
        scope(scope: Scope) => "scope",
        /// About this secret.
        secret(secret: text) => "secret",
        /// About this service.
        service(service: text) => "service",
        /// About things of this sort.
        kind(kind: EventType) => "type",
        /// About this volume.
        volume(volume: text) => "volume",
    }

    /// What a list of nodes is narrowed down by.
    NodeFilter {
        /// The id, or its beginning.
        id(id: text) => "id",
        /// Its daemon has this label with this value.
        label(name: text, value: text) => "label",
        /// Whether it belongs to the swarm.
        membership(membership: Membership) => "membership",
        /// The name.
        name(name: text) => "name",
        /// The swarm gave it this label with this value.
        node_label(name: text, value: text) => "node.label",
        /// What it is in the swarm.
        role(role: NodeRole) => "role",
    }

    /// What a list of services is narrowed down by.
    ServiceFilter {
        /// The id, or its beginning.
        id(id: text) => "id",
        /// Has this label with this value.
        label(name: text, value: text) => "label",
        /// Has this label, whatever it says.
        has_label(name: text) => "label",
        /// How it is spread.
        mode(mode: ServiceMode) => "mode",
        /// The name, or its beginning.
        name(name: text) => "name",
    }

    /// What a list of tasks is narrowed down by.
    TaskFilter {
        /// What it is meant to do.
        desired_state(state: DesiredState) => "desired-state",
        /// The id, or its beginning.
        id(id: text) => "id",
        /// Has this label with this value.
        label(name: text, value: text) => "label",
        /// Has this label, whatever it says.
        has_label(name: text) => "label",
        /// The name, or its beginning.
        name(name: text) => "name",
        /// Is on this node, by name or id.
        node(node: text) => "node",
        /// Belongs to this service, by name or id.
        service(service: text) => "service",
    }

    /// What a list of secrets is narrowed down by.
    SecretFilter {
        /// The id, or its beginning.
        id(id: text) => "id",
        /// Has this label with this value.
        label(name: text, value: text) => "label",
        /// Has this label, whatever it says.
        has_label(name: text) => "label",
        /// The name, or its beginning.
        name(name: text) => "name",
        /// The name as a whole.
        names(name: text) => "names",
    }

    /// What a list of configs is narrowed down by.
    ConfigFilter {
        /// The id, or its beginning.
        id(id: text) => "id",
        /// Has this label with this value.
        label(name: text, value: text) => "label",
        /// Has this label, whatever it says.
        has_label(name: text) => "label",
        /// The name, or its beginning.
        name(name: text) => "name",
        /// The name as a whole.
        names(name: text) => "names",
    }

    /// What a list of plugins is narrowed down by.
    PluginFilter {
        /// Can do this: `volumedriver`, `networkdriver`.
        capability(capability: text) => "capability",
        /// Whether it is enabled.
        enabled(is: yes) => "enable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(filters: impl Into<Filters>) -> String {
        serde_json::to_string(&filters.into()).unwrap()
    }

    #[test]
    fn are_the_same_on_the_wire_as_raw_ones() {
        assert_eq!(
            wire([
                ContainerFilter::label("app", "web"),
                ContainerFilter::has_label("tier"),
                ContainerFilter::status(ContainerStatus::Running),
                ContainerFilter::status(ContainerStatus::Paused),
                ContainerFilter::exited(-1),
                ContainerFilter::is_task(false),
                ContainerFilter::raw("new", "x"),
            ]),
            r#"{"exited":["-1"],"is-task":["false"],"label":["app=web","tier"],"new":["x"],"status":["running","paused"]}"#
        );
        assert_eq!(
            wire(EventFilter::kind(EventType::Image)),
            r#"{"type":["image"]}"#
        );
        assert_eq!(
            wire(vec![
                PruneFilter::label_not("keep", "yes"),
                PruneFilter::until("24h")
            ]),
            r#"{"label!":["keep=yes"],"until":["24h"]}"#
        );
    }
}
