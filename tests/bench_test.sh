#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lessor-bench, end to end: bench_test.sh PATH_OF_LESSOR. Runs every workload with every store that this build has, small, and looks
# at what it prints: all keys, and figures that can be true together. Nothing is said about speed. The path of lessor-bench is in
# LESSOR_BENCH_COMMAND; the path of lessor is not used. Stops at the first thing that is not as it should be.

set -u

bench=${LESSOR_BENCH_COMMAND:?the path of lessor-bench is missing}
leases=2000
scopes=6
LC_ALL=C.UTF-8
export LC_ALL

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
out=$work/out
err=$work/err
mkdir "$work/stores" || exit 1
LESSOR_BENCH_DIR=$work/stores
export LESSOR_BENCH_DIR

fail() {
	echo "bench_test: $*" >&2
	for file in "$out" "$err"; do
		if [ -s "$file" ]; then
			echo "--- $(basename "$file"):" >&2
			head -c 3000 "$file" >&2
		fi
	done
	exit 1
}

# expect STATUS ARGUMENT...
expect() {
	wanted=$1
	shift
	"$bench" "$@" >"$out" 2>"$err" </dev/null
	got=$?
	[ "$got" -eq "$wanted" ] || fail "'lessor-bench $*' exits with $got instead of $wanted"
	if [ "$wanted" -ne 0 ]; then
		[ ! -s "$out" ] || fail "'lessor-bench $*' fails and prints a result"
		[ "$(wc -l <"$err")" -eq 1 ] || fail "'lessor-bench $*' does not say why in one sentence"
	fi
	[ -z "$(ls "$work/stores")" ] || fail "'lessor-bench $*' leaves files behind"
}

