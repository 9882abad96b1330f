#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# source_test.sh PROGRAM EXPECTED: the program ends well and prints what the file says.
set -eu
if ! output=$("$1"); then
	echo "$output"
	echo "$1 failed."
	exit 1
fi
printf '%s\n' "$output" | diff -u "$2" -
