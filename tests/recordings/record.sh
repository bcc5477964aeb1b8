#!/bin/sh
# Makes the recordings anew: tests/recordings/record.sh [ENGINE…], from private engines and a real docker command, which
# has to be on PATH. Takes some minutes for each engine.
set -eu
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
target=${CARGO_TARGET_DIR:-target}
trap 'rm -rf "$folder"' EXIT
cargo build --quiet --package docker-api-gen-traffic --bin record
cargo build --quiet --package docker-api-gen --features v1_41,archive --examples

# With the version that both sides have in common; a command with a version in its environment asks for that one.
record() {
    name=$1 host=$2
    "$target/debug/record" --listen "unix://$folder/socket" --upstream "$host" --out "$folder/$name.jsonl" &
    recorder=$!
    until [ -S "$folder/socket" ]; do sleep 0.1; done
    export DOCKER_HOST="unix://$folder/socket"
    tests/recordings/docker.sh || true
    [ -n "${DOCKER_API_VERSION:-}" ] || examples || true
    unset DOCKER_HOST
    kill "$recorder"
    wait "$recorder"
    keep "$folder/$name.jsonl" "$name"
}

# Without what tells of the machine and not of the engine.
keep() {
    sed -e "s/$(uname -r)/6.12.0/g" -e "s/\"$(hostname)\"/\"engine\"/g" "$1" | gzip -9n >"tests/recordings/$2.jsonl.gz"
    rm "$1"
}

# Our scenarios, in versions that an engine speaks.
scenarios() {
    engine=$1
    shift
    for version; do
        cargo xtask conformance --engine "$engine" --version "$version" --recordings "$folder" --dry
        name=$engine
        [ "$version" != 1.24 ] || name=$engine-as-$version
        keep "$folder/$engine-$version.jsonl" "scenarios-$name"
    done
}

examples() {
    example quickstart
    example run alpine:latest echo hello
    docker run --detach --name web alpine:latest sleep 600
    example exec web echo hello
    example cp web:/etc "$folder/etc"
    # It follows them.
    example logs web
    mkdir -p "$folder/context"
    printf 'FROM alpine:latest\nRUN true\n' >"$folder/context/Dockerfile"
    example build example:latest "$folder/context"
    docker rm --force web
    docker rmi example:latest
} >/dev/null 2>&1

example() {
    program=$1
    shift
    timeout 10 "$target/debug/examples/$program" "$@"
}

engines=${*:-docker-20.10 docker-26.1 docker-28.5 podman-4.3}
for engine in $engines; do
    host=$(cargo xtask engine up --engine "$engine" --registry --name recording)
    case $engine in
    podman*) export SWARM= ;;
    *) export SWARM=1 ;;
    esac
    export REGISTRY=127.0.0.1:5000
    record "$engine" "$host"
    if [ "$engine" = docker-28.5 ]; then
        # The oldest version, of which no engine is left.
        DOCKER_API_VERSION=1.24 record "$engine-as-1.24" "$host"
    fi
    cargo xtask engine down recording
    case $engine in
    docker-26.1) scenarios "$engine" 1.45 ;;
    docker-28.5) scenarios "$engine" 1.24 1.51 ;;
    *) scenarios "$engine" 1.41 ;;
    esac
done
