#!/bin/sh
# What `docker` does in the recordings: over a hundred commands, those of a swarm among them. Some of them fail, as they
# should. DOCKER_HOST says where; the engine has alpine:latest and, where REGISTRY says so, a registry.
set -u
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export DOCKER_CONFIG="$folder/config" DOCKER_CLI_HINTS=false
unset DOCKER_CONTEXT

count=0
# The commands are there for what they say to the engine; what they answer is looked at by replay.
d() {
    count=$((count + 1))
    timeout 60 docker "$@" >output 2>&1 </dev/null || echo "docker $*: $(tail -n 1 output)" >&2
}

system() {
    d version
    d info
    d system df -v
    d search nothing
    d image ls --all --digests
    d image inspect alpine:latest
    d image history alpine:latest
    d image ls --filter dangling=true
    d image inspect nothing:there
}

containers() {
    d run --name hello --label a=b --env A=b alpine:latest echo hello
    d run --detach --name web --hostname web --memory 64m --cpus 0.5 --pids-limit 50 --ulimit nofile=64:128 \
        --restart on-failure:2 --health-cmd true --health-interval 1s --stop-timeout 1 --cap-add NET_ADMIN \
        --cap-drop CHOWN --security-opt no-new-privileges --sysctl net.ipv4.ip_forward=1 --shm-size 32m \
        --add-host somewhere:10.0.0.1 --dns 10.0.0.2 --publish 127.0.0.1:8080:80 --expose 81/udp --tmpfs /scratch:size=1m \
        --log-driver json-file --log-opt max-size=1m --workdir /tmp --user 0:0 --init --oom-score-adj 100 \
        --mount type=volume,source=data,target=/data --mount type=tmpfs,target=/more,tmpfs-size=1m --read-only \
        --device /dev/null:/dev/zero2:r --blkio-weight 100 --entrypoint /bin/sh alpine:latest -c 'echo out; echo err >&2; exec sleep 600'
    # Not everything above is to be had everywhere.
    docker inspect web >/dev/null 2>&1 || d run --detach --name web --memory 64m --publish 127.0.0.1:8080:80 \
        --volume data:/data --tmpfs /scratch alpine:latest sleep 600
    d create --name twice alpine:latest true
    d create --name twice alpine:latest true
    d create --name nowhere nothing:there
    d ps --all --size
    d ps --filter label=a=b --format json
    d ps --no-trunc --last 2
    d inspect --size web
    d inspect hello twice
    d inspect nobody
    d logs hello
    d logs --timestamps --tail 1 --details web
    d top web
    d top web -o pid,args
    d exec web echo exec
    d exec --tty web echo terminal
    d exec --detach --env A=b --workdir / --user 0 web sleep 1
    d exec web nothing-of-that-name
    d exec twice true
    d stats --no-stream
    d stats --no-stream web
    d diff web
    d port web
    d cp web:/etc/passwd passwd
    echo text >text
    d cp text hello:/text
    d cp hello:/nothing nothing
    d export --output export.tar hello
    d rename hello hi
    d rename nobody somebody
    d update --memory 96m --memory-swap 128m --restart no web
    d pause web
    d pause web
    d ps --filter status=paused
    d unpause web
    d kill --signal USR1 web
    d kill twice
    d stop --time 1 web
    d start web
    d restart --time 0 web
    d wait hi
    d attach --no-stdin hi
    d start --attach twice
    d commit --message changed --author me --change 'CMD ["true"]' hi changed:latest
    d rm web
    d rm --force --volumes web
    d rm nobody
    d container prune --force
}

images() {
    printf 'FROM alpine:latest\nARG A=1\nLABEL a=b\nENV B=c\nEXPOSE 80\nVOLUME /data\nHEALTHCHECK CMD true\nRUN echo "$A" >/built\n' >Dockerfile
    DOCKER_BUILDKIT=0 d build --tag built:latest --build-arg A=2 --label c=d .
    printf 'FROM alpine:latest\nRUN exit 3\n' >Fails
    DOCKER_BUILDKIT=0 d build --file Fails .
    d tag built:latest built:again
    d save --output saved.tar built:latest
    d rmi built:latest built:again
    d rmi nothing:there
    d load --input saved.tar
    d load --input text
    d import export.tar imported:latest
    d rmi --force imported:latest
    d pull nothing.invalid/nothing:there
    d push nothing.invalid/nothing:there
    if [ -n "${REGISTRY:-}" ]; then
        d tag built:latest "$REGISTRY/built:latest"
        d push "$REGISTRY/built:latest"
        d rmi "$REGISTRY/built:latest"
        d pull "$REGISTRY/built:latest"
        d pull "$REGISTRY/built:nothing"
        d manifest inspect --insecure "$REGISTRY/built:latest"
        d image inspect "$REGISTRY/built:latest"
    fi
    d login --username user --password password 127.0.0.1:1
    d image prune --force
    d builder prune --force
}

