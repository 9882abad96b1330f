#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# import, export and generate, end to end: import_test.sh PATH_OF_LESSOR [PATH_OF_TESTS_DATA [TEST...]]. Stops at the first thing that
# is not as it should be. LESSOR_TEST_SEED sets when the killed imports are killed.

set -u

lessor=${1:?the path of the command lessor is missing}
data=${2:-$(dirname "$0")/data}
case $lessor in
/*) ;;
*) lessor=$PWD/$lessor ;;
esac
case $data in
/*) ;;
*) data=$PWD/$data ;;
esac
shift
[ $# -eq 0 ] || shift
unset LESSOR_STORE
LC_ALL=C.UTF-8
export LC_ALL
umask 022

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
out=$work/out
err=$work/err

fail() {
	echo "import_test: $*" >&2
	for file in "$out" "$err"; do
		if [ -s "$file" ]; then
			echo "--- $(basename "$file"):" >&2
			head -c 3000 "$file" >&2
		fi
	done
	exit 1
}

# expect STATUS ARGUMENT...: run lessor and compare its exit status; failure says why.
expect() {
	wanted=$1
	shift
	"$lessor" "$@" >"$out" 2>"$err" </dev/null
	got=$?
	[ "$got" -eq "$wanted" ] || fail "'lessor $*' exits with $got instead of $wanted"
	[ "$wanted" -eq 0 ] || grep -q '^lessor.*: ' "$err" || fail "'lessor $*' fails without saying why"
}

# complaint STATUS PATTERN ARGUMENT...
complaint() {
	pattern=$2
	status=$1
	shift 2
	expect "$status" "$@"
	grep -q -e "$pattern" "$err" || fail "'lessor $*' does not say '$pattern'"
}

has() {
	grep -q -e "$1" "$out" || fail "the output lacks '$1'"
}

lacks() {
	if grep -q -e "$1" "$out"; then
		fail "the output has '$1'"
	fi
}

# number MEMBER: of the JSON object on the last output.
number() {
	sed -n "s/.*\"$1\": *\\([0-9][0-9]*\\).*/\\1/p" "$out"
}

# counts MEMBER=NUMBER...: what the summary of the last import --json says.
counts() {
	for count in "$@"; do
		[ "$(number "${count%%=*}")" = "${count#*=}" ] || fail "${count%%=*} is '$(number "${count%%=*}")' instead of ${count#*=}"
	done
}

header=address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id

