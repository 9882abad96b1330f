#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The built command, end to end: cli_test.sh PATH_OF_LESSOR [TEST...]. Stops at the first thing that is not as it should be.

set -u

lessor=${1:?the path of the command lessor is missing}
case $lessor in
/*) ;;
*) lessor=$PWD/$lessor ;;
esac
shift
unset LESSOR_STORE
LC_ALL=C.UTF-8
export LC_ALL

manual=$(cd "$(dirname "$0")/.." && pwd)/tools/lessor.1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
out=$work/out
err=$work/err

fail() {
	echo "cli_test: $*" >&2
	if [ -s "$out" ]; then
		echo "--- its output:" >&2
		head -c 2000 "$out" >&2
	fi
	if [ -s "$err" ]; then
		echo "--- its complaint:" >&2
		head -c 2000 "$err" >&2
	fi
	exit 1
}

# expect STATUS ARGUMENT...: run lessor, compare its exit status. Success says nothing on stderr, failure one sentence.
expect() {
	wanted=$1
	shift
	"$lessor" "$@" >"$out" 2>"$err" </dev/null
	got=$?
	[ "$got" -eq "$wanted" ] || fail "'lessor $*' exits with $got instead of $wanted"
	if [ "$wanted" -eq 0 ]; then
		[ ! -s "$err" ] || fail "'lessor $*' succeeds and complains nevertheless"
	else
		grep -q '^lessor.*: ' "$err" || fail "'lessor $*' fails without saying why"
	fi
}

# expect 0, where only ASCII can be shown.
in_c_locale() {
	LC_ALL=C
	expect 0 "$@"
	LC_ALL=C.UTF-8
}

# complaint STATUS PATTERN ARGUMENT...: as expect, and stderr is exactly one line that matches.
complaint() {
	complaint_status=$1
	complaint_pattern=$2
	shift 2
	expect "$complaint_status" "$@"
	[ "$(wc -l <"$err")" -eq 1 ] || fail "'lessor $*' complains in more than one line"
	grep -q -e "$complaint_pattern" "$err" || fail "'lessor $*' does not say '$complaint_pattern'"
}

# Of the last output.
has() {
	grep -q -e "$1" "$out" || fail "the output lacks '$1'"
}

lacks() {
	if grep -q -e "$1" "$out"; then
		fail "the output has '$1'"
	fi
}

lines() {
	[ "$(wc -l <"$out")" -eq "$1" ] || fail "the output has $(wc -l <"$out") lines instead of $1"
}

is() {
	printf '%s\n' "$1" | cmp -s - "$out" || fail "the output is not '$1'"
}

json() {
	if command -v jq >/dev/null 2>&1; then
		jq -e . <"$out" >/dev/null 2>"$err" || fail "the output is not JSON"
	fi
	[ ! -s "$out" ] || head -c 1 "$out" | grep -q '{' || fail "the output is not a JSON object"
}

test_help() {
	expect 0 --help
	has 'Commands:'
	for command in scope create get delete list stats import export verify salvage log history snapshot generate; do
		expect 0 --help
		has "^  $command "
		expect 0 "$command" --help
		has "^Usage: lessor $command "
	done
	for verb in add list show set exclude include remove; do
		expect 0 scope "$verb" --help
		has "^Usage: lessor scope $verb "
	done
	expect 0 --version
	has '^lessor [0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*$'
	expect 0 get --version
	has '^lessor '
}

# Every option of every command is in the manual page.
test_manual() {
	for command in scope\ add scope\ list scope\ show scope\ set scope\ exclude scope\ include scope\ remove create get \
		delete list stats import export verify salvage log history snapshot generate; do
		# shellcheck disable=SC2086 # some are two words
		expect 0 $command --help
		sed -n 's/^  ....--\([a-z-]*\).*/\1/p' "$out" >options
		[ -s options ] || fail "'$command --help' shows no options"
		while read -r option; do
			[ "$option" = usage ] || grep -q -e "Fl -$option\\( \\|\$\\)" "$manual" ||
				fail "the manual page lacks --$option of '$command'"
		done <options
	done
}

