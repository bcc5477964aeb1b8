#!/bin/sh
# Stands in for ssh: what it does is the user's name, and where it keeps notes is the path of the daemon's socket.
for word; do
    case $before in -l) does=$word ;; esac
    case $word in --host=unix://*) notes=${word#--host=unix://} ;; esac
    before=$word
done
for word; do echo "$word"; done >"$notes/arguments"
echo $$ >>"$notes/processes"

# Reads a request, which has no body.
request() {
    asked=
    while IFS= read -r line; do
        if [ "$line" = "$(printf '\r')" ]; then return; fi
        asked=${asked:-$line}
    done
    exit 0
}

list() {
    printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]'
}

fail() {
    printf "$1" >&2
    exit "$2"
}

case $does in
serve)
    while request; do list; done
    ;;
serve-once)
    request
    list
    ;;
start-slowly)
    mkdir "$notes/starting" 2>/dev/null
    : >"$notes/starting/$$"
    ls "$notes/starting" | wc -l >>"$notes/at-once"
    request
    sleep 0.1
    rm "$notes/starting/$$"
    list
    ;;
hand-over)
    request
    printf 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'
    cat
    echo and goodbye
    ;;
attach-*)
    request
    case $asked in
    GET*) list ;;
    *)
        printf 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nsome output'
        case $does in
        *-break) fail 'client_loop: send disconnect: Broken pipe\n' 255 ;;
        *-reset) fail 'read unix: connection reset by peer\n' 1 ;;
        esac
        ;;
    esac
    ;;
stream)
    request
    printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n'
    exec sleep 1000
    ;;
break-off)
    request
    printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n['
    exit 255
    ;;
say-nothing) exec sleep 1000 ;;
hang-up) request ;;
chatter)
    echo Welcome to this machine
    while request; do list; done
    ;;
unknown-host) fail 'ssh: Could not resolve hostname box: Name or service not known\r\n' 255 ;;
slow-host) fail 'ssh: connect to host box port 22: Connection timed out\r\n' 255 ;;
unknown-key) fail 'No ED25519 host key is known for box and you have requested strict checking.\r\nHost key verification failed.\r\n' 255 ;;
no-entry) fail 'A banner\n\n  of three\n  lines\nme@box: Permission denied (publickey).\r\n' 255 ;;
no-words) exit 255 ;;
no-docker) fail 'sh: 1: docker: not found\n' 127 ;;
no-permission) fail 'permission denied while trying to connect to the Docker daemon socket\n' 1 ;;
no-daemon) fail 'dial unix /var/run/docker.sock: connect: no such file or directory\n' 1 ;;
escapes) fail 'a \033[31mred\033[0m\a word\n' 255 ;;
many-words)
    for line in 1 2 3 4 5 6 7 8; do
        head -c 100000 /dev/zero | tr '\0' x >&2
        echo >&2
    done
    fail 'the last one\n' 255
    ;;
stay)
    # As a master connection would that outlives its first session.
    sleep 20 >/dev/null </dev/null &
    echo $! >>"$notes/processes"
    fail 'it is over\n' 255
    ;;
*) fail "ssh.sh: what is $does?\n" 1 ;;
esac