# rows ROW...: the header of twelve columns and these.
rows() {
	echo "$header"
	[ $# -eq 0 ] || printf '%s\n' "$@"
}

# file NAME ROW...
file() {
	name=$1
	shift
	rows "$@" >"$name"
}

# import STORE ARGUMENT...: into the scope 192.0.2.0/24 with the id 7, quietly, with a summary in JSON; exit status 0.
import() {
	store=$1
	shift
	expect 0 import --store "$store" --scope 192.0.2.0/24=7 --quiet --json "$@"
}

# exported STORE ROW...: the store holds exactly these leases.
exported() {
	store=$1
	shift
	"$lessor" export --store "$store" --quiet >exported.csv 2>"$err" || fail "exporting $store fails"
	file wanted.csv "$@"
	if ! cmp -s wanted.csv exported.csv; then
		diff wanted.csv exported.csv >"$out"
		fail "the store holds other leases"
	fi
}

a_row() { # ADDRESS LAST_BYTE_OF_CLIENT EXPIRE [NAME]
	echo "192.0.2.$1,02:00:5e:10:00:$2,01:02:00:5e:10:00:$2,3600,$3,7,0,0,${4:-},0,,0"
}

an_end() { # ADDRESS LAST_BYTE_OF_CLIENT
	echo "192.0.2.$1,02:00:5e:10:00:$2,01:02:00:5e:10:00:$2,0,1767229999,7,0,0,,3,,0"
}

# ---- a file that a real server wrote -------------------------------------------------------------------------------

# The columns of expected-leases.csv out of an export: names are not escaped there, those with a comma stand in quotes, and each octet
# is the character of its number, as in all of the server's JSON.
as_the_server_said() {
	LC_ALL=C awk -F, '
	function decoded(cell, text) {
		while (match(cell, /&#x[0-9a-f][0-9a-f]/)) {
			text = text substr(cell, 1, RSTART - 1) octet[substr(cell, RSTART + 3, 2)]
			cell = substr(cell, RSTART + 5)
		}
		return text cell
	}
	BEGIN {
		for (i = 1; i < 256; i++) {
			octet[sprintf("%02x", i)] = i < 128 ? sprintf("%c", i) : sprintf("%c%c", 192 + int(i / 64), 128 + i % 64)
		}
	}
	NR > 1 {
		name = decoded($9, "")
		if (name ~ /,/) {
			name = "\"" name "\""
		}
		print $1 "," $2 "," $3 "," $4 "," $5 "," $6 "," name "," $10
	}' "$1" | LC_ALL=C sort
}

test_real_file() {
	gzip -dc "$data/kea/kea-leases4.csv.gz" >whole.csv || fail 'the test data is missing'
	# The server was asked for its leases when it had written so many rows; afterwards it reclaimed those that had expired.
	head -n 26429 whole.csv >leases.csv
	expect 0 import --store a --config "$data/kea/kea-dhcp4.conf" --quiet --json leases.csv
	counts rows=26428 created=16662 replaced=0 unchanged=0 ended=0 refused=0 damaged_rows=0 warnings=1
	has '"complete": *true'
	has 'reservations'
	expect 0 export --store a --output a.csv
	[ ! -s "$err" ] || fail 'something is lost, though all of it came from Kea'
	as_the_server_said a.csv >got
	gzip -dc "$data/kea/expected-leases.csv.gz" | tr -d '\r' | sed 1d | LC_ALL=C sort >wanted
	cmp -s got wanted || fail 'the leases are not those that the server answered'

	expect 0 import --store b --config "$data/kea/kea-dhcp4.conf" --quiet --json a.csv
	counts rows=16662 created=16662
	expect 0 export --store b --output b.csv
	cmp -s a.csv b.csv || fail 'the second export differs from the first'

	expect 0 import --store a --config "$data/kea/kea-dhcp4.conf" --quiet --json leases.csv
	counts created=0 replaced=0 unchanged=16662 ended=0
	expect 0 verify --store a
	expect 0 stats --store a --json
	tr -d ' \n' <"$out" | sed 's/},*{/}\n{/g' >stats
	for row in 10.0.0.0:65521:11411 100.64.0.0:16353:5141 192.0.2.0:191:110; do
		IFS=: read -r subnet pool leases <<-END
			$row
		END
		grep "\"$subnet" stats | grep -q "\"pool\":$pool,.*\"leases\":$leases," ||
			fail "the figures of $subnet are not pool $pool and leases $leases"
	done

	expect 0 import --store a --config "$data/kea/kea-dhcp4.conf" --quiet --json whole.csv
	counts rows=26522 created=0 replaced=0 unchanged=16615 ended=47
	expect 0 import --store c --config "$data/kea/kea-dhcp4.conf" --quiet --json whole.csv
	counts created=16615
	for store in a c; do
		expect 0 export --store $store --output $store.csv
	done
	cmp -s a.csv c.csv || fail 'the way to the end of the file makes a difference'
}

# ---- generations of the format ------------------------------------------------------------------------------------

test_headers() {
	nine='192.0.2.10,02:00:5e:10:00:01,01:02:00:5e:10:00:01,3600,1767229200,7,1,1,cam-1'
	for columns in 9 10 11 12 13; do
		case $columns in
		9) cells=$nine ;;
		10) cells=$nine,0 ;;
		11) cells=$nine,0, ;;
		12) cells=$nine,0,,0 ;;
		13) cells=$nine,0,,0,43 ;;
		esac
		{
			echo "$header,shoe_size" | cut -d, -f1-$columns
			echo "$cells"
		} >columns.csv
		import columns-$columns columns.csv
		counts rows=1 created=1 refused=0 damaged_rows=0 warnings=$((columns == 13))
		exported columns-$columns "$nine,0,,0"
	done
	has 'shoe_size'
	{
		echo "$header" | cut -d, -f1-9
		echo "$nine,2,{ \"a\": 1 },5"
	} >wider.csv
	import wider wider.csv
	exported wider "$nine,2,{ \"a\": 1 },5"
}

test_not_a_lease_file() {
	echo 'address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname' >six.csv
	complaint 6 'six.csv:1: .*lacks the column hwaddr' import --store s --format kea4 --scope 192.0.2.0/24 six.csv
	echo 'hello' >hello
	complaint 6 'hello:1: this is not the header' import --store s --scope 192.0.2.0/24 hello
	head -c 100000 /dev/zero >zeros
	complaint 6 'zeros:1: this is not the header' import --store s --scope 192.0.2.0/24 zeros
	complaint 1 'No such file' import --store s --scope 192.0.2.0/24 nowhere.csv
	complaint 1 'directory' import --store s --scope 192.0.2.0/24 .
	mkfifo pipe
	complaint 1 'not a regular file' import --store s --scope 192.0.2.0/24 pipe
	[ ! -e s ] || fail 'a store was made for a file that cannot be read'
	: >empty.csv
	import empty empty.csv
	counts rows=0 created=0
	exported empty
}

test_line_ends() {
	{
		printf '\357\273\277\r\n\n'
		rows "$(a_row 10 01 1767229200)" '' "$(a_row 11 02 1767229200)" '' | sed 's/$/\r/'
		printf '\n\n'
		a_row 12 03 1767229200 | tr -d '\n'
	} >crlf.csv
	# The mark must be the first thing of the first line.
	sed -i '1s/^\(...\)\r$/\1/' crlf.csv
	import crlf crlf.csv
	counts rows=3 created=3 warnings=0 damaged_rows=0
	exported crlf "$(a_row 10 01 1767229200)" "$(a_row 11 02 1767229200)" "$(a_row 12 03 1767229200)"
}

