#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# readme_test.sh EXAMPLE: the README's example creates a lease at its first run and finds it there at its second.
set -eu
example=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

expect() {
	answer=$("$example") || true
	if [ "$answer" != "$1" ]; then
		printf 'expected: %s\nanswered: %s\n' "$1" "$answer"
		exit 1
	fi
}
expect "192.0.2.10: LESSOR_OK"
expect "192.0.2.10: LESSOR_ADDRESS_TAKEN"
