//! Typed, async clients for the Docker Engine API, one per API version.