# ---- replay -------------------------------------------------------------------------------------------------------

test_replay() {
	file replay.csv \
		"$(a_row 10 01 1767229200)" "$(a_row 10 01 1767229300 renewed)" \
		"$(a_row 11 02 1767229200)" "$(an_end 11 02)" \
		"$(an_end 12 03)" \
		"$(a_row 13 04 1767229200)" "$(an_end 13 04)" "$(a_row 13 04 1767229400)" \
		"$(a_row 14 05 1767229200)" "$(a_row 15 05 1767229500)" "$(an_end 14 05)" \
		"$(a_row 16 06 1767229200)" "$(a_row 16 07 1767229100)"
	import replay replay.csv
	counts rows=13 created=4 ended=0 refused=0
	exported replay "$(a_row 10 01 1767229300 renewed)" "$(a_row 13 04 1767229400)" "$(a_row 15 05 1767229500)" \
		"$(a_row 16 07 1767229100)"
}

# Every trait of a row that the mapping could lose.
test_round_trip() {
	id=$(printf ':%02x' $(seq 1 254))
	hardware=$(printf ':%02x' $(seq 1 19))
	file round.csv \
		"192.0.2.1,02:00:5e:10:00:01,01:02:00:5e:10:00:01,3600,1767229200,7,1,0,cam-1.example.net,0,,0" \
		"192.0.2.2,02:00:5e:10:00:02,,4294967295,6062192895,7,0,1,,0,,0" \
		"192.0.2.3,,01:02:00:5e:10:00:03,86400,1767229200,7,0,0,,0,,0" \
		"192.0.2.4,,,86400,1767229200,7,0,0,,1,,0" \
		"192.0.2.5,02:00:5e:10:00:05,,86400,1767229200,7,0,0,host,1,,0" \
		"192.0.2.6,00$hardware,00$id,1,4294967296,7,0,0,,0,,4294967295" \
		"192.0.2.7,02:00:5e:10:00:07,,3600,1767229200,7,0,0,,2,,0" \
		"192.0.2.8,02:00:5e:10:00:08,,3600,1767229200,7,0,0,,3,,1" \
		'192.0.2.9,02:00:5e:10:00:09,,3600,1767229200,7,0,0,a&#x2cb&#x26c\d"e&#x09&#xc3&#xa9&#xe9&#x7f,0,,0' \
		'192.0.2.10,02:00:5e:10:00:0a,,3600,1767229200,7,0,0,&#x26#x2c&#x26#x2,0,{ "ISC": { "relay-agent-info": { "sub-options": "0x01" } }&#x2c "x": [ 1&#x2c 2.50&#x2c { "y": "&#xc3&#xa9 \u00e9 \" &#x26" } ] },0' \
		'192.0.2.11,02:00:5e:10:00:0b,,3600,1767229200,7,0,0,,0,{  },0' \
		"192.0.2.255,02:00:5e:10:00:0c,,3600,3601,7,0,0,$(printf '%0255d' 0),0,,0"
	import round round.csv
	counts rows=12 created=12 refused=0 damaged_rows=0 warnings=0
	expect 0 export --store round --output again.csv
	[ ! -s "$err" ] || fail 'something is lost, though all of it came from Kea'
	cmp -s round.csv again.csv || { diff round.csv again.csv >"$out"; fail 'a row came back differently'; }
	import round again.csv
	counts created=0 replaced=0 unchanged=12
}

test_infinite_lifetime_of_sql() {
	file sql.csv "192.0.2.2,02:00:5e:10:00:02,,4294967295,1767225600,7,0,1,,0,,0"
	import sql sql.csv
	exported sql "192.0.2.2,02:00:5e:10:00:02,,4294967295,6062192895,7,0,1,,0,,0"
}

test_expire_below_lifetime() {
	file early.csv "192.0.2.2,02:00:5e:10:00:02,,3600,1000,7,0,0,,0,,0"
	import early early.csv
	counts created=1 warnings=1
	has 'began before 1970'
	has 'early.csv'
	exported early "192.0.2.2,02:00:5e:10:00:02,,1000,1000,7,0,0,,0,,0"
}

# ---- siblings -----------------------------------------------------------------------------------------------------

test_siblings() {
	file l.2 "$(a_row 10 01 1767229200 two)" "$(a_row 11 02 1767229200 two)" "$(a_row 12 03 1767229200 two)"
	file l.1 "$(a_row 11 02 1767229200 one)" "$(an_end 12 03)"
	file l "$(a_row 13 04 1767229200 now)"
	import all l
	counts files=3 created=3
	exported all "$(a_row 10 01 1767229200 two)" "$(a_row 11 02 1767229200 one)" "$(a_row 13 04 1767229200 now)"
	import alone --no-siblings l
	counts files=1 created=1
	exported alone "$(a_row 13 04 1767229200 now)"
	file l.completed "$(a_row 11 02 1767229200 completed)"
	import completed l
	counts files=2 created=2
	exported completed "$(a_row 11 02 1767229200 completed)" "$(a_row 13 04 1767229200 now)"
	rm l l.completed l.2
	import rest l
	counts files=1 created=1 ended=0
	file b "$(a_row 11 02 1767229200 b)"
	import several l.1 b
	counts files=2 created=1
	exported several "$(a_row 11 02 1767229200 b)"
}

