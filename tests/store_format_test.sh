#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/store-format.md is true: a program that knows only that page (read_store.py) reads from stores what the library reads. store_format_test.sh PATH_OF_LESSOR

set -u

lessor=${1:?the path of the command lessor is missing}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset LESSOR_STORE

fail() {
	echo "store_format_test: $*" >&2
	exit 1
}

# What the library says, in the form of read_store.py.
listed() {
	"$lessor" list --json --store "$1" | python3 -c '
import json, sys
for line in sys.stdin:
    lease = json.loads(line)
    name = lease["name"]
    name = "-" if name is None else name.encode().hex() or "empty"
    print(lease["address"], lease["client_id"].replace(":", ""), name, lease["expires_at_filetime"], lease["address_state"])
'
}

# The two agree, and the store holds so many leases.
agree() {
	python3 "$here/read_store.py" "$1" >"$work/read" 2>"$work/types" || fail "read_store.py cannot read $1"
	listed "$1" >"$work/listed"
	cmp -s "$work/read" "$work/listed" || fail "$1: $(diff "$work/read" "$work/listed" | head -5)"
	[ "$(wc -l <"$work/read")" -eq "$2" ] || fail "$1: $(wc -l <"$work/read") leases instead of $2"
}

has_types() {
	for type; do
		grep -q " $type=" "$work/types" || fail "no record of type $type was met: $(cat "$work/types")"
	done
}

cp -R "$here/data/stores/v1" "$work/v1" && chmod -R u+w "$work/v1"
agree "$work/v1" 40
has_types 1 2 3 4 5

store=$work/store
run() {
	"$lessor" "$@" --store "$store" >/dev/null || fail "lessor $* failed"
}
run scope add --subnet 192.0.2.0/24 --range 192.0.2.1-192.0.2.254 --name 'a scope' --exclude 192.0.2.40-192.0.2.50
run scope add --subnet 198.51.100.0/24 --max-leases 20
run limit set class:phones 9
run limit set tag:gone 7
run limit remove tag:gone
for i in 1 2 3 4 5 6 7 8 9; do
	run create --address 192.0.2.$i --mac 0200000000$i$i --name "host $i" --comment 'in the tail' --limit-key class:phones --limit-key tag:0x00ff$i$i
	run create --address 198.51.100.$i --client-id 00112233445566778899aabbccddeeff0011223344556677$i$i
done
run delete --address 192.0.2.3
agree "$store" 17
run snapshot
agree "$store" 17
run create --address 192.0.2.3 --mac 020000000033 --name "a name that is longer than what a record has room for"
run delete --address 192.0.2.4
run scope remove --force 198.51.100.0
agree "$store" 8
has_types 1 2 4 5 17

# It is the checksums that it goes by, too.
segment=$(ls "$store"/snapshot-*.lsr)
printf 'x' | dd of="$segment" bs=1 seek=4200 conv=notrunc 2>/dev/null
python3 "$here/read_store.py" "$store" >/dev/null 2>&1 && fail "a damaged snapshot is read"
echo "store_format_test: everything is as it should be"
