#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# probe_test.sh LIBRARY READELF SOURCE_DIR: the library has the probes that docs/probes.md describes, with as many arguments, and no others; and
# perf/lessor.bt uses all of them, correctly as far as a bpftrace that is installed can tell.
set -eu
library=$1 readelf=$2 source=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# shellcheck disable=SC2016 # the backquotes are those of the table
# "NAME COUNT": a row of the table is "| `name` | argument, argument | ...".
sed -n 's/^| `\([a-z_]*\)` | \([^|]*\) |.*/\1|\2/p' "$source/docs/probes.md" |
	awk -F '|' '{ print $1, split($2, arguments, ",") }' | sort -u >"$scratch/described"
"$readelf" -n "$library" | awk '
	/Provider:/ { ours = $2 == "lessor" }
	/Name:/ && ours { name = $2 }
	/Arguments:/ && ours { print name, NF - 1 }' | sort -u >"$scratch/present"
sed -n 's/^usdt:\*:lessor:\([a-z_]*\)$/\1/p' "$source/perf/lessor.bt" | sort -u >"$scratch/used"

[ -s "$scratch/described" ] || { echo "docs/probes.md describes no probe."; exit 1; }
if ! diff "$scratch/described" "$scratch/present"; then
	echo "< docs/probes.md and > the library differ in names, or numbers of arguments, of probes."
	exit 1
fi
if ! cut -d ' ' -f 1 "$scratch/described" | diff - "$scratch/used"; then
	echo "< docs/probes.md and > perf/lessor.bt differ in names of probes."
	exit 1
fi
if command -v bpftrace >/dev/null && [ "$(id -u)" -eq 0 ]; then
	# -d does not attach. Without tracefs or BTF it cannot even parse, which is no fault of the script.
	sed "s|usdt:\*:|usdt:$library:|" "$source/perf/lessor.bt" >"$scratch/lessor.bt"
	if ! bpftrace -d "$scratch/lessor.bt" >"$scratch/output" 2>&1 && grep -q 'syntax error\|ERROR: [Uu]n' "$scratch/output"; then
		cat "$scratch/output"
		exit 1
	fi
fi