# ---- damage -------------------------------------------------------------------------------------------------------

damaged_file() {
	{
		rows "$(a_row 10 01 1767229200)" \
			'192.0.2.11,02:00:5e:10:00:02,,3600,1767229200' \
			'192.0.2.12,02:00:5e:10:00:03,,3600,1767229200,7,0,0,,0,[ 1 ],0' \
			'192.0.2.13,,,3600,1767229200,7,0,0,,0,,0' \
			"$(a_row 14 05 1767229200)"
		head -c 1500000 /dev/zero | tr '\0' x
		echo
		a_row 15 06 1767229200
		a_row 16 07 1767229200 | cut -d, -f1-8 | tr -d '\n'
	} >damaged.csv
}

test_damage() {
	damaged_file
	import damaged damaged.csv
	counts rows=8 created=3 damaged_rows=4 warnings=1 refused=0
	for line in 3 4 5 7; do
		has "\"line\": *$line,"
	done
	has 'the row has too few cells'
	has 'user_context is not a JSON object'
	has 'neither hwaddr nor client_id'
	has 'longer than 1 MiB'
	has 'cut off'
	exported damaged "$(a_row 10 01 1767229200)" "$(a_row 14 05 1767229200)" "$(a_row 15 06 1767229200)"
	expect 0 import --store people --scope 192.0.2.0/24=7 --quiet damaged.csv
	has '^ *8  rows read from 1 file'
	has '^ *3  leases created'
	has '^ *4  damaged rows skipped'
	has 'damaged.csv:5: the row has neither'
}

test_error_limits() {
	damaged_file
	complaint 6 'nothing was changed' import --store strict --scope 192.0.2.0/24=7 --quiet --strict damaged.csv
	has 'damaged.csv:3:'
	complaint 6 'more than 3 rows' import --store strict --scope 192.0.2.0/24=7 --quiet --error-limit 3 damaged.csv
	expect 0 scope list --store strict --json
	lacks '192'
	expect 0 import --store strict --scope 192.0.2.0/24=7 --quiet --error-limit 4 damaged.csv
	file sound.csv "$(a_row 10 01 1767229200)"
	import strict --strict sound.csv
	file refused.csv "$(a_row 10 01 1767229200)" '198.51.100.1,02:00,,1,2,7,0,0,,0,,0'
	complaint 6 'nothing was changed' import --store other --scope 192.0.2.0/24=7 --quiet --strict refused.csv
	has 'refused.csv:3: '
	exported strict "$(a_row 10 01 1767229200)" "$(a_row 14 05 1767229200)" "$(a_row 15 06 1767229200)"
}

test_dropped_name() {
	file nul.csv "$(a_row 10 01 1767229200 'a&#x00b')"
	import nul nul.csv
	counts created=1 warnings=1
	has 'NUL'
	exported nul "$(a_row 10 01 1767229200)"
}

# ---- scopes -------------------------------------------------------------------------------------------------------

test_scopes_of_rows() {
	file scopes.csv "$(a_row 10 01 1767229200)" \
		'192.0.2.11,02:00,,1,2,8,0,0,,0,,0' \
		'192.0.2.12,02:01,,1,2,9,0,0,,0,,0' \
		'203.0.113.1,02:02,,1,2,7,0,0,,0,,0' \
		'203.0.113.2,02:03,,1,2,99,0,0,,0,,0' \
		'203.0.113.3,02:04,,0,2,99,0,0,,0,,0' \
		'192.0.2.13,02:05,,1,2,0,0,0,,0,,0' \
		'198.51.100.1,02:06,,1,2,8,0,0,,0,,0'
	expect 0 import --store s --scope 192.0.2.0/24=7 --scope 198.51.100.0/24=8:198.51.100.1-198.51.100.9 --json --quiet scopes.csv
	counts rows=8 created=3 refused=4
	counts 'subnet_id names another scope than the one that holds the address=2'
	counts 'subnet_id is not that of the scope that holds the address=1'
	counts 'no scope holds the address=1'
	for line in 3 4 5 6; do
		has "\"line\": *$line,"
	done
	exported s "$(a_row 10 01 1767229200)" '192.0.2.13,02:05,,1,2,7,0,0,,0,,0' '198.51.100.1,02:06,,1,2,8,0,0,,0,,0'
}

test_scope_takes_its_id_from_rows() {
	file ids.csv "$(a_row 10 01 1767229200)" '192.0.2.11,02:00,,1,2,8,0,0,,0,,0'
	expect 0 import --store s --scope 192.0.2.0/24 --json --quiet ids.csv
	counts created=1 refused=1
	exported s "$(a_row 10 01 1767229200)"
	expect 0 scope add --store t --subnet 192.0.2.0/24
	expect 0 import --store t --json --quiet ids.csv
	counts created=1 refused=1
	exported t "$(a_row 10 01 1767229200)"
}

