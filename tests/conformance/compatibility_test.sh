#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compatibility_test.sh CC INCLUDE_DIR PAGE CONFORMANCE_TEST CODES: every call of dhcpsapi.h has one line in the table of
# PAGE, every line of it is a call of the header, no call that is said to be absent is there, and the conformance table has
# the rows that it refers to.
set -eu
cc=$1 include=$2 page=$3 conformance_test=$4 codes=$5
here=$(dirname "$0")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$conformance_test" "$codes" list >"$scratch/rows"
echo '#include <lessor/dhcpsapi.h>' >"$scratch/header.c"
"$cc" -E -I "$include" "$scratch/header.c" >"$scratch/header.i"
awk -v include="$include/lessor/" -f "$here/../symbol_test/declarations.awk" "$scratch/header.i" | grep '^Dhcp' | sort \
	>"$scratch/declared"
sed -n '/^## Call by call/,/^## What is absent/p' "$page" >"$scratch/table"
sed -n 's/^| `\(Dhcp[A-Za-z0-9]*\)` | \(as documented\|by a reading\) |.*/\1/p' "$scratch/table" | sort >"$scratch/told"
sed -n '/^## What is absent/,$p' "$page" | grep -o '`Dhcp[A-Za-z0-9]*`' | tr -d '`' | sort >"$scratch/absent"

if [ ! -s "$scratch/declared" ] || [ ! -s "$scratch/absent" ]; then
	echo "No calls were found in the header, or none in $page."
	exit 1
fi
{
	comm -23 "$scratch/declared" "$scratch/told" | sed 's/$/ is in the header, but not in the table./'
	comm -13 "$scratch/declared" "$scratch/told" | sed 's/$/ is in the table, but not in the header, or is there twice./'
	comm -12 "$scratch/declared" "$scratch/absent" | sed 's/$/ is said to be absent, but is in the header./'
	# "S1-, 33" and "SC14 to SC17" name beginnings of ids.
	awk -F'|' '/^\| `Dhcp/ { gsub(/ to /, ", ", $5); n = split($5, ids, /, */); for (i = 1; i <= n; i++) print ids[i] }' \
		"$scratch/table" | tr -d ' ' | sort -u | while read -r id; do
		awk -v id="$id" 'index($2, id) == 1 { found = 1 } END { exit !found }' "$scratch/rows" ||
			echo "$id is in the table, but no row has such an id."
	done
} >"$scratch/differences"
cat "$scratch/differences"
[ ! -s "$scratch/differences" ]