test_wrong_arguments() {
	complaint 2 'say which command'
	complaint 2 "'frob' is not a command" frob
	complaint 2 "'frob' is not a command" scope frob
	complaint 2 'say which command' scope
	expect 2 list --frob
	expect 2 list extra
	complaint 2 'say which store' list
	complaint 2 'say which store' verify
	complaint 2 'say which store' list --store ''
	complaint 2 'say which subnet' scope add --store s
	for subnet in 192.0.2.1/24 192.0.2.0/33 192.0.2.0/0 192.0.2.0 192.0.2.0/255.0.255.0 256.0.0.0/8 192.0.2/24 \
		192.0.2.0/24x 192.0.2.0/ /24 '' ; do
		complaint 2 'is not a subnet' scope add --store s --subnet "$subnet"
	done
	for range in 192.0.2.9-192.0.2.1 192.0.2.1-2 192.0.2.1- -192.0.2.1 192.0.2.1-192.0.2.2-192.0.2.3 x; do
		complaint 2 'is not a range' scope add --store s --subnet 192.0.2.0/24 --range="$range"
	done
	complaint 2 'does not lie in 192.0.2.0/24' scope add --store s --subnet 192.0.2.0/24 --range 192.0.3.1-192.0.3.2
	complaint 2 'does not lie in 192.0.2.0/24' scope add --store s --subnet 192.0.2.0/24 --exclude 192.0.2.1-192.0.3.0
	for number in -1 1x '' 4294967296 99999999999999999999; do
		complaint 2 'is not a number' scope add --store s --subnet 192.0.2.0/24 --id="$number"
	done
	complaint 2 'is not enabled' scope add --store s --subnet 192.0.2.0/24 --state open
	complaint 2 'is not UTF-8' scope add --store s --subnet 192.0.2.0/24 --name "$(printf 'a\377b')"
	complaint 2 'say which scope' scope show --store s
	complaint 2 'say what to change' scope set --store s 192.0.2.0/24
	complaint 2 'say which addresses' scope exclude --store s 192.0.2.0/24
	complaint 2 'say which address' create --store s --mac 000000000001
	complaint 2 'say whose lease' create --store s --address 192.0.2.1
	for address in 192.0.2.256 192.0.2 192.0.2.1.1 192.0.2.01 '192.0.2.1 ' x ''; do
		complaint 2 'is not an IPv4 address' create --store s --address "$address" --mac 000000000001
	done
	for hex in 0 00:1 00:11-22 00::11 00: :00 0x 0g '' "$(printf '%0512d' 0)"; do
		complaint 2 'octets' create --store s --address 192.0.2.1 --client-id="$hex"
	done
	complaint 2 '1 to 20 octets' create --store s --address 192.0.2.1 --mac "$(printf '%042d' 0)"
	for when in now 2026-01-01 2026-02-30T00:00:00Z 2026-01-01T24:00:00Z 2026-01-01T00:00:60Z \
		2026-01-01T00:00:00 2026-01-01T00:00:00.Z 2026-01-01T00:00:00.12345678Z 2026-13-01T00:00:00Z \
		1601-01-01T00:00:00Z 1600-12-31T23:59:59Z 30828-09-14T02:48:05Z 30829-01-01T00:00:00Z @ @x @99999999999999999; do
		complaint 2 'is not a time' create --store s --address 192.0.2.1 --mac 000000000001 --expires "$when"
	done
	complaint 2 'exclude each other' create --store s --address 192.0.2.1 --mac 000000000001 --expires never --lease-s 1
	for state in offered 0 4 256 x; do
		complaint 2 'is not active' create --store s --address 192.0.2.1 --mac 000000000001 --state "$state"
	done
	complaint 2 'is not unspecified' create --store s --address 192.0.2.1 --mac 000000000001 --type 8
	complaint 2 'one of --address' get --store s
	complaint 2 'one of --address' get --store s --address 192.0.2.1 --name x
	complaint 2 'say which lease' delete --store s
	complaint 2 'say which lease' delete --store s --client-id 00
	complaint 2 'is not active' list --store s --state 5
	[ ! -e s ] || fail "wrong arguments make a store"
}

test_missing_store() {
	for command in 'list' 'stats' 'verify' 'snapshot' 'get --address 192.0.2.1' 'delete --address 192.0.2.1' \
		'create --address 192.0.2.1 --mac 00' 'scope list' 'scope show 192.0.2.0' 'scope remove 192.0.2.0'; do
		# shellcheck disable=SC2086 # meant to be several words
		complaint 1 'no_such_store' $command --store no_such_store
		[ ! -e no_such_store ] || fail "'$command' makes a store"
	done
	touch a_file
	complaint 1 'a_file' scope add --subnet 192.0.2.0/24 --store a_file
}

test_scopes() {
	LESSOR_STORE=$work/scopes
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24 --range 192.0.2.10-192.0.2.109 --exclude 192.0.2.20-192.0.2.29 \
		--exclude 192.0.2.50 --id 7 --name 'Büro' --comment 'ground floor' --lease-s 3600
	lines 0
	expect 0 scope add --subnet 10.0.0.0/255.0.0.0 --state disabled
	complaint 4 'cannot add scope 192.0.2.128/25' scope add --subnet 192.0.2.128/25
	expect 0 scope list
	lines 3
	has '^10\.0\.0\.0/8  *0  -  *-  *0  disabled  *691200$'
	has '^192\.0\.2\.0/24  *7  Büro  192\.0\.2\.10-192\.0\.2\.109  *2  enabled  *3600$'
	expect 0 scope list --json
	lines 2
	json
	expect 0 scope show 192.0.2.0/24 --json
	json
	is '{"scope":"192.0.2.0/24","subnet_mask":"255.255.255.0","id":7,"name":"Büro","comment":"ground floor","state":"enabled","lease_s":3600,"range":{"first":"192.0.2.10","last":"192.0.2.109"},"exclusions":[{"first":"192.0.2.20","last":"192.0.2.29"},{"first":"192.0.2.50","last":"192.0.2.50"}]}'
	expect 0 scope show 192.0.2.0
	has '^name  *Büro$'
	has '^excluded  *192\.0\.2\.20-192\.0\.2\.29$'
	complaint 3 'no scope 192.0.3.0' scope show 192.0.3.0
	complaint 3 'no scope 192.0.2.0/25' scope show 192.0.2.0/25

	expect 0 scope exclude 192.0.2.0/24 192.0.2.60-192.0.2.69 192.0.2.80
	expect 0 stats 192.0.2.0 --json
	json
	has '"pool":78,'
	complaint 3 'not an exclusion' scope include 192.0.2.0/24 192.0.2.60-192.0.2.68
	expect 0 scope include 192.0.2.0/24 192.0.2.60-192.0.2.69 192.0.2.20-192.0.2.29
	expect 0 stats 192.0.2.0 --json
	has '"pool":98,'
	expect 2 scope exclude 192.0.2.0/24 192.0.3.1

	expect 0 scope set 192.0.2.0/24 --range 192.0.2.1-192.0.2.254 --no-comment --name '' --state disabled --id 8
	expect 0 scope show 192.0.2.0 --json
	has '"id":8,"name":"","comment":null,"state":"disabled","lease_s":3600,"range":{"first":"192.0.2.1","last":"192.0.2.254"}'
	expect 0 scope set 192.0.2.0/24 --no-range --no-name
	expect 0 scope show 192.0.2.0 --json
	has '"name":null,.*"range":null'

	expect 0 create --address 192.0.2.1 --mac 00:00:5e:00:53:01
	complaint 1 'still holds leases' scope remove 192.0.2.0/24
	expect 0 scope remove 192.0.2.0/24 --force
	expect 0 scope remove 10.0.0.0
	complaint 3 'no scope' scope remove 10.0.0.0
	expect 0 scope list
	lines 1
	expect 0 list --count
	is 0
	expect 0 verify
	unset LESSOR_STORE
}