test_wrong_scopes() {
	file l "$(a_row 10 01 1767229200)"
	complaint 2 'no scope' import --store s --quiet l
	import s l
	import s l
	complaint 4 'has the subnet id 7 in the store' import --store s --scope 192.0.2.0/24=8 --quiet l
	complaint 4 'overlap' import --store s --scope 192.0.2.0/25=8 --quiet l
	complaint 4 'two subnets have the id 7' import --store t --scope 192.0.2.0/24=7 --scope 10.0.0.0/8=7 --quiet l
	for scope in 192.0.2.1/24 192.0.2.0 192.0.2.0/24=x 192.0.2.0/24=7:x 192.0.2.0/24:10.0.0.1-10.0.0.2 192.0.2.0/24=; do
		complaint 2 'scope' import --store s --scope "$scope" --quiet l
	done
	complaint 2 'not known' import --store s --scope 192.0.2.0/24 --format stone l
	complaint 2 'which file' import --store s --scope 192.0.2.0/24
}

test_configurations() {
	file l "$(a_row 10 01 1767229200)"
	cat >kea.conf <<-'END'
		# What this server does
		{ "Dhcp4": { "valid-lifetime": 5000, /* default */
		  "shared-networks": [ { "name": "floor // 2", "subnet4": [
		    { "id": 7, "subnet": "192.0.2.0/24", "valid-lifetime": 60, "pools": [
		      { "pool": "192.0.2.10 - 192.0.2.19" }, { "pool": "192.0.2.32/28" }, { "pool": "192.0.2.20-192.0.2.29" }, ] },
		  ] } ],
		  "subnet4": [ { "subnet": "198.51.100.0/24" } ] // no id
		} }
	END
	expect 0 import --store s --config kea.conf --json --quiet l
	counts created=1 warnings=1
	expect 0 scope show --store s 192.0.2.0/24 --json
	tr -d ' \n' <"$out" >scope
	grep -q '"first":"192.0.2.10","last":"192.0.2.47"' scope || fail 'the range is not 192.0.2.10 to 192.0.2.47'
	grep -q '"first":"192.0.2.30","last":"192.0.2.31"' scope || fail 'the gap 192.0.2.30 to 192.0.2.31 is no exclusion'
	grep -q '"lease_s":60' scope || fail 'the lease duration is not 60 seconds'
	expect 0 scope include --store s 192.0.2.0/24 192.0.2.30-192.0.2.31
	expect 0 import --store s --config kea.conf --json --quiet l
	counts unchanged=1
	expect 0 scope show --store s 192.0.2.0/24 --json
	has '192.0.2.30'
	expect 0 scope set --store s 192.0.2.0/24 --range 192.0.2.1-192.0.2.99
	expect 0 import --store s --config kea.conf --json --quiet l
	has 'another range, which stays'
	echo '{ "Dhcp4": { "subnet4": [ <?include "subnets.json"?> ] } }' >include.conf
	complaint 1 'include' import --store t --config include.conf --quiet l
	complaint 1 'nowhere.conf' import --store t --config nowhere.conf --quiet l
	[ ! -e t ] || fail 'a store was made for a configuration that cannot be used'
}

# ---- clients ------------------------------------------------------------------------------------------------------

test_client_twice() {
	file twice.csv "$(a_row 10 01 1767229200)" "$(a_row 11 01 1767229300)" "$(a_row 12 01 1767229250)" \
		"$(a_row 13 02 1767229200)" "$(a_row 14 02 1767229200)"
	import twice twice.csv
	counts created=2 refused=3 'the client already holds another address in this scope=3'
	has 'the client already holds 192.0.2.11 in this scope'
	has 'the client already holds 192.0.2.14 in this scope'
	exported twice "$(a_row 11 01 1767229300)" "$(a_row 14 02 1767229200)"
	import twice twice.csv
	counts created=0 replaced=0 unchanged=2 refused=3
}

# The former client of an address that loses its new one does not keep it.
test_former_client_of_a_lost_address() {
	file before.csv "$(a_row 10 09 1767229200)" "$(a_row 11 01 1767229200)"
	import lost before.csv
	file after.csv "$(a_row 10 01 1767230000)" "$(a_row 12 01 1767230001)" "$(a_row 11 08 1767230000)"
	import lost after.csv
	counts ended=1 replaced=1 created=1 refused=1
	exported lost "$(a_row 11 08 1767230000)" "$(a_row 12 01 1767230001)"
	import lost after.csv
	counts ended=0 unchanged=2 refused=1
}

test_client_in_two_scopes() {
	file two.csv "$(a_row 10 01 1767229200)" '10.0.0.1,02:00:5e:10:00:01,01:02:00:5e:10:00:01,3600,1767229200,8,0,0,,0,,0'
	import two --scope 10.0.0.0/8=8 two.csv
	counts created=2 refused=0
}

