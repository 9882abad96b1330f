#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lessor-bench compare and perf/compare-commits, on figures that were made up: what they make of them, not the measuring.

set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$root/bench/compare/lessor-bench-compare" lessor-bench-compare

fail() {
	echo "compare_test: $*" >&2
	exit 1
}

# compare STATUS ARGUMENT...: its exit status must be that.
compare() {
	wanted=$1
	shift
	got=0
	./lessor-bench-compare "$@" >out 2>err || got=$?
	[ "$got" -eq "$wanted" ] || fail "compare $* exits with $got instead of $wanted: $(cat err)"
}

# contains FILE LINE...: each stands in it, in this order, with anything before, between and behind.
contains() {
	file=$1
	shift
	last=0
	for text; do
		line=$(awk -v last="$last" -v text="$text" 'NR > last && index($0, text) { print NR; exit }' "$file")
		[ -n "$line" ] || fail "$file has no \"$text\" after line $last: $(cat "$file")"
		last=$line
	done
}

# ---- reports --------------------------------------------------------------------------------------------------------

# ran CELL METRIC VALUE...: one value per round, "-" for none.
ran() {
	cell=$1 metric=$2
	shift 2
	round=0
	for value; do
		round=$((round + 1))
		[ "$value" = - ] || echo "{\"round\":$round,\"cell\":\"$cell\",\"load\":0.1,\"result\":{\"machine\":\"an abacus\"," \
			"\"ops_per_s\":1000,\"settings\":\"oiled\",\"p99_ns\":null,\"$metric\":$value}}"
	done
}

mkdir made-up
cat >made-up/compare.json <<'END'
{"matrix": "stores", "rounds": 3, "date": "2001-02-03", "commit": "0123456789", "unsupported": {"renew,store=lfht": "it is tired."},
 "cells": ["restart,leases=2M,durability=async", "restart,durability=async", "create,store=sqlite,leases=100k",
 "create,store=lfht,leases=4M", "create,leases=16M,clock=group", "create,leases=16M,batch=32", "create", "create,threads=2",
 "create,store=lmdb", "renew,store=lfht"], "expected_s": {}}
END
{
	ran create,store=sqlite,leases=100k ops_per_s 30000 20000 -
	ran create,store=lfht,leases=4M bytes_per_lease 301 302 300
	ran create,leases=16M,clock=group ops_per_s 9e6 2e6 6.5e6
	ran create,leases=16M,batch=32 ops_per_s 9e6 14.5e6 99e6
	echo '{"round":2,"cell":"create,leases=16M,clock=group","resu'
	echo '{"round":1,"cell":"create,leases=many","result":{}}'
	echo '{"round":3,"cell":"create,store=sqlite,leases=100k","error":"was eaten"}'
	ran create p50_ns 100 100 100
	ran create p99_ns 200 200 200
	ran create,threads=2 ops_per_s 2000 2000 2000
	ran restart,leases=2M,durability=async open_seconds_log 0.4 0.2 0.3
	ran restart,durability=async open_seconds_log 0.2 0.1 0.15
} >made-up/runs.jsonl

test_report() {
	compare 1 --report-only made-up
	report=made-up/compare.md
	contains "$report" 'of 2001-02-03, commit 0123456789' '- an abacus' '1 met, 1 missed,' \
		'| create, one by one, in memory, 16 M leases in random order, one thread | >= 5 M/s | 6.5 M/s | 2 … 9 | met |' \
		'| create, batches of 32, in memory, 16 M leases, one thread | >= 15 M/s | 14.5 M/s | 9 … 99 | missed |' \
		'| growth: ns per create at 64 M leases, over that at 1 M | <= 1.3 x |  |  | not measured |'
	contains "$report" '## create' '| lessor | 1 M |' '| lessor | 16 M | 1 | 1 | group | 6.5 M/s | 2 M/s … 9 M/s |' \
		'| lessor | 1 M | 2 | 1 | call | 2 k/s |' \
		'| lessor | 16 M | 1 | 32 | call | 14.5 M/s |' '| lfht | 4 M |' '| sqlite | 100 k | 1 | 1 | call | 25 k/s |' \
		'## restart' '| lessor | 1 M | async | 150 ms | 100 ms … 200 ms | 3 |' '| lessor | 2 M | async |' '- lessor, none: oiled'
	contains "$report" '## Not measured' '- create,store=sqlite,leases=100k: 2 of 3 rounds; was eaten' \
		'- create,store=lmdb: 0 of 3 rounds' '- line 12 of runs.jsonl is damaged' '- line 13 of runs.jsonl is damaged' \
		'- 1 cell: it is tired.'
	contains err 'missing: 4, named'
}

test_plots() {
	if ! command -v gnuplot >/dev/null; then
		echo 'compare_test: plots are SKIPPED, gnuplot is not installed'
		return
	fi
	for plot in create-by-store throughput-by-threads memory-by-store restart-by-leases; do
		contains made-up/compare.md "($plot.svg)"
		contains "made-up/$plot.svg" 'an abacus' 'commit 0123456789, 2001-02-03; median of 3 rounds' '</svg>'
	done
	contains made-up/compare.md '- create-by-leases: not drawn, too little of it was measured'
	[ ! -e made-up/create-by-leases.svg ] || fail 'a plot of nothing'
}

