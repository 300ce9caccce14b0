# shellcheck shell=bash disable=SC2034 # the names below are read by the scripts that include this
# What `run`, `ledger` and `goaway` share: the server that plays the platform, and how a client is started.
# Everything lives in one temporary folder and ends with the script.

PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

bench_dir=
bench_server=
bench_sandbox=
bench_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
declare -A bench_url=()
export BENCH_TOKEN=bench-token-of-no-worth
bench_client_cpu=0
bench_server_cpu=1
[ "$(nproc)" -ge 2 ] || bench_server_cpu=0

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "${0##*/}: $*"
    exit 2
}

bench_need() {
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null ||
            die "$command is missing; ./bootstrap test installs all that the benchmarks need"
    done
}

bench_stop() {
    bench_sandbox_stop
    if [ -n "$bench_server" ]; then
        kill "$bench_server" 2>/dev/null
        wait "$bench_server" 2>/dev/null
    fi
    [ -z "$bench_dir" ] || rm -rf "$bench_dir"
    bench_server=
    bench_dir=
}

bench_sandbox_stop() {
    [ -n "$bench_sandbox" ] || return 0
    kill "$bench_sandbox" 2>/dev/null
    wait "$bench_sandbox" 2>/dev/null
    bench_sandbox=
}

# bench_sandbox PROGRAM TRUNKS LATENCY: the program's own sandbox, without limits, on the server's processor. Sets
# bench_url[sandbox].
bench_sandbox() {
    local tries=100
    bench_sandbox_stop
    : >"$bench_dir/sandbox.out" # what the one before has said is not read once more
    taskset -c "$bench_server_cpu" "$1" sandbox --quiet --limits none --trunks "$2" --latency "$3" \
        --token "$BENCH_TOKEN" >"$bench_dir/sandbox.out" &
    bench_sandbox=$!
    until grep -q '^listening on ' "$bench_dir/sandbox.out"; do
        if [ $((tries--)) -eq 0 ] || ! kill -0 "$bench_sandbox" 2>/dev/null; then
            die "the sandbox did not start"
        fi
        sleep 0.1
    done
    bench_url[sandbox]=http://$(sed -n 's/^listening on //p' "$bench_dir/sandbox.out")/famulor/api
}

# bench_start: certificate, configuration, nginx on free ports. Sets bench_dir and bench_url.
bench_start() {
    local attempt base conf
    bench_need nginx openssl curl taskset
    bench_dir=$(mktemp -d "${TMPDIR:-/tmp}/trunkhost-bench.XXXXXX")
    trap bench_stop EXIT
    trap 'exit 130' INT TERM
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$bench_dir/server.key" -out "$bench_dir/server.crt" 2>"$bench_dir/openssl.log" ||
        die "openssl made no certificate: $(cat "$bench_dir/openssl.log")"
    for attempt in 1 2 3 4 5 6 7 8; do
        base=$((20000 + RANDOM % 10000))
        for conf in nginx api; do
            sed -e "s|@DIR@|$bench_dir|g" -e "s|@TOKEN@|$BENCH_TOKEN|g" \
                -e "s|@PLAIN@|$base|g" -e "s|@TLS@|$((base + 1))|g" -e "s|@H2@|$((base + 2))|g" \
                -e "s|@H2C@|$((base + 3))|g" -e "s|@GOAWAY@|$((base + 4))|g" \
                "$bench_root/tests/bench/$conf.conf.in" >"$bench_dir/$conf.conf"
        done
        taskset -c "$bench_server_cpu" nginx -p "$bench_dir" -c "$bench_dir/nginx.conf" \
            -e "$bench_dir/nginx.log" 2>"$bench_dir/nginx.err" &
        bench_server=$!
        bench_status_url=http://127.0.0.1:$base/status
        if curl --silent --fail --retry 50 --retry-connrefused --retry-delay 0 --retry-max-time 5 \
            --max-time 5 --output /dev/null "$bench_status_url" 2>/dev/null &&
            kill -0 "$bench_server" 2>/dev/null; then
            bench_url[h1]=http://127.0.0.1:$base/famulor/api
            bench_url[tls]=https://127.0.0.1:$((base + 1))/famulor/api
            bench_url[h2]=https://127.0.0.1:$((base + 2))/famulor/api
            bench_url[h2c]=http://127.0.0.1:$((base + 3))/famulor/api
            bench_url[goaway]=https://127.0.0.1:$((base + 4))/famulor/api
            return
        fi
        kill "$bench_server" 2>/dev/null
        wait "$bench_server" 2>/dev/null
        bench_server=
        say "nginx did not start on the ports from $base (attempt $attempt)"
    done
    cat "$bench_dir/nginx.err" "$bench_dir/nginx.log" >&2
    die "nginx did not start"
}

# bench_status NAME: connections accepted ("accepts") or requests handled ("requests") so far.
bench_status() {
    curl --silent --fail "$bench_status_url" |
        awk -v name="$1" 'NR == 3 { print name == "accepts" ? $1 : $3 }'
}

# bench_config URL HTTP CONCURRENCY: a configuration with the one account "bench", without any limit.
bench_config() {
    cat >"$bench_dir/config.lua" <<END
return {
    accounts = {
        bench = {
            provider = "famulor",
            token = { env = "BENCH_TOKEN" },
            base_url = "$1",
            ca_file = "$bench_dir/server.crt",
            http = "$2",
            rate = {},
            concurrency = $3,
        },
    },
}
END
}

# bench_new_ledger: the next run starts without one.
bench_new_ledger() {
    rm -rf "$bench_dir"/ledger.*
}

# bench_trunkhost PROGRAM SCRIPT ARGUMENT...: the command line of trunkhost, in bench_command.
bench_trunkhost() {
    bench_command=("$1" --config "$bench_dir/config.lua" --ledger "$bench_dir/ledger.db" "${@:2}")
}