# Clients move between one import and the next, in every way that the files tell.
test_clients_move() {
	file before.csv "$(a_row 10 01 1767229200)" "$(a_row 11 02 1767229200)" "$(a_row 12 03 1767229200)" \
		"$(a_row 13 04 1767229200)" "$(a_row 14 05 1767229200)" "$(a_row 15 06 1767229200)" "$(a_row 16 07 1767229200)"
	import move before.csv
	counts created=7
	file after.csv \
		"$(an_end 10 01)" "$(a_row 20 01 1767230000)" \
		"$(a_row 11 03 1767230000)" "$(a_row 12 04 1767230000)" "$(a_row 13 02 1767230000)" \
		"$(a_row 14 06 1767230000)" "$(a_row 15 05 1767230000)" "$(an_end 99 09)"
	import move after.csv
	counts ended=1 created=1 replaced=5 unchanged=0 refused=0
	exported move "$(a_row 11 03 1767230000)" "$(a_row 12 04 1767230000)" "$(a_row 13 02 1767230000)" \
		"$(a_row 14 06 1767230000)" "$(a_row 15 05 1767230000)" "$(a_row 16 07 1767229200)" "$(a_row 20 01 1767230000)"
	import move after.csv
	counts ended=0 created=0 replaced=0 unchanged=6
	expect 0 verify --store move
}

# The files do not say that the old address is free: it stays, and the new one is refused.
test_client_held_by_a_foreign_lease() {
	file one.csv "$(a_row 10 01 1767229200)"
	import foreign one.csv
	file other.csv "$(a_row 11 01 1767230000)"
	import foreign other.csv
	counts created=0 refused=1
	has 'the client already holds 192.0.2.10 in this scope'
	has '"line": *2,'
	exported foreign "$(a_row 10 01 1767229200)"
	complaint 6 'leases that the store had' import --store foreign --scope 192.0.2.0/24=7 --quiet --strict other.csv
}

test_leases_that_no_row_names_stay() {
	file one.csv "$(a_row 10 01 1767229200)" "$(a_row 11 02 1767229200)"
	import stay one.csv
	file two.csv "$(a_row 11 02 1767229300)" "$(a_row 12 03 1767229300)"
	import stay two.csv
	counts created=1 replaced=1 ended=0
	exported stay "$(a_row 10 01 1767229200)" "$(a_row 11 02 1767229300)" "$(a_row 12 03 1767229300)"
}

# ---- interruptions ------------------------------------------------------------------------------------------------

# A made-up file with its configuration, and in big.csv what a store holds after an import that nobody disturbs.
big_file() {
	expect 0 generate --leases 150000 --scopes 12 --output big --config-output big.conf --quiet
	expect 0 import --store undisturbed --config big.conf --quiet --json big
	counts created=150000 refused=0 damaged_rows=0
	expect 0 export --store undisturbed --output big.csv --quiet
}

