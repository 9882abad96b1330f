#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# manual_test.sh LIBRARY NM LESSOR_3 SOURCE_DIR [LESSOR_BENCH]: lessor(3) names every function that the library exports, lessor-bench(1) every option of
# 'lessor-bench run', and mandoc and man, where they are installed, find nothing to complain about in any page.
set -u
library=$1 nm=$2 manual=$3 source=$4 bench=${5-}
status=0

complain() {
	echo "$*"
	status=1
}

functions=$("$nm" -D --defined-only "$library" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }')
[ -n "$functions" ] || complain "$library exports nothing."
for function in $functions; do
	grep -q "^\.Fn $function [,.]\$" "$manual" || complain "lessor(3) lacks $function()."
done

if [ -n "$bench" ]; then
	for option in $("$bench" run --help | sed -n 's/^  --\([a-z-]*\).*/\1/p' | grep -v '^help$'); do
		sed 's/\\-/-/g' "$source/docs/lessor-bench.1" | grep -q -e "Fl -$option " ||
			complain "lessor-bench(1) lacks --$option."
	done
fi

for page in "$manual" "$source/tools/lessor.1" "$source/docs/lessor-store.5" "$source/docs/lessor-bench.1"; do
	if command -v mandoc >/dev/null; then
		# Pages it looks for among those that are installed are none of its business.
		complaints=$(mandoc -T lint "$page" 2>&1 | grep -v -e 'referenced manual not found' -e 'outdated mandoc.db')
		[ -z "$complaints" ] || complain "$complaints"
	fi
	if command -v man >/dev/null && man --version 2>/dev/null | grep -q man-db; then
		complaints=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
		[ -z "$complaints" ] || complain "$page: $complaints"
	fi
done
exit $status