test_leases() {
	LESSOR_STORE=$work/leases
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24 --range 192.0.2.1-192.0.2.100 --lease-s 600
	expect 0 scope add --subnet 198.51.100.0/24
	expect 0 create --address 192.0.2.10 --client-id 01:02:00:5e:10:00:01 --mac 02-00-5E-10-00-01 --name cam-1 \
		--comment hall --expires 2026-01-01T01:00:00Z --state 65 --type bootp --policy p --owner srv \
		--owner-address 192.0.2.254 --last-transaction @1767225600 --dns forward --quarantine 3 \
		--quarantine-capable --probation-ends 2026-01-02T00:00:00.5Z --user-context '{ "a": 1 }' --hardware-type 6
	lines 0
	expect 0 get --address 192.0.2.10 --json
	json
	has '^{"address":"192.0.2.10","scope":"192.0.2.0/24","subnet_mask":"255.255.255.0","client_id":"01:02:00:5e:10:00:01","client_id_made_up":false,"client_type":2,"hardware":"02:00:5e:10:00:01","hardware_type":6,"state":"active","address_state":65,"expires_at":"2026-01-01T01:00:00Z","expires_at_filetime":134117028000000000,"last_transaction_s":1767225600,"quarantine_status":3,"quarantine_capable":true,"probation_ends_at":"2026-01-02T00:00:00.5000000Z","probation_ends_at_filetime":134117856005000000,"dns_forward":true,"dns_reverse":false,"name":"cam-1","comment":"hall","policy_name":"p","owner_name":"srv","owner_address":"192.0.2.254","user_context":"{ \\"a\\": 1 }","ticket":[1-9][0-9]*}$'
	expect 0 get --address 192.0.2.10
	has '^client id  *01:02:00:5e:10:00:01$'
	has '^expires  *2026-01-01T01:00:00Z (expired)$'
	has '^DNS records  *forward$'

	complaint 4 'a lease of 192.0.2.10' create --address 192.0.2.10 --client-id 02
	complaint 4 'a lease of 192.0.2.11' create --address 192.0.2.11 --client-id 0x0102005E100001
	complaint 3 'no scope' create --address 203.0.113.1 --client-id 02 --expires never
	complaint 3 'no scope' create --address 203.0.113.1 --client-id 02
	expect 0 create --address 198.51.100.7 --client-id 0102005e100001 --expires never --name cam-1
	expect 0 create --address 192.0.2.12 --mac 020000000012 --expires none --state declined --json
	json
	has '"client_id":"02:00:00:00:00:12","client_id_made_up":true,.*"hardware":"02:00:00:00:00:12","hardware_type":1,'
	has '"state":"declined","address_state":2,"expires_at":null,"expires_at_filetime":0,'
	expect 0 create --address 192.0.2.13 --mac 020000000013 --state doomed --expires @0 --name cam-1
	expect 0 get --address 192.0.2.13 --json
	has '"expires_at":"1970-01-01T00:00:00Z","expires_at_filetime":116444736000000000,'

	# The time of the lease is the scope's, counted from now.
	before=$(date +%s)
	expect 0 create --address 192.0.2.14 --mac 020000000014
	after=$(date +%s)
	"$lessor" get --address 192.0.2.14 --json >"$out"
	ticks=$(sed 's/.*"expires_at_filetime":\([0-9]*\).*/\1/' "$out")
	seconds=$((ticks / 10000000 - 11644473600 - 600))
	if [ "$seconds" -lt "$before" ] || [ "$seconds" -gt "$after" ]; then
		fail "the lease does not end in 600 seconds"
	fi
	expect 0 create --address 192.0.2.15 --mac 020000000015 --lease-s 4294967295
	expect 0 get --address 192.0.2.15 --json
	has '"expires_at":"never","expires_at_filetime":9223372036854775807,'
	for when in 1601-01-01T00:00:00.0000001Z 9999-12-31T23:59:59.9999999Z 12026-02-28T12:00:00Z \
		30828-09-14T02:48:04.9999999Z; do
		expect 0 create --address 192.0.2.99 --mac 020000000099 --expires $when
		expect 0 get --address 192.0.2.99 --json
		has "\"expires_at\":\"$when\""
		expect 0 delete --address 192.0.2.99
	done

	expect 0 get --client-id 0102005e100001 --json
	lines 2
	expect 0 get --client-id 0102005e100001 --scope 198.51.100.0/24 --json
	lines 1
	has '"address":"198.51.100.7"'
	complaint 3 'no lease of this client' get --client-id 0102005e100002
	complaint 3 'in scope 198.51.100.0/24' get --client-id 020000000012 --scope 198.51.100.0/24
	complaint 3 'no scope 203.0.113.0' get --client-id 020000000012 --scope 203.0.113.0
	expect 0 get --name cam-1 --json
	lines 3
	expect 0 get --name cam-1 --scope 192.0.2.0 --json
	lines 2
	expect 0 get --name cam-1 --scope 198.51.100.0 --json
	lines 1
	complaint 3 'no lease of this name' get --name cam --scope 198.51.100.0
	complaint 3 'no lease of 192.0.2.77' get --address 192.0.2.77
	complaint 3 'no lease of 203.0.113.1' get --address 203.0.113.1

	expect 0 list
	lines 7
	has '^192\.0\.2\.10  *01:02:00:5e:10:00:01  active  *2026-01-01T01:00:00Z  cam-1$'
	has '^198\.51\.100\.7  *01:02:00:5e:10:00:01  active  *never  *cam-1$'
	has '^192\.0\.2\.12  *02:00:00:00:00:12  *declined  *none  *-$'
	expect 0 list --count
	is 6
	expect 0 list --count --json
	is '{"count":6}'
	expect 0 list --json
	lines 6
	json
	expect 0 list --scope 192.0.2.0/24 --count
	is 5
	expect 0 list --state active --count
	is 4
	expect 0 list --state declined --json
	lines 1
	has '"address":"192.0.2.12"'
	expect 0 list --from 192.0.2.13 --limit 2 --json
	lines 2
	has '"address":"192.0.2.13"'
	has '"address":"192.0.2.14"'
	expect 0 list --from 198.51.100.8 --count
	is 0
	expect 0 list --scope 192.0.2.0/24 --from 198.51.100.7 --count
	is 0
	complaint 3 'no scope' list --scope 203.0.113.0

	complaint 3 'another client' delete --address 192.0.2.10 --client-id 02
	expect 0 delete --address 192.0.2.10 --client-id 0102005e100001
	complaint 3 'no lease of 192.0.2.10' delete --address 192.0.2.10
	complaint 3 'no lease of 203.0.113.1' delete --address 203.0.113.1
	complaint 3 'no lease in scope' delete --client-id 0102005e100001 --scope 192.0.2.0/24
	expect 0 delete --client-id 0102005e100001 --scope 198.51.100.0/24
	expect 0 list --count
	is 4
	unset LESSOR_STORE
}