pause() { # MILLISECONDS
	sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

test_killed_imports() {
	big_file
	seed=${LESSOR_TEST_SEED:-$$}
	echo "LESSOR_TEST_SEED=$seed"
	killed=0
	for round in 1 2 3 4 5 6 7 8; do
		rm -rf disturbed
		"$lessor" import --store disturbed --config big.conf --quiet big >"$out" 2>"$err" &
		pause $(((seed * round * 7919) % 97 * 8))
		kill -9 $! 2>/dev/null && killed=$((killed + 1))
		wait $! 2>/dev/null
		# Killed before there was a store, it leaves a directory at most.
		[ ! -e disturbed/lessor.store ] || expect 0 verify --store disturbed
		expect 0 import --store disturbed --config big.conf --quiet --json big
		[ $(($(number created) + $(number unchanged))) -eq 150000 ] || fail 'not every lease was created or there already'
		expect 0 export --store disturbed --output again.csv --quiet
		cmp -s big.csv again.csv || fail 'the store is not what it is without a kill'
	done
	echo "killed $killed of 8 imports"
}

test_interrupted_imports() {
	big_file
	interrupted=0
	for after in 20 60 120 200 300 400; do
		rm -rf disturbed
		"$lessor" import --store disturbed --config big.conf --quiet big >"$out" 2>"$err" &
		pause $after
		kill -INT $! 2>/dev/null
		wait $!
		status=$?
		if [ $status -eq 130 ] && [ -s "$err" ]; then
			grep -q 'interrupted; ' "$err" || fail 'an interrupt is not answered with how to go on'
			interrupted=$((interrupted + 1))
		elif [ $status -ne 0 ] && [ $status -ne 130 ]; then
			fail "an interrupted import exits with $status"
		fi
		expect 0 import --store disturbed --config big.conf --quiet --json big
		expect 0 export --store disturbed --output again.csv --quiet
		cmp -s big.csv again.csv || fail 'the store is not what it is without an interrupt'
	done
	echo "interrupted $interrupted of 6 imports"
}

is_in_state() {
	grep -q "^State:[[:space:]]$1" /proc/$holder/status 2>/dev/null
}

# Stop an import, the process $holder, when it has the store. False: it was over too soon.
stop_an_import() {
	rm -rf held
	"$lessor" import --store held --config big.conf --quiet big >/dev/null 2>&1 &
	holder=$!
	while [ "$(find held -type f 2>/dev/null | wc -l)" -lt 2 ]; do
		is_in_state '[^XZ]' || fail 'an import ends without a store'
		pause 20
	done
	kill -STOP $holder
	while is_in_state '[^TXZ]'; do
		pause 20
	done
	"$lessor" verify --store held >"$out" 2>"$err"
	[ $? -ne 5 ] || return 0
	kill -CONT $holder
	wait $holder
	return 1
}

# A stopped import holds the store; whoever comes is told so at once.
test_store_in_use() {
	expect 0 generate --leases 200000 --scopes 3 --output big --config-output big.conf --quiet
	tries=0
	until stop_an_import; do
		tries=$((tries + 1))
		[ $tries -lt 20 ] || fail 'no import holds the store'
	done
	complaint 5 'open the store' import --store held --config big.conf --quiet big
	complaint 5 'open the store' export --store held --output held.csv
	[ ! -e held.csv ] || fail 'a file was written from a store in use'
	kill -CONT $holder
	wait $holder || fail 'the import that was stopped for a while fails'
	expect 0 export --store held --output held.csv
	[ "$(wc -l <held.csv)" -eq 200001 ] || fail 'leases are missing'
}

# ---- export -------------------------------------------------------------------------------------------------------

test_scopes_without_ids() {
	expect 0 scope add --store s --subnet 10.0.0.0/24
	expect 0 scope add --store s --subnet 10.0.1.0/24 --id 1
	expect 0 scope add --store s --subnet 10.0.2.0/24
	for host in 0 1 2; do
		expect 0 create --store s --address 10.0.$host.9 --mac 02:00:5e:10:00:0$host --expires @1767229200 \
			--last-transaction @1767225600
	done
	complaint 1 'the scope 10.0.0.0/24 has no id' export --store s --output no.csv
	[ ! -e no.csv ] || fail 'a file was written nevertheless'
	expect 0 export --store s --assign-ids
	has '^10.0.0.9,02:00:5e:10:00:00,,3600,1767229200,2,0,0,,0,,0$'
	has '^10.0.1.9,02:00:5e:10:00:01,,3600,1767229200,1,0,0,,0,,0$'
	has '^10.0.2.9,02:00:5e:10:00:02,,3600,1767229200,3,0,0,,0,,0$'
	expect 0 export --store s --scope 10.0.1.0/24 --scope 10.0.1.0
	[ "$(wc -l <"$out")" -eq 2 ] || fail 'not only the scope that was asked for'
	has '^10.0.1.9,'
	complaint 3 'no scope' export --store s --scope 10.0.9.0/24
	expect 0 scope set --store s 10.0.0.0/24 --id 1
	complaint 1 'two scopes have the id 1' export --store s --assign-ids
	complaint 1 'store' export --store nowhere
}

test_losses_are_told() {
	expect 0 scope add --store s --subnet 10.0.0.0/24 --id 1 --lease-s 600
	expect 0 create --store s --address 10.0.0.1 --mac 02:00:5e:10:00:01 --expires never --comment c --name CAM
	expect 0 create --store s --address 10.0.0.2 --client-id 0102005e100002 --expires @1767229200 --policy p
	expect 0 create --store s --address 10.0.0.3 --client-id 07 --expires none
	expect 0 create --store s --address 10.0.0.4 --mac 02:00:5e:10:00:04 --expires @1767229200 --user-context '[ 1 ]'
	expect 0 create --store s --address 10.0.0.5 --mac 02:00:5e:10:00:05 --expires @1767229200 --user-context '{} # comment'
	expect 0 export --store s --output losses.csv
	cp err losses
	for line in '1 lease: left out' '2 leases: .*comment' '1 lease: .*lower case' '1 lease: .*taken from the client id' \
		'1 lease: policy' '1 lease: user context' 'start of the lease assumed'; do
		case $line in
		2*) continue ;;
		esac
		grep -q "note: .*$line" losses || fail "nothing is said about '$line'"
	done
	grep -q '1 lease: comment not written' losses || fail 'nothing is said about the comment'
	cp losses.csv "$out"
	[ "$(wc -l <losses.csv)" -eq 5 ] || fail 'not four leases'
	has '^10.0.0.1,02:00:5e:10:00:01,,4294967295,4294967295,1,0,0,cam,0,,0$'
	has '^10.0.0.2,02:00:5e:10:00:02,01:02:00:5e:10:00:02,600,1767229200,1,0,0,,0,,0$'
	has '^10.0.0.4,02:00:5e:10:00:04,,600,1767229200,1,0,0,,0,,0$'
	has '^10.0.0.5,02:00:5e:10:00:05,,600,1767229200,1,0,0,,0,{}          ,0$'
	expect 0 export --store s --output losses.csv --quiet
	[ ! -s "$err" ] || fail 'something is said in spite of --quiet'
	import t --scope 10.0.0.0/24=1 losses.csv
	counts created=4 damaged_rows=0
}