# look NAME=VALUE...: is the result of the run that was asked for, has it all keys and no others, and can its figures be true together?
cat >"$work/look" <<'END'
function is(truth, text) { if (!truth && complaint == "") complaint = text }
function positive(key) { return v[key] ~ /^[0-9]/ && v[key] > 0 }
function rising(below, above) { is(positive(below) && positive(above) && v[below] <= v[above], below " (" v[below] ") <= " above " (" v[above] ")") }
/^  "/ {
	key = $1
	gsub(/[":]/, "", key)
	value = substr($0, index($0, ": ") + 2)
	sub(/,$/, "", value)
	gsub(/"/, "", value)
	is(!(key in v), key " only once")
	v[key] = value ~ /^-?[0-9.]+$/ ? value + 0 : value
}
END {
	count = split("store workload leases scopes threads batch family durability in_flight clock fill_percent seed settings ops seconds ops_per_s " \
		"ns_per_op p50_ns p99_ns p999_ns max_ns ack_p50_us ack_p99_us harness_ns_per_op cpu_seconds " \
		"first_fifth_ops_per_s last_fifth_ops_per_s bytes_per_lease rss_bytes device_flush_p50_us device_flush_p99_us " \
		"open_seconds_log open_seconds_snapshot quiet_ops_per_s quiet_p99_ns beside_ops_per_s beside_p99_ns snapshot_seconds snapshots commit machine", wanted, " ")
	for (i = 1; i <= count; i++) is(wanted[i] in v, "a key " wanted[i])
	for (key in v) found++
	is(found == count, "no other keys")

	is(v["store"] == store && v["workload"] == workload && v["leases"] == leases && v["scopes"] == scopes &&
		v["threads"] == threads && v["batch"] == batch && v["durability"] == durability, "the run that was asked for")
	is(v["ops"] == ops, "ops == " ops)
	is(positive("seconds"), "seconds > 0")
	ratio = v["ops_per_s"] * v["seconds"] / v["ops"]
	is(ratio > 0.999 && ratio < 1.001, "ops_per_s == ops / seconds")
	ratio = v["ns_per_op"] * v["ops_per_s"] / 1e9 / (workload == "restart" || workload == "expire" ? 1 : threads)
	is(ratio > 0.999 && ratio < 1.001, "ns_per_op == 1e9 * threads / ops_per_s")
	is(v["cpu_seconds"] ~ /^[0-9]/ && positive("rss_bytes") && v["bytes_per_lease"] ~ /^[0-9]/, "resources")
	is(v["commit"] != "" && v["machine"] != "" && v["settings"] != "", "texts")

	if (v["clock"] == "group") {
		is(v["p50_ns"] == "null" && v["max_ns"] == "null", "no latencies without a clock")
		is(positive("harness_ns_per_op"), "harness_ns_per_op > 0")
	} else if (workload == "restart") {
		is(v["p50_ns"] == "null" && v["max_ns"] == "null", "no latencies of calls")
		is(positive("open_seconds_log"), "open_seconds_log > 0")
		is(store == "lmdb" || positive("open_seconds_snapshot"), "open_seconds_snapshot > 0")
	} else {
		rising("p50_ns", "p99_ns"); rising("p99_ns", "p999_ns"); rising("p999_ns", "max_ns")
		is(v["max_ns"] <= v["seconds"] * 1e9 * 1.001, "max_ns within seconds")
		is(positive("harness_ns_per_op"), "harness_ns_per_op > 0")
		is(v["open_seconds_log"] == "null", "no open_seconds_log")
	}
	if (workload == "snapshot") {
		is(positive("quiet_ops_per_s") && positive("quiet_p99_ns") && positive("snapshot_seconds") && positive("snapshots"), "snapshots")
	} else if (workload == "expire" && threads > 1) {
		is(positive("quiet_ops_per_s") && positive("quiet_p99_ns") && positive("beside_ops_per_s") && positive("beside_p99_ns"), "readers beside")
	} else {
		is(v["beside_p99_ns"] == "null", "no readers beside")
		is(v["quiet_ops_per_s"] == "null" && v["snapshots"] == "null", "no snapshots")
	}
	if (durability == "none") {
		is(v["device_flush_p50_us"] == "null", "no flushes for nothing")
	} else {
		rising("device_flush_p50_us", "device_flush_p99_us")
	}
	if (durability == "sync" && workload != "restart") {
		rising("ack_p50_us", "ack_p99_us")
		is(v["ack_p99_us"] <= v["seconds"] * 1e6 * 1.001, "ack_p99_us within seconds")
	} else {
		is(v["ack_p50_us"] == "null", "no acknowledgements")
	}
	if (complaint != "") print complaint
	exit complaint != ""
}
END
look() {
	set -- $(for pair in "$@"; do printf ' -v %s' "$pair"; done)
	complaint=$(awk "$@" -f "$work/look" "$out") || fail "not so: $complaint"
}

# ops_of WORKLOAD STORE: how many operations there must be.
ops_of() {
	case $1 in
	churn) echo $((2 * leases)) ;;
	expire) echo $((leases / 2)) ;;
	restart) [ "$2" = lmdb ] && echo "$leases" || echo $((2 * leases)) ;;
	*) echo "$leases" ;;
	esac
}

# run STORE WORKLOAD THREADS BATCH DURABILITY [ARGUMENT...]
run() {
	store=$1 workload=$2 threads=$3 batch=$4 durability=$5
	shift 5
	expect 0 run --store "$store" --workload "$workload" --leases "$leases" --scopes "$scopes" \
		--threads "$threads" --batch "$batch" --durability "$durability" --flushes 10 "$@"
	look "store=$store" "workload=$workload" "leases=$leases" "scopes=$scopes" "threads=$threads" "batch=$batch" \
		"durability=$durability" "ops=$(ops_of "$workload" "$store")"
}

has() {
	"$bench" run --store "$1" --workload create --leases 2 --scopes 1 >"$out" 2>"$err"
	[ $? -ne 3 ] || return 1
}

test_calls() {
	for workload in create get-address get-client renew churn allocate mixed conflict expire; do
		run "$1" $workload 1 1 none
		run "$1" $workload 2 32 none
	done
}

test_durable() {
	for workload in create churn mixed; do
		run "$1" $workload 2 32 async
		run "$1" $workload 2 1 sync --in-flight 500
	done
	run "$1" renew 1 32 sync --in-flight 16
	run "$1" allocate 2 1 sync --in-flight 300
	run "$1" expire 2 32 sync --in-flight 100
	run "$1" restart 2 1 async
	[ "$1" = lmdb ] || run "$1" snapshot 2 32 async
	expect 3 run --store "$1" --workload restart
}