test_scopes6() {
	LESSOR_STORE=$work/scopes6
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24
	expect 0 scope add --subnet 2001:db8:7::/64 --exclude 2001:db8:7::1-2001:db8:7::f --exclude 2001:db8:7::20 \
		--id 70 --name 'Büro' --comment 'ground floor' --lease-s 3600 --preference 5
	lines 0
	expect 0 scope add --subnet 2001:DB8:8:0::
	complaint 4 'cannot add scope 2001:db8:7::/64' scope add --subnet 2001:db8:7::/64
	complaint 1 'cannot add scope fe80::/64' scope add --subnet fe80::/64
	expect 0 scope list
	lines 4
	has '^192\.0\.2\.0/24 '
	has '^2001:db8:7::/64  *70  Büro  all  *2  enabled  *3600$'
	has '^2001:db8:8::/64  *0  -  *all  *0  enabled  *691200$'
	expect 0 scope list --json
	lines 3
	json
	expect 0 scope show 2001:db8:7::/64 --json
	is '{"scope":"2001:db8:7::/64","id":70,"name":"Büro","comment":"ground floor","state":"enabled","lease_s":3600,"preference":5,"exclusions":[{"first":"2001:db8:7::1","last":"2001:db8:7::f"},{"first":"2001:db8:7::20","last":"2001:db8:7::20"}]}'
	expect 0 scope show 2001:db8:7::
	has '^excluded  *2001:db8:7::1-2001:db8:7::f$'
	has '^preference  *5$'
	complaint 3 'no scope 2001:db8:9::' scope show 2001:db8:9::

	expect 0 scope exclude 2001:db8:7:: 2001:db8:7::30-2001:db8:7::3f 2001:db8:7::40
	complaint 3 'not an exclusion' scope include 2001:db8:7:: 2001:db8:7::30
	expect 0 scope include 2001:db8:7::/64 2001:db8:7::30-2001:db8:7::3f 2001:db8:7::20
	expect 0 scope set 2001:db8:7:: --no-name --comment '' --state disabled --lease-s 60 --preference 6 --id 71
	expect 0 scope show 2001:db8:7:: --json
	is '{"scope":"2001:db8:7::/64","id":71,"name":null,"comment":"","state":"disabled","lease_s":60,"preference":6,"exclusions":[{"first":"2001:db8:7::1","last":"2001:db8:7::f"},{"first":"2001:db8:7::40","last":"2001:db8:7::40"}]}'
	complaint 3 'no scope' scope set 2001:db8:9:: --id 1

	# What does not go together, and what is malformed.
	complaint 2 'has no range' scope set 2001:db8:7:: --no-range
	complaint 2 'has no range' scope add --subnet 2001:db8:9::/64 --range 192.0.2.1
	complaint 2 'of IPv6' scope set 192.0.2.0 --preference 1
	complaint 2 'does not lie' scope exclude 2001:db8:7:: 192.0.2.1
	complaint 2 'does not lie' scope exclude 192.0.2.0 2001:db8:7::1
	complaint 2 'does not lie' scope exclude 2001:db8:7:: 2001:db8:8::1
	complaint 2 'does not lie' scope add --subnet 2001:db8:9::/64 --exclude 2001:db8:8::1
	complaint 2 'not a range' scope exclude 2001:db8:7:: 2001:db8:7::2-2001:db8:7::1
	complaint 2 'not a range' scope exclude 2001:db8:7:: 2001:db8:7::1-2001:db8:8::1
	for prefix in 2001:db8:9::/56 2001:db8:9::/ 2001:db8:9::1/64 2001:db8::9::; do
		complaint 2 'not a prefix' scope add --subnet $prefix
		complaint 2 'not a prefix' scope show $prefix
	done

	expect 0 create --address 2001:db8:7::a --duid 0001
	complaint 1 'still holds leases' scope remove 2001:db8:7::
	expect 0 scope remove 2001:db8:7:: --force
	complaint 3 'no scope' scope remove 2001:db8:7::
	expect 0 scope list --json
	lines 2
	expect 0 list --count
	is 0
	expect 0 verify
	unset LESSOR_STORE
}

