#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# symbol_test.sh LIBRARY NM CC INCLUDE_DIR: compare what the library exports with what the headers declare.
set -eu
library=$1 nm=$2 cc=$3 include=$4
here=$(dirname "$0")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

(cd "$include" && for header in lessor/*.h; do echo "#include <$header>"; done) >"$scratch/all.c"
"$cc" -E -I "$include" "$scratch/all.c" >"$scratch/all.i"
awk -v include="$include/lessor/" -f "$here/declarations.awk" "$scratch/all.i" | sort -u >"$scratch/declared"
"$nm" -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$scratch/exported"

if [ ! -s "$scratch/declared" ]; then
	echo "No declaration was found under $include."
	exit 1
fi
comm -23 "$scratch/declared" "$scratch/exported" | sed 's/$/ is declared in a public header, but not exported./' \
	>"$scratch/differences"
comm -13 "$scratch/declared" "$scratch/exported" | sed 's/$/ is exported, but declared in no public header./' \
	>>"$scratch/differences"
cat "$scratch/differences"
[ ! -s "$scratch/differences" ]