networks_and_volumes() {
    d network create --label a=b --subnet 10.99.0.0/24 --ip-range 10.99.0.0/25 --gateway 10.99.0.1 --aux-address x=10.99.0.5 \
        --opt com.docker.network.bridge.name=dag-test net
    d network create net
    d run --detach --name one --network net --ip 10.99.0.9 --network-alias alias alpine:latest sleep 600
    d network ls --filter driver=bridge
    d network inspect net
    d network inspect --verbose bridge
    d network inspect nothing
    d run --detach --name two alpine:latest sleep 600
    d network connect --alias other --link one:first net two
    d inspect two
    d network disconnect net two
    d network disconnect --force net nobody
    d network rm net
    d rm --force one two
    d network rm net
    d network prune --force
    d volume create --label a=b --opt type=tmpfs --opt device=tmpfs --opt o=size=1m vol
    d volume create
    d volume ls --filter label=a=b
    d volume inspect vol
    d volume inspect nothing
    d volume rm vol
    d volume rm nothing
    d volume prune --force --all
    d plugin ls
    d plugin inspect nothing
    d plugin install --grant-all-permissions nothing.invalid/nothing
}

swarm() {
    d node ls
    d swarm init --advertise-addr 127.0.0.1 --task-history-limit 2 --cert-expiry 1000h
    d swarm join-token worker
    d swarm join-token --rotate manager
    d swarm update --autolock
    d swarm unlock-key
    d swarm update --autolock=false
    d node ls
    d node inspect self
    d node update --label-add a=b "$(docker info --format '{{.Swarm.NodeID}}' 2>/dev/null)"
    echo hush | docker secret create --label a=b hush - >/dev/null 2>&1
    echo config | docker config create --label a=b conf - >/dev/null 2>&1
    d secret ls
    d secret inspect hush
    d secret inspect nothing
    d config ls
    d config inspect conf
    d network create --driver overlay --attachable over
    d service create --detach --name serve --replicas 2 --secret hush --config source=conf,target=/conf --network over \
        --env A=b --label a=b --container-label c=d --limit-memory 64m --reserve-cpu 0.1 --restart-condition any \
        --restart-delay 1s --update-delay 1s --update-parallelism 1 --update-failure-action pause --rollback-monitor 1s \
        --constraint node.role==manager --health-cmd true --mount type=volume,source=svc,target=/data --stop-grace-period 1s \
        --placement-pref spread=node.labels.a --host x:10.0.0.1 --publish mode=host,target=80,published=8090 \
        --no-resolve-image alpine:latest sleep 600
    d service create --detach --name everywhere --mode global --no-resolve-image alpine:latest sleep 600
    d service create --detach --name job --mode replicated-job --no-resolve-image alpine:latest echo job
    sleep 8
    d service ls
    d service ps serve
    d service inspect serve
    d service inspect nothing
    d service logs --tail 5 job
    d service update --detach --env-add C=d --no-resolve-image serve
    sleep 3
    d service inspect serve
    d service rollback --detach serve
    d service scale --detach serve=1
    d node ps self
    d inspect "$(docker service ps --quiet --filter desired-state=running everywhere 2>/dev/null | head -n 1)"
    d network inspect --verbose over
    d stack ls
    d system df
    d info
    d service rm serve everywhere job
    sleep 3
    d secret rm hush
    d config rm conf
    d network rm over
    d swarm leave
    d swarm leave --force
    d volume prune --force --all
}

events() {
    docker events --filter type=container --filter type=image --filter type=volume --filter type=network >/dev/null 2>&1 &
    listener=$!
}

events
system
containers
images
networks_and_volumes
[ -n "${SWARM:-}" ] && swarm
d events --since 1h --until 0s
kill "$listener"
wait "$listener" 2>/dev/null
d rm --force hi twice
d rmi --force changed:latest built:latest "${REGISTRY:-127.0.0.1:5000}/built:latest"
echo "$count commands"