test_limits6() {
	LESSOR_STORE=$work/limits6
	export LESSOR_STORE
	expect 0 scope add --subnet 2001:db8:7::/64 --max-leases 3
	expect 0 limit set tag:line 2
	for iaid in 1 2; do
		expect 0 create --address 2001:db8:7::$iaid --duid 0001 --iaid $iaid --limit-key tag:line --limit-key class:0x01
	done
	complaint 1 'as many leases as it may' create --address 2001:db8:7::3 --duid 0001 --iaid 3 --limit-key tag:line
	expect 0 create --address 2001:db8:7::3 --duid 0001 --iaid 3
	complaint 1 'as many leases as it may' create --address 2001:db8:7::4 --duid 0001 --iaid 4
	expect 0 get --address 2001:db8:7::1 --json
	json
	has '"limit_keys":\["tag:line","class:0x01"\]}$'
	expect 0 get --address 2001:db8:7::1
	has '^limit key  *tag:line$'
	expect 0 scope show 2001:db8:7:: --json
	json
	has '"max_leases":3,'
	expect 0 log
	has ' limit tag:line most 2$'
	expect 0 log --json
	has '"kind":"limit","key":"tag:line","max":2}$'

	# The format of its own keeps them, and an import asks for the limits.
	expect 0 export --format json --output "$work/limits6.json"
	LESSOR_STORE=$work/limits6-again
	expect 0 import --quiet "$work/limits6.json"
	expect 0 export --format json --output "$work/limits6-again.json"
	cmp "$work/limits6.json" "$work/limits6-again.json" || fail "the copy differs"
	expect 0 limit set tag:line 2
	complaint 1 'as many leases as it may' create --address 2001:db8:7::4 --duid 0001 --iaid 4
	expect 0 verify

	# What a limit refuses is a refused row, and what a format has no room for is said.
	LESSOR_STORE=$work/limits6-refuses
	expect 0 scope add --subnet 2001:db8:7::/64
	expect 0 limit set tag:line 1
	"$lessor" import "$work/limits6.json" >"$out" 2>&1 || fail "the import of what is over a limit fails"
	has '^ *1  leases refused$'
	has 'json:[0-9]*: .*as many leases as it may'
	expect 0 list --count
	is 2
	"$lessor" export --format isc >"$work/limits6.isc" 2>"$out" || fail "the export fails"
	has 'note: 1 lease: keys of limits not written$'
	unset LESSOR_STORE
}