for store in lessor lfht mutex sqlite lmdb rocksdb; do
	if has $store; then
		test_calls $store
		case $store in
		lfht | mutex)
			expect 3 run --store $store --workload create --durability async
			expect 3 run --store $store --workload restart
			expect 3 run --store $store --workload snapshot
			;;
		*) test_durable $store ;;
		esac
	fi
done
has lessor || fail "there is no store lessor"

# Odd sizes: divisions that do not come out even, one scope, scopes of one address, full scopes, other seeds.
leases=1009 scopes=7
run lessor create 2 32 none --seed 77
run lessor create 2 1 none --presize no
run lessor get-client 2 32 none --seed 78
run lessor churn 2 32 none --fill 100
run lessor churn 1 1 none --fill 33.3
run lessor conflict 2 32 none --fill 100
run lessor allocate 1 32 none --fill 99
leases=1009 scopes=1
run lessor churn 1 1 none
leases=100 scopes=100
run lessor churn 2 1 none --fill 100

# A time limit instead of a number of operations.
for workload in get-address churn mixed; do
	expect 0 run --store lessor --workload $workload --leases 2000 --scopes 10 --seconds 0.2
	# Of a fifth of that, 40 ms, somebody else may have had all.
	awk -F '[:,]' '/"seconds"/ { good += $2 > 0.19 } /"ops"/ { good += $2 > 0 }
		/_fifth_ops_per_s"/ { good += $2 ~ /^ *[0-9]/ } END { exit good != 4 }' "$out" ||
		fail "no 0.2 seconds of $workload"
done

# The result in a file.
expect 0 run --store lessor --workload create --leases 100 --scopes 1 --json "$work/result.json"
[ ! -s "$out" ] || fail "the result is printed although there is a file for it"
grep -q '"ops": 100' "$work/result.json" || fail "the file does not hold the result"

for workload in create get-address get-client renew; do
	run lessor $workload 2 1 none --family 6
	run lessor $workload 1 32 async --family 6
done
expect 3 run --store lessor --workload churn --family 6

for workload in create get-address get-client renew; do
	run lessor $workload 2 1 none --clock group
	grep -q '"clock": "group"' "$out" || fail "the clock is not that which was asked for"
done
expect 3 run --store lessor --workload churn --clock group
expect 3 run --store lessor --workload create --batch 2 --clock group
expect 3 run --store lessor --workload create --durability sync --clock group

for arguments in '--store lessor' '--workload create' '--store nobody --workload create' '--store lessor --workload nothing' \
	'--store lessor --workload create --leases 0' '--store lessor --workload create --leases 1x' \
	'--store lessor --workload create --threads 0' '--store lessor --workload create --batch -1' \
	'--store lessor --workload create --durability perhaps' '--store lessor --workload create --seconds x' \
	'--store lessor --workload create --presize 1' '--store lessor --workload create --clock no' '--store lessor --workload create --family 5' '--store lessor --workload create --fill 0' '--store lessor --workload create --fill 101' \
	'--store lessor --workload create --leases 4000000000 --fill 1' '--store lessor --workload create --leases 1 --threads 2' \
	'--store lessor --workload mixed --fill 100' '--store lessor --workload create more' \
	'--store lessor --workload create --unknown' '--store lessor --workload create --seed'; do
	# shellcheck disable=SC2086
	expect 2 run $arguments
done
expect 1 run --store lessor --workload create --durability sync --dir "$work/missing"
expect 1 run --store lessor --workload create --leases 100 --json "$work/missing/file"

# Interrupted: nothing stays.
"$bench" run --store lessor --workload churn --leases 1000 --scopes 1 --durability async --seconds 60 >"$out" 2>"$err" &
while [ -z "$(ls "$work/stores")" ]; do
	grep -q '^State:[[:space:]][^XZ]' /proc/$!/status 2>/dev/null || fail "it ends by itself"
	sleep 0.05
done
kill -TERM $!
wait $!
[ $? -eq 143 ] || fail "it does not end as interrupted"
[ -z "$(ls "$work/stores")" ] || fail "interrupted, it leaves files behind"

expect 0 run --help
grep -q -e '--in-flight' "$out" || fail "--help does not help"