test_without_gnuplot() {
	mkdir bin
	ln -s "$(python3 -c 'import sys; print(sys.executable)')" bin/python3
	path=$PATH
	PATH=$work/bin
	compare_status=0
	./lessor-bench-compare --report-only made-up >out 2>err || compare_status=$?
	PATH=$path
	[ "$compare_status" -eq 1 ] || fail "without gnuplot it exits with $compare_status"
	contains made-up/compare.md '- no plots: gnuplot is not installed'
}

test_damaged_plan() {
	mkdir broken
	echo '{"matrix": "sto' >broken/compare.json
	compare 2 --report-only broken
	contains err 'broken holds no comparison'
	compare 2 --report-only nowhere
}

# ---- rounds ---------------------------------------------------------------------------------------------------------

# A lessor-bench that measures nothing. Seed 0 is calibration. With the file "stop" it interrupts who called it.
cat >lessor-bench <<'END'
#!/bin/sh
shift
durability=none batch=1 threads=1
while [ $# -gt 0 ]; do
	name=$(echo "${1#--}" | tr - _)
	eval "$name=\$2"
	shift 2
done
if [ "$workload" = conflict ]; then
	echo 'lessor-bench: no.' >&2
	exit 3
fi
if [ -e stop ] && [ "$seed" = 2 ] && [ "$workload" = renew ]; then
	kill -TERM $PPID
	exec sleep 600 # until it is ended
fi
echo "{\"store\":\"$store\",\"workload\":\"$workload\",\"leases\":$leases,\"threads\":$threads,\"batch\":$batch," \
	"\"durability\":\"$durability\",\"ops_per_s\":$((seed + 1))000,\"commit\":\"0123456789\",\"machine\":\"an abacus\"}" >"$json"
END
chmod +x lessor-bench

# Lines "round cell" of the runs that were made.
runs_of() {
	python3 -c 'import json, sys
for line in open(sys.argv[1]): run = json.loads(line); print(run["round"], run["cell"])' "$1/runs.jsonl"
}

test_interrupted_and_resumed() {
	: >stop
	compare 1 --matrix smoke --rounds 3 --out rounds --dir scratch
	rm stop
	contains err '10 cells; rounds: 3 of' interrupted 'lessor-bench compare --resume rounds'
	contains rounds/compare.md '- renew,leases=100k: 1 of 3 rounds' '- 1 cell: no.'
	cp rounds/runs.jsonl before
	compare 0 --resume rounds --dir scratch
	head -n "$(wc -l <before)" rounds/runs.jsonl | cmp - before || fail 'what there was is gone'
	contains rounds/compare.md '| lessor | 100 k | 3 k/s | 2 k/s … 4 k/s |'
	[ -z "$(ls -A scratch)" ] || fail "left behind: $(ls scratch)"
}

test_interleaved() {
	runs_of rounds >order
	[ "$(sort -u order | wc -l)" -eq 30 ] && [ "$(wc -l <order)" -eq 30 ] || fail "not every cell once: $(cat order)"
	sort -s -n -k 1,1 order | cmp -s - order || fail "a round began before the one before had ended: $(cat order)"
	for round in 1 2 3; do
		sed -n "s/^$round //p" order >"order-$round"
	done
	! cmp -s order-1 order-2 || ! cmp -s order-2 order-3 || fail 'all rounds in the same order'
}

test_one_comparison_per_directory() {
	compare 2 --matrix smoke --rounds 1 --out rounds --dir scratch
	contains err 'rounds holds a comparison'
}

test_budget() {
	# Whether one round fits depends on the machine, and with it the exit status.
	./lessor-bench-compare --matrix smoke --rounds 100000 --budget 1 --out budget --dir scratch >out 2>err || true
	! grep -q '"rounds": 100000' budget/compare.json || fail 'the budget changes nothing'
}

# ---- commits --------------------------------------------------------------------------------------------------------

test_verdicts() {
	python3 - "$root/perf/compare-commits" <<'END'
import importlib.machinery, importlib.util, sys
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("commits", sys.argv[1])
commits = importlib.util.module_from_spec(importlib.util.spec_from_loader("commits", loader))
loader.exec_module(commits)
def check(after, verdict, median=None):
    figure, said = commits.compare([100, 100, 100], after, 0.9)
    assert said == verdict and (median is None or figure.median == median), (after, figure, said)
check([80, 70, 85], commits.SLOWER, 0.8)
check([95, 96, 97], "slower, within what is allowed", 0.96)
check([80, 101, 85], "no difference seen, but too noisy to exclude one")
check([99, 101, 100], "no difference seen", 1.0)
check([120, 130, 110], "faster", 1.2)
check([120, None, 110], commits.NOT_MEASURED)
END
	status=0
	"$root/perf/compare-commits" HEAD HEAD create,leases=few 2>err || status=$?
	[ "$status" -eq 2 ] || fail "a cell that does not exist: exit $status"
	contains err "cell 'create,leases=few'"
}

test_report
test_plots
test_without_gnuplot
test_damaged_plan
test_interrupted_and_resumed
test_interleaved
test_one_comparison_per_directory
test_budget
test_verdicts