test_leases6() {
	LESSOR_STORE=$work/leases6
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24
	expect 0 scope add --subnet 2001:db8:7::/64 --lease-s 600
	expect 0 scope add --subnet 2001:db8:8::/64
	expect 0 create --address 192.0.2.1 --mac 020000000001 --name cam-1
	expect 0 create --address 2001:db8:7::a --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 4660 --mac 02-00-5E-10-00-01 \
		--name cam-1 --comment hall --expires 2026-01-01T01:00:00Z --preferred 2026-01-01T00:30:00Z --state 65 \
		--owner-address 2001:db8::53 --last-transaction @1767225600 --dns both --user-context '{ "a": 1 }' --hardware-type 6
	lines 0
	expect 0 get --address 2001:db8:7::a --json
	json
	has '^{"address":"2001:db8:7::a","scope":"2001:db8:7::/64","duid":"00:03:00:01:02:00:5e:10:00:01","iaid":4660,"hardware":"02:00:5e:10:00:01","hardware_type":6,"state":"active","address_state":65,"expires_at":"2026-01-01T01:00:00Z","preferred_expires_at":"2026-01-01T00:30:00Z","last_transaction_s":1767225600,"dns_forward":true,"dns_reverse":true,"name":"cam-1","comment":"hall","owner_address":"2001:db8::53","user_context":"{ \\"a\\": 1 }","ticket":[1-9][0-9]*}$'
	complaint 4 'a lease of 2001:db8:7::a' create --address 2001:db8:7::a --duid 02
	complaint 4 'a lease of 2001:db8:7::b' create --address 2001:db8:7::b --duid 0003000102005e100001 --iaid 4660
	complaint 3 'no scope' create --address 2001:db8:9::1 --duid 02
	complaint 3 'no scope' create --address 2001:db8:9::1 --duid 02 --expires never

	# The time of the lease is the scope's, counted from now; the preferred one is the same.
	before=$(date +%s)
	expect 0 create --address 2001:db8:7::b --duid 0003000102005e100001 --json
	after=$(date +%s)
	json
	has '"iaid":0,'
	expires=$(sed 's/.*"expires_at":"\([^"]*\)","preferred_expires_at":"\1".*/\1/' "$out")
	seconds=$(($(date -d "$expires" +%s) - 600))
	if [ "$seconds" -lt "$before" ] || [ "$seconds" -gt "$after" ]; then
		fail "the lease does not end in 600 seconds"
	fi
	expect 0 create --address 2001:db8:8::a --duid 0003000102005e100001 --lease-s 4294967295 --state declined
	expect 0 get --address 2001:db8:8::a --json
	has '"state":"declined","address_state":2,"expires_at":"never","preferred_expires_at":"never"'

	expect 0 get --duid 0003000102005e100001 --json
	lines 2
	expect 0 get --duid 0003000102005e100001 --iaid 4660 --json
	lines 1
	has '"address":"2001:db8:7::a"'
	expect 0 get --duid 0003000102005e100001 --scope 2001:db8:8::/64 --json
	lines 1
	has '"address":"2001:db8:8::a"'
	complaint 3 'no lease of this client in scope 2001:db8:8::' get --duid 0003000102005e100001 --iaid 4660 --scope 2001:db8:8::
	complaint 3 'no scope 2001:db8:9::' get --duid 01 --scope 2001:db8:9::
	expect 0 get --name cam-1 --json
	lines 2
	expect 0 get --name cam-1 --scope 2001:db8:7:: --json
	lines 1
	has '"address":"2001:db8:7::a"'
	expect 0 get --name cam-1
	has '^address  *192\.0\.2\.1$'
	has '^$'
	has '^address  *2001:db8:7::a$'

	expect 0 list --count
	is 4
	expect 0 list --from 2001:db8:7::b --count
	is 2
	expect 0 list --from 2001:db8:7::b --limit 1 --json
	lines 1
	has '"address":"2001:db8:7::b"'
	expect 0 list --from 2001:db8:7::b --scope 2001:db8:7:: --count
	is 1
	expect 0 list --from 2001:db8:8:: --scope 2001:db8:7:: --count
	is 0
	expect 0 list --from 2001:db8:7:: --scope 192.0.2.0 --count
	is 0
	expect 0 list --scope 2001:db8:8:: --state declined --count
	is 1
	complaint 3 'no scope' list --scope 2001:db8:9::
	expect 0 stats 2001:db8:7:: --json
	has '"leases":2,'

	# What does not go together.
	complaint 2 'whose lease' create --address 2001:db8:7::c --mac 020000000001
	for option in --client-id=01 --client-id-made-up --type=dhcp --policy=p --owner=o --quarantine=1 --quarantine-capable \
		--probation-ends=never --owner-address=192.0.2.1; do
		complaint 2 "${option%%=*}.* of IPv4" create --address 2001:db8:7::c --duid 01 "$option"
	done
	for option in --duid=01 --iaid=1 --preferred=never --owner-address=2001:db8::1; do
		complaint 2 "${option%%=*}.* of IPv6" create --address 192.0.2.2 --mac 020000000002 "$option"
	done
	complaint 2 'IPv4, --duid' get --duid 01 --scope 192.0.2.0
	complaint 2 'IPv4, --duid' get --client-id 01 --scope 2001:db8:7::
	complaint 2 'with --duid' get --name x --iaid 1
	complaint 2 'which lease' get --duid 01 --name x
	complaint 2 'which lease' delete --address 2001:db8:7::a --duid 01
	complaint 2 'of IPv4' delete --address 2001:db8:7::a --client-id 01
	complaint 2 'IPv4, --duid' delete --duid 01 --scope 192.0.2.0

	complaint 3 'no lease of 2001:db8:7::c' delete --address 2001:db8:7::c
	complaint 3 'no lease of 2001:db8:9::c' delete --address 2001:db8:9::c
	complaint 3 'no lease in scope' delete --duid 0003000102005e100001 --iaid 1 --scope 2001:db8:7::
	expect 0 delete --duid 0003000102005e100001 --iaid 4660 --scope 2001:db8:7::
	complaint 3 'no lease of 2001:db8:7::a' get --address 2001:db8:7::a
	expect 0 delete --address 2001:db8:8::a
	expect 0 list --count
	is 2
	expect 0 verify
	unset LESSOR_STORE
}

test_stats() {
	LESSOR_STORE=$work/leases
	export LESSOR_STORE
	expect 2 stats --watch --count=0
	expect 0 stats
	has '^192\.0\.2\.0/24  *0  -  *100  *3  *97  *3\.0  *4  *1  *1  *9  *5  *0$'
	has '^198\.51\.100\.0/24  *0  -  *0  *0  *0  *-  *0  *0  *0  *1  *1  *0$'
	has '^total  *scopes: 2  *100  *3  *97  *3\.0  *4  *1  *1  *10  *6  *0$'
	has '^store (leases: 4, scopes: 2, '
	expect 0 stats --json
	json
	has '"total":{"pool":100,"in_use":3,"free":97,"pending":0,"leases":4,"leases_active":2,"leases_declined":1,"leases_doomed":1,"creates":10,"deletes":6,"expires":0}'
	expect 0 stats 192.0.2.0/24
	lines 2
	lacks '^total'
	complaint 3 'no scope' stats 203.0.113.0
	unset LESSOR_STORE
}

# shellcheck disable=SC2086 # commands meant to be several words
# A name that rings, moves the cursor, reverses the writing and is no plain text at all.
test_hostile_names() {
	LESSOR_STORE=$work/hostile
	export LESSOR_STORE
	evil=$(printf 'a\033[2Jb\007c\td\\e\302\233f\342\200\256g\303\274h\177\360\237\230\200')
	expect 0 scope add --subnet 192.0.2.0/24 --name "$evil"
	expect 0 create --address 192.0.2.1 --mac 00 --name "$evil"
	for command in 'list' 'get --address 192.0.2.1' 'scope list' 'scope show 192.0.2.0' 'stats'; do
		expect 0 $command
		has 'a\\x1b\[2Jb\\ac\\td\\\\e\\u009bf\\u202egüh\\x7f'
		in_c_locale $command
		has 'a\\x1b\[2Jb\\ac\\td\\\\e\\u009bf\\u202eg\\u00fch\\x7f\\U0001f600'
	done
	for command in 'list' 'get --address 192.0.2.1' 'scope list' 'scope show 192.0.2.0' 'stats'; do
		expect 0 $command --json
		json
		has '"a\\u001b\[2Jb\\u0007c\\td\\\\e\\u009bf\\u202egüh\\u007f'
		in_c_locale $command --json
		has '\\ud83d\\ude00"'
	done
	expect 0 get --name "$evil" --json
	complaint 2 "'.x1b.2J' is not a subnet" get --client-id 00 --scope "$(printf '\033[2J')"
	unset LESSOR_STORE
}

