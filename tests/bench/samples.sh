# shellcheck shell=bash disable=SC2154 # bench_dir is set by lib.sh, measure by the script that includes this
# What `run` and `ledger` share: timing a command, and what the samples of alternating runs say. Included after
# lib.sh; the including script sets `measure`, the program that times.

failures=0

# one NAME CPUS COMMAND...: runs it and appends "wall user system KiB" to the samples of NAME.
one() {
    local name=$1 cpus=$2
    shift 2
    if ! "$measure" "$cpus" "$bench_dir/sample" "$@" >"$bench_dir/out" 2>&1; then
        failures=$((failures + 1))
        say "failed: $name ($1)"
        tail -n 5 "$bench_dir/out" >&2
        echo "0 0 0 0" >"$bench_dir/sample"
    fi
    cat "$bench_dir/sample" >>"$bench_dir/samples.$name"
}

median() {
    sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# Of the runs of NAME with COUNT requests each: cpu NAME COUNT: median µs of CPU per request. memory NAME: median
# peak MiB. rate NAME COUNT: median requests per second.
cpu() {
    awk -v n="$2" '{ print ($2 + $3) / n }' "$bench_dir/samples.$1" | median
}
memory() {
    awk '{ print $4 / 1024 }' "$bench_dir/samples.$1" | median
}
rate() {
    awk -v n="$2" '{ print($1 > 0 ? n * 1e6 / $1 : 0) }' "$bench_dir/samples.$1" | median
}

# ratio_cpu A B, ratio_rate A B: the median over the pairs of A to B.
ratio_cpu() {
    paste -d ' ' "$bench_dir/samples.$1" "$bench_dir/samples.$2" |
        awk '{ d = $6 + $7; print(d > 0 ? ($2 + $3) / d : 0) }' | median
}
ratio_rate() {
    paste -d ' ' "$bench_dir/samples.$1" "$bench_dir/samples.$2" |
        awk '{ print($1 > 0 ? $5 / $1 : 0) }' | median
}

samples_end() {
    if [ "$failures" -gt 0 ]; then
        say "$failures runs failed: their figures are 0 and the ratios mean nothing"
        exit 1
    fi
}