test_output_appears_all_at_once() {
	file l "$(a_row 10 01 1767229200)"
	import s l
	mkdir dir
	echo former >dir/file
	chmod 640 dir/file
	expect 0 export --store s --output dir/file
	exported s "$(sed 1d dir/file)"
	[ "$(stat -c %a dir/file)" = 640 ] || fail 'the rights of the file changed'
	ln -s dir/file link
	expect 0 export --store s --output link
	[ -L link ] || fail 'a symbolic link was replaced'
	[ "$(ls dir)" = file ] || fail 'a temporary file was left'
	expect 0 export --store s --output new
	[ "$(stat -c %a new)" = 644 ] || fail 'a new file does not have the usual rights'
	expect 0 export --store s --output -
	cmp -s "$out" new || fail '- is not standard output'
	complaint 1 'cannot write nowhere/file' export --store s --output nowhere/file
	complaint 1 'cannot write /proc/lessor' export --store s --output /proc/lessor
	complaint 1 'cannot write /dev/full: No space' export --store s --output /dev/full
	complaint 1 'cannot write' generate --leases 10 --output /proc/lessor
	complaint 1 'cannot write' generate --leases 100000 --output /dev/full --quiet
}

# What root may do anyway is tried as nobody, where that is possible.
test_without_permission() {
	file l "$(a_row 10 01 1767229200)"
	import s l
	chmod 600 l
	mkdir shut
	chmod 555 shut
	chmod 755 .
	if [ "$(id -u)" -eq 0 ]; then
		chown -R 65534:65534 s
		as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
	else
		chmod 000 l
		as_nobody=
	fi
	if ! $as_nobody "$lessor" --version >/dev/null 2>&1 || ! $as_nobody test -r s; then
		echo 'skipped: nobody cannot run the command here'
		return
	fi
	$as_nobody "$lessor" import --store s --scope 192.0.2.0/24=7 --quiet l >"$out" 2>"$err"
	[ $? -eq 1 ] || fail 'a file without read permission is not refused'
	grep -q 'l: Permission denied' "$err" || fail 'it is not said what cannot be read'
	$as_nobody "$lessor" export --store s --output shut/file >"$out" 2>"$err"
	[ $? -eq 1 ] || fail 'a directory without write permission is not refused'
	grep -q 'cannot write shut/file: Permission denied' "$err" || fail 'it is not said what cannot be written'
	[ -z "$(ls shut)" ] || fail 'something is in the directory'
}

# ---- generate -----------------------------------------------------------------------------------------------------

test_generate() {
	expect 0 generate --leases 20000 --scopes 7 --seed 5 --output one --config-output one.conf
	expect 0 generate --leases 20000 --scopes 7 --seed 5 --output two
	cmp -s one two || fail 'the same arguments make another file'
	expect 0 generate --leases 20000 --scopes 7 --seed 5
	cmp -s one "$out" || fail 'standard output gets another file'
	expect 0 generate --leases 20000 --scopes 7 --seed 6 --output two
	if cmp -s one two; then
		fail 'another seed makes the same file'
	fi
	[ "$(awk -F, 'NF != 12' one | wc -l)" -eq 0 ] || fail 'a row has not twelve cells'
	[ "$(awk -F, 'NR > 1 { if ($4 == 0) delete live[$1]; else live[$1] = 1 } END { n = 0; for (i in live) n++; print n }' one)" -eq 20000 ] ||
		fail 'not exactly the wanted number of leases is live'
	for trait in ',4294967295,' ',0,17[0-9]*,' '&#x2c' '&#x26' '&#xc3&#xa9' '&#x09' 'relay-agent-info' ',ff:' '^[0-9.]*,,,86400,.*,1,,0$' \
		',2,,0$' ',3,,0$'; do
		grep -q -e "$trait" one || fail "no row has '$trait'"
	done
	expect 0 import --store s --config one.conf --strict --quiet --json one
	counts created=20000 refused=0 damaged_rows=0 warnings=0
	for shape in 1:1 1:5 3:100 255:1 65536:1; do
		expect 0 generate --leases "${shape%:*}" --scopes "${shape#*:}" --output g --config-output g.conf --quiet
		rm -rf g.store
		expect 0 import --store g.store --config g.conf --strict --quiet --json g
		counts "created=${shape%:*}"
	done
	complaint 2 'how many leases' generate --scopes 3
	complaint 2 'is not a number' generate --leases x
	complaint 2 'place' generate --leases 1 --scopes 0
	complaint 2 'is not a number' generate --leases 100000001
}

tests=${*:-$(sed -n 's/^test_\([a-z_]*\)() {$/\1/p' "$0")}
for test in $tests; do
	echo "import_test: $test"
	mkdir "$work/$test"
	cd "$work/$test" || exit 1
	out=$work/$test/out
	err=$work/$test/err
	"test_$test"
	cd "$work" || exit 1
	rm -rf "${work:?}/$test"
done