# A lease whose JSON is longer than a pipe is deep: who prints it into a pipe that nobody reads stays there, the store open.
add_long_lease() {
	long=$(printf '%016000d' 0 | sed 's/0/\x01/g')
	expect 0 create --address "$1" --mac "$2" --user-context "$long"
}

test_output_failures() {
	LESSOR_STORE=$work/output
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24
	add_long_lease 192.0.2.1 01
	for command in 'list' 'list --count' 'list --json' 'get --address 192.0.2.1' 'scope list' 'stats' 'verify' 'log' \
		'history 192.0.2.1' '--help' 'get --help' '--version'; do
		# shellcheck disable=SC2086 # meant to be several words
		"$lessor" $command >/dev/full 2>"$err"
		[ $? -eq 1 ] || fail "'$command' does not notice that its output has no room"
		grep -q 'cannot write the output: No space left on device' "$err" || fail "'$command' does not say so"
		# shellcheck disable=SC2086 # meant to be several words
		"$lessor" $command >&- 2>"$err"
		[ $? -eq 1 ] || fail "'$command' does not notice that it has no output"
		grep -q 'cannot write the output' "$err" || fail "'$command' does not say that it has no output"
	done
	{
		"$lessor" list --json 2>"$err"
		echo $? >status
	} | :
	[ "$(cat status)" -eq 1 ] || fail "'list' does not notice that nobody reads its output"
	grep -q 'cannot write the output: Broken pipe' "$err" || fail "'list' does not say that nobody reads its output"

	# Commands that print nothing do not miss it, and nothing of the store lands where it was or was to be.
	"$lessor" create --address 192.0.2.2 --mac 02 <&- >&- 2>&- || fail "'create' needs its standard streams"
	"$lessor" create --address 192.0.2.2 --mac 02 <&- >&- 2>&-
	[ $? -eq 4 ] || fail "the second 'create' without standard streams does not fail as it should"
	expect 0 verify
	expect 0 list --count
	is 2
	unset LESSOR_STORE
}

test_locked_store() {
	LESSOR_STORE=$work/locked
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24
	mkfifo pipe
	long=$(printf '%016000d' 0 | sed 's/0/\x01/g')
	"$lessor" create --address 192.0.2.1 --mac 01 --user-context "$long" --json >pipe &
	holder=$!
	exec 9<pipe
	# Its first byte says that it has opened the store; the others do not fit into the pipe.
	dd bs=1 count=1 <&9 >first.json 2>"$err" || fail "the command that is to hold the store prints nothing"
	complaint 5 'locked' create --address 192.0.2.2 --mac 02
	complaint 5 'locked' list
	complaint 5 'locked' verify
	complaint 5 'locked' snapshot
	cat <&9 >>first.json
	exec 9<&-
	wait $holder || fail "the command that had the store open fails in the end"
	expect 0 create --address 192.0.2.2 --mac 02
	expect 0 get --address 192.0.2.1 --json
	cmp -s first.json "$out" || fail "'create --json' and 'get --json' differ"
	unset LESSOR_STORE
}

# Called with $work/damaged: its first change is lost, and $work/care: it is sound.
test_salvage() {
	complaint 6 "the store 'damaged' is damaged" salvage damaged exact
	has '^damage: log-.* at offset 4096: .*; the changes behind position 64 up to [1-9]'
	has '^later: .*192.0.2.5'
	has 'holds leases: 0, scopes: 0, up to position: 64$'
	expect 6 salvage --newest damaged newest
	has '^left out: .*no scope is left for this lease (192.0.2.5, position '
	LESSOR_STORE=$work/newest
	expect 0 verify
	expect 0 salvage --json care copy
	json
	has '"sound":true,"leases":5,"scopes":1,'
	LESSOR_STORE=$work/copy
	expect 0 list --count
	is 5
	complaint 1 'is not empty' salvage care copy
	complaint 2 'say which store to salvage' salvage care
	complaint 1 'nowhere' salvage nowhere fresh
	LESSOR_STORE=$work/damaged
}

test_verify_and_snapshot() {
	LESSOR_STORE=$work/care
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24 --range 192.0.2.1-192.0.2.254
	for i in 1 2 3 4 5; do
		expect 0 create --address 192.0.2.$i --mac 0$i
	done
	cp -a care damaged
	expect 0 verify
	has 'is sound (leases: 5, scopes: 1, leases from the snapshot: 0, records from the log: 6, '
	expect 0 verify --json
	json
	has '"sound":true,"status":"LESSOR_OK",.*"leases":5,"scopes":1,'
	expect 0 snapshot
	has '^leases: 5, bytes: [1-9][0-9]*, seconds: [0-9][0-9.]*$'
	has ", bytes: $(cat care/snapshot-*.lsr | wc -c),"
	expect 0 snapshot --json
	json
	has '"leases":5,'
	expect 0 verify
	has 'leases from the snapshot: 5, records from the log: 0,'
	expect 0 list --count
	is 5

	# The first change of the log, with many behind it.
	for file in damaged/log-*; do
		printf 'XXXXXXXXXXXXXXXX' | dd of="$file" bs=1 seek=4164 conv=notrunc 2>"$err" || fail "cannot damage $file"
		break
	done
	LESSOR_STORE=$work/damaged
	complaint 6 "the store '.*damaged' is damaged: .*log-" verify
	complaint 6 'log-' list
	complaint 6 'log-' create --address 192.0.2.9 --mac 09
	"$lessor" verify --json >"$out" 2>"$err"
	[ $? -eq 6 ] || fail "'verify --json' does not find the damage"
	json
	has '"sound":false,"status":"LESSOR_DAMAGED","sentence":".*log-'
	has '"kind":"damage","file":"log-.*","offset":4096,"after":64,"upto":[1-9]'
	test_salvage
	unset LESSOR_STORE
}

next_second() {
	second=$(date +%s)
	while [ "$(date +%s)" -eq "$second" ]; do
		sleep 0.05
	done
}

test_log_and_history() {
	LESSOR_STORE=$work/changes
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24 --range 192.0.2.1-192.0.2.254
	expect 0 create --address 192.0.2.7 --mac 01 --name first
	expect 0 delete --address 192.0.2.7
	next_second
	moment=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	next_second
	expect 0 create --address 192.0.2.7 --mac 02 --name second
	expect 0 log
	has '^[0-9]* 20..-..-..T..:..:..Z scope 192.0.2.0/24 state enabled range 192.0.2.1 192.0.2.254$'
	has '^[0-9]* 20..-..-..T..:..:..Z lease 192.0.2.7 client 01 state active expires .* name first$'
	has '^[0-9]* 20..-..-..T..:..:..Z lease-end 192.0.2.7$'
	from=$(sed -n 's/^\([0-9]*\) .* lease-end .*/\1/p' "$out")
	expect 0 log --from "$from" --json
	json
	is "$(grep '"kind":"lease","address":"192.0.2.7".*"name":"second"' "$out")"
	complaint 1 'position' log --from 1000000
	expect 0 log changes
	complaint 2 'no address' history somewhere
	expect 0 history 192.0.2.7
	has 'lease 192.0.2.7 .* name first$'
	has 'lease-end 192.0.2.7$'
	has 'lease 192.0.2.7 .* name second$'
	complaint 3 'no lease of 192.0.2.7 at that time' history 192.0.2.7 --at "$moment"
	expect 0 history 192.0.2.7 --at "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --json
	json
	has '"name":"second"'
	complaint 3 'no lease of 2001:db8::1' history 2001:db8::1
	complaint 2 '--at goes with neither --since nor --until' history 192.0.2.7 --at "$moment" --until "$moment"
	complaint 2 '--at goes with neither --since nor --until' history 192.0.2.7 --since "$moment" --at "$moment"
	"$lessor" log --follow >follow 2>/dev/null &
	following=$!
	expect 0 create --address 192.0.2.8 --mac 03 --name third
	until grep -q 'name third$' follow; do
		kill -0 "$following" 2>/dev/null || fail "'log --follow' does not show what another process does"
		sleep 0.1
	done
	kill -INT "$following"
	wait "$following"
	unset LESSOR_STORE
}

# What looks like a write that a crash interrupted: bytes behind the end of the log that are no part of it.
test_torn_log() {
	LESSOR_STORE=$work/torn
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24
	expect 0 create --address 192.0.2.1 --mac 01
	for file in torn/log-*; do
		last=$file
	done
	head -c 4096 /dev/urandom >>"$last"
	expect 0 verify
	has 'is sound (leases: 1, '
	has 'last 4096 bytes of the log are a write that a crash tore'
	expect 0 verify --json
	json
	has '"sound":true,.*"torn_bytes":4096,'
	expect 0 list --count
	is 1
	"$lessor" create --address 192.0.2.2 --mac 02 >"$out" 2>"$err" || fail "a torn write keeps the store shut"
	grep -q 'note: cut 4096 bytes' "$err" || fail "cutting a torn write goes without a note"
	expect 0 verify
	has 'is sound (leases: 2, '
	lacks 'a crash tore'
	unset LESSOR_STORE
}

# Needs a user whom permissions bind.
test_no_permission() {
	LESSOR_STORE=$work/forbidden
	export LESSOR_STORE
	expect 0 scope add --subnet 192.0.2.0/24
	expect 0 create --address 192.0.2.1 --mac 01
	chmod -R a-w,a+rX forbidden
	chmod a+rx .
	as_user=
	if [ "$(id -u)" -eq 0 ]; then
		as_user='setpriv --reuid=65534 --regid=65534 --clear-groups'
		if ! $as_user "$lessor" --version >"$out" 2>&1 || ! $as_user test -r "$work/forbidden"; then
			echo "cli_test: note: permissions are not tested, no other user can run the command" >&2
			chmod -R u+w forbidden
			return
		fi
	fi
	# shellcheck disable=SC2086 # meant to be several words or none
	$as_user "$lessor" list --count >"$out" 2>"$err" || fail "reading needs a permission to write"
	is 1
	# shellcheck disable=SC2086
	$as_user "$lessor" create --address 192.0.2.2 --mac 02 >"$out" 2>"$err"
	[ $? -eq 1 ] || fail "'create' does not fail for a directory that it may not write"
	grep -q 'ermission denied\|ead-only' "$err" || fail "'create' does not say that it may not write"
	# shellcheck disable=SC2086
	$as_user "$lessor" scope add --subnet 10.0.0.0/8 --store "$work/forbidden/new" >"$out" 2>"$err"
	[ $? -eq 1 ] || fail "'scope add' does not fail where it may not make a store"
	chmod -R u+w forbidden
	expect 0 list --count
	is 1
	unset LESSOR_STORE
}

if [ $# -eq 0 ]; then
	set -- help manual wrong_arguments missing_store scopes leases scopes6 leases6 limits6 stats hostile_names output_failures \
		locked_store verify_and_snapshot log_and_history torn_log no_permission
fi
for test; do
	echo "cli_test: $test" # where a time limit ends it
	"test_$test"
done
echo "cli_test: everything is as it should be"
