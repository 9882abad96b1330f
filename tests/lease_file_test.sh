#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lease files of every format, in and out: lease_file_test.sh PATH_OF_LESSOR [PATH_OF_TESTS_DATA [FORMAT...]].
#
# For each sample in data/formats/FORMAT stand beside it: NAME.options, further options of the import, NAME.leases, what the store then
# holds as JSON lines, and NAME.report, what the import says of it. A sample whose name begins with "round" is what an export writes, too.
# With LESSOR_TEST_WRITE set the expectations are written instead of compared.

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

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1

fail() {
	echo "format_test: $*" >&2
	[ ! -s difference ] || head -c 3000 difference >&2
	exit 1
}

# same WANTED GOT WHAT
same() {
	if [ -n "${LESSOR_TEST_WRITE:-}" ]; then
		cp "$2" "$1"
	fi
	diff -u "$1" "$2" >difference 2>&1 || fail "$3"
}

# export_of STORE FORMAT FILE
export_of() {
	"$lessor" export --store "$1" --format "$2" --quiet --assign-ids --output "$3" 2>difference || fail "exporting $2 fails"
}

# What a report says apart from how long it took.
without_times() {
	sed 's/, *"seconds".*/ }/; s/\([[:punct:]]\) *"/\1 "/g' "$1" | sed 's/, /,\n/g'
}

sample() {
	format=$1
	path=$2
	name=$(basename "$path")
	base=${path%.*}
	rm -rf work_of_one && mkdir work_of_one && cd work_of_one || exit 1
	cp "$path" "$name"
	touch -d 2026-01-01T00:00:00Z "$name"
	options=
	[ ! -e "$base.options" ] || options=$(cat "$base.options")
	scopes='--scope 192.0.2.0/24 --scope 198.51.100.0/24'
	case $options in
	*--no-scopes*)
		options=$(echo "$options" | sed 's/--no-scopes//')
		scopes=
		;;
	esac
	# shellcheck disable=SC2086
	"$lessor" import --store s $scopes --json --quiet $options "$name" >report 2>error </dev/null
	status=$?
	{
		echo "exit status $status"
		cat error
		without_times report
	} >said
	same "$base.report" said "$path: the report is another one"
	if [ ! -d s ]; then
		cd ..
		return
	fi
	export_of s json leases
	same "$base.leases" leases "$path: the store holds other leases"
	"$lessor" import --store t --quiet --strict leases >/dev/null 2>difference || fail "$path: its JSON is not taken"
	export_of t json again
	same leases again "$path: JSON loses something"
	case $name in
	round*)
		export_of s "$format" "$name.out"
		same "$path" "$name.out" "$path: what is exported is not what was imported"
		export_of t "$format" "$name.out"
		same "$path" "$name.out" "$path: what is exported after JSON is not what was imported"
		;;
	esac
	cd ..
}

# dhcpd leaves NAME~ alone if it crashes between two renames.
if [ $# -eq 0 ]; then
	echo "format_test: a file between two renames"
	cp "$data/formats/isc/round.txt" dhcpd.leases~
	for state in missing empty; do
		"$lessor" import --store s --quiet dhcpd.leases >difference 2>&1 && fail "a $state file is taken"
		grep -q 'NAME~ is there' difference || fail "nothing is said of NAME~ when NAME is $state"
		: >dhcpd.leases
	done
fi

# Two servers have the same scope; the second file has the last word on an address, and no other on the scope.
windows_scope() { # MASK NAME LEASE...
	mask=$1
	scope=$2
	shift 2
	echo "<DHCPServer><IPv4><Scopes><Scope><ScopeId>192.0.2.0</ScopeId><SubnetMask>$mask</SubnetMask><Name>$scope</Name><Leases>"
	for last; do
		echo "<Lease><IPAddress>192.0.2.$last</IPAddress><ClientId>02-00-5e-10-00-$last</ClientId><HostName>$scope</HostName></Lease>"
	done
	echo "</Leases></Scope></Scopes></IPv4></DHCPServer>"
}
if [ $# -eq 0 ]; then
	echo "format_test: two servers with one scope"
	windows_scope 255.255.255.0 first 10 11 >first.xml
	windows_scope 255.255.255.0 second 11 12 >second.xml
	windows_scope 255.255.255.128 half >half.xml
	"$lessor" import --store two --quiet --strict first.xml second.xml >difference 2>&1 || fail "two servers' files are not taken"
	export_of two json both.json
	for name in '"name":"first"}' '.10",.*"name":"first"' '.11",.*"name":"second"' '.12",.*"name":"second"'; do
		grep -q "$name" both.json || fail "two servers: $name is missing"
	done
	"$lessor" import --store three --quiet first.xml half.xml >difference 2>&1 && fail "scopes that overlap are taken"
	grep -q overlap difference || fail "nothing is said of scopes that overlap"
fi

# What is malformed in the middle is an error with file and line; all or nothing means nothing then.
broken() { # FILE LINE
	"$lessor" import --store broken --quiet --scope 192.0.2.0/24 "$1" >difference 2>&1
	[ $? -eq 6 ] || fail "$1: the exit status is not 6"
	grep -q "^lessor import: $1:$2: " difference || fail "$1: file and line are not told"
	grep -q '^ *1  leases created' difference || fail "$1: the lease before the damage is not there"
	for choice in --strict '--error-limit 5'; do
		rm -rf nothing
		# shellcheck disable=SC2086
		"$lessor" import --store nothing --quiet --scope 192.0.2.0/24 $choice "$1" >difference 2>&1
		[ $? -eq 6 ] || fail "$1 $choice: the exit status is not 6"
		grep -q "^lessor import: $1:$2: .*nothing was changed" difference || fail "$1 $choice: it is not told"
		"$lessor" list --store nothing 192.0.2.0/24 >difference 2>&1 && fail "$1 $choice: there is a scope"
	done
	rm -rf broken
}
if [ $# -eq 0 ]; then
	echo "format_test: files that cannot be read to their end"
	lease='<Lease><IPAddress>192.0.2.10</IPAddress><ClientId>02-00-5e-10-00-01</ClientId></Lease>'
	far=$(printf '%2000s' '')
	printf '<DHCPServer>\n%s%s\n<Lease></Lost>\n%s\n</DHCPServer>\n' "$lease" "$far" "$lease" >mismatch.xml
	broken mismatch.xml 3
	printf '<DHCPServer>\n%s%s\n<Lease>\n' "$lease" "$far" >cut.xml
	broken cut.xml 3
	printf '\n<<DHCPServer/>\n' >early.xml
	"$lessor" import --store nothing --quiet early.xml >difference 2>&1
	[ $? -eq 6 ] || fail "early.xml: the exit status is not 6"
	grep -q '^lessor import: early.xml:2: the XML is malformed' difference || fail "early.xml: file and line are not told"
	printf '"IPAddress","ClientId"\n"192.0.2.10","02-00-5e-10-00-01"\n"192.0.2.11","02\n192.0.2.12,\n' >quote.csv
	broken quote.csv 3
	printf '"IPAddress","ClientId"\n"192.0.2.10","02\n"192.0.2.11","02-00-5e-10-00-02"\n' >once.csv
	"$lessor" import --store once --quiet --scope 192.0.2.0/24 once.csv >difference 2>&1 || fail "once.csv is not taken"
	grep -q '^ *1  leases created' difference || fail "once.csv: the row behind the damaged one is lost"
	printf 'header-lease,ip_address,binding_state\nlease,192.0.2.10,ACTIVE\nlease,192.0.2.11,"A\nlease,1\n' >open.csv
	broken open.csv 3
	printf '{ "BootID": "0", "Leases": [ { "ClientId": [ 1 ], "Address": [ 192, 0, 2, 10 ], "ExpirationRealtimeUSec": 1 },\n{ "Cl' >state.json
	broken state.json 2
fi

if [ $# -eq 0 ]; then
	echo "format_test: dry runs, and leases that are over"
	{
		printf '{"lessor":1}\n{"scope":"192.0.2.0/24"}\n{"scope":"2001:db8:7::/64"}\n'
		printf '{"address":"192.0.2.10","client_id":"01","expires_at":"2001-01-01T00:00:00Z"}\n'
		printf '{"address":"192.0.2.11","client_id":"02","expires_at":"2201-01-01T00:00:00Z"}\n'
		printf '{"address":"2001:db8:7::a","duid":"01","expires_at":"2001-01-01T00:00:00Z"}\n'
		printf '{"address":"2001:db8:7::b","duid":"02"}\n'
	} >over.json
	"$lessor" import --store dry --dry-run --quiet over.json >difference 2>&1 || fail "a dry run fails"
	grep -q '^ *4  leases would be stored' difference || fail "a dry run does not say how many leases there are"
	[ ! -e dry ] || fail "a dry run makes a store"
	for choice in keep mark drop; do
		rm -rf over
		"$lessor" import --store over --expired $choice --quiet over.json >difference 2>&1 || fail "--expired $choice fails"
		grep -q '^ *2  the lease is over' difference || fail "--expired $choice: it is not counted"
		export_of over json over.$choice
	done
	[ "$(grep -c address over.keep)" -eq 4 ] || fail "--expired keep loses something"
	[ "$(grep -c '"address_state":3' over.mark)" -eq 2 ] || fail "--expired mark does not mark"
	grep -q '"address_state"' over.keep && fail "--expired keep marks"
	[ "$(grep -c address over.drop)" -eq 2 ] || fail "--expired drop drops something else"
	grep -q 2001-01-01 over.drop && fail "--expired drop keeps something"
	"$lessor" get --store over --address 2001:db8:7::b --json >got || fail "an IPv6 lease is not found"
	grep -q '"duid": *"02"' got || fail "it is another one"
	"$lessor" get --store over --address 2001:db8:7::c >difference 2>&1 && fail "a lease is found that is not there"
	[ "$("$lessor" list --store over --scope 2001:db8:7::/64 --count)" = 1 ] || fail "the list of an IPv6 scope is another one"
	"$lessor" list --store over --json >listed.lines && "$lessor" import --store listed --strict --quiet --scope 192.0.2.0/24 --scope 2001:db8:7::/64 listed.lines >difference 2>&1 ||
		fail "what list says cannot be imported"
	export_of listed json listed.json
	diff over.drop listed.json >difference || fail "what list says is not what the store holds"
	"$lessor" import --store two --dry-run --quiet over.json >difference 2>&1 || fail "a dry run on a store fails"
	export_of two json again.json
	diff both.json again.json >difference || fail "a dry run changes something"
fi

# A lease in a line without blanks, escapes and nesting is read on a shorter way than others: line by line, with and without a blank, it must come to the same.
if [ $# -eq 0 ]; then
	echo "format_test: JSON in its plainest form"
	{
		printf '{"lessor":1}\n{"scope":"192.0.2.0/24"}\n{"scope":"2001:db8:7::/64"}\n'
		for data_file in "$data"/formats/json/*.json; do
			grep '^{ *"address"' "$data_file"
		done
		number=20
		for rest in '}' ',"name":"a","name":"b"}' ',"name":"a","name":null}' ',"name":null,"comment":""}' ',"hardware_type":01}' \
			',"hardware_type":-1}' ',"hardware_type":1.0}' ',"hardware_type":1e0}' ',"last_transaction_s":4294967296}' \
			',"last_transaction_s":4294967295}' ',"last_transaction_s":999999999999999999}' \
			',"last_transaction_s":99999999999999999999}' ',"name":"a\\u0000b"}' ',"name":"a\\u0062"}' ',"name":"a\tb"}' \
			',"name":"\177"}' ',"name":"B\303\274ro"}' ',"name":"\377"}' ',"name":7}' ',"dns_forward":true,"dns_reverse":false}' \
			',"dns_forward":1}' ',"dns_forward":TRUE}' ',"dns_forward":truely}' ',"else":{"name":"x"}}' ',"else":[]}' \
			',"":1}' ',"name":}' ',"name"}' ',}' '}}' '} ' '},' ',"name":"x' ',"name":"x"' ',"name":"x",' '' \
			',"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"p":1,"q":1,"r":1,"s":1,"t":1,"u":1,"v":1,"w":1,"x":1,"y":1,"z":1,"A":1,"B":1,"C":1,"D":1,"E":1,"name":"far"}' \
			",\"comment\":\"$(printf '%02100d' 0)\"}"; do
			# shellcheck disable=SC2059 # the escapes are meant
			printf "{\"address\":\"192.0.2.$number\",\"client_id\":\"$number\"$rest\n"
			number=$((number + 1))
		done
		printf '{"address":"192.0.2.","client_id":"01"}\n{"address":1,"client_id":"01"}\n{"address":"2001:db8:7::c","duid":"0a","iaid":4294967295}\n'
		printf '{"address":"2001:db8:7::d","duid":"","iaid":1}\n{"address":"2001:db8:7::e","duid":"0b","client_id":"01"}\n'
	} >plain.json
	sed 's/^{"address"/{ "address"/' plain.json >spaced.json
	for form in plain spaced; do
		"$lessor" import --store $form --quiet $form.json >said 2>&1
		sed "s/$form.json/FILE/; s/ in [0-9.]* s, .*//" said >$form.said
		export_of $form json $form.out
	done
	[ "$(wc -l <plain.out)" -eq 25 ] || fail "the leases are not taken"
	diff plain.out spaced.out >difference || fail "the plain form is read as something else"
	diff plain.said spaced.said >difference || fail "the plain form is reported as something else"
fi

# same_both_ways FORMAT SCOPE...: what the store 'real' holds, as a file of the format, into a store with its scopes, out again, and the
# same by way of JSON. What the format cannot say was lost with the first export; from then on nothing is.
same_both_ways() {
	format=$1
	shift
	rm -rf back by_json
	# shellcheck disable=SC2086
	"$lessor" export --store real --format "$format" --quiet --assign-ids --output first "$@" 2>difference || fail "the real leases are not exported as $format"
	grep '"scope"' real.json | sed '1i{"lessor":1}' >scopes.json
	for store in back by_json; do
		"$lessor" import --store $store --quiet scopes.json >/dev/null 2>difference || fail "the scopes are not taken"
	done
	"$lessor" import --store back --format "$format" --strict --quiet first >difference 2>&1 || fail "$format: what was written is not read"
	"$lessor" export --store back --format "$format" --quiet --assign-ids --output second "$@" 2>difference || fail "exporting $format again fails"
	cmp first second >difference || fail "$format: the real leases come back as others"
	export_of back json back.json
	"$lessor" import --store by_json --strict --quiet back.json >difference 2>&1 || fail "$format: its JSON is not taken"
	"$lessor" export --store by_json --format "$format" --quiet --assign-ids --output third "$@" 2>difference || fail "exporting $format after JSON fails"
	cmp first third >difference || fail "$format: the real leases come back from JSON as others"
	[ "$(wc -l <first)" -gt 100 ] || [ "$(wc -c <first)" -gt 10000 ] || fail "$format: hardly a lease was written"
}
if [ $# -eq 0 ]; then
	echo "format_test: the leases of a real server through every writer and back"
	gzip -dc "$data/kea/kea-leases4.csv.gz" >real.csv || fail "the real leases are missing"
	"$lessor" import --store real --quiet --config "$data/kea/kea-dhcp4.conf" real.csv >/dev/null 2>difference || fail "the real leases are not taken"
	export_of real json real.json
	for format in kea4 json isc dnsmasq odhcpd windows-csv windows-xml infoblox; do
		same_both_ways $format
	done
	same_both_ways networkd --scope 100.64.0.0/18
	rm -rf real
	# The same leases as if they were of DHCPv6.
	"$lessor" import --store four --quiet real.json >/dev/null 2>difference
	"$lessor" export --store four --quiet --output four.csv 2>difference
	awk -F, 'NR == 1 {
		print "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id"
		next
	}
	{
		split($1, octet, ".")
		duid = $10 == 1 ? "00:00:00" : "00:03:00:01:" $2
		context = $11
		printf "2001:db8:%x:%x::%x:%x,%s,%s,%s,%s,%s,0,%d,128,%s,%s,%s,%s,%s,%s,%d,%d,%s\n", octet[1], octet[2], octet[3], octet[4] + 1,
			duid, $4, $5, $6, $4, NR, $7, $8, $9, $2, $10, context, $2 != "", $2 != "" ? 2 : 0, $12
	}' four.csv >six.csv
	sed -n 's/^\(2001:db8:[^:]*:[^:]*\)::[^,]*,[^,]*,[^,]*,[^,]*,\([0-9]*\),.*/--scope \1::\/64=\2/p' six.csv | sort -u >six.scopes
	# shellcheck disable=SC2046
	"$lessor" import --store real --strict --quiet $(cat six.scopes) six.csv >difference 2>&1 || fail "the leases of DHCPv6 are not taken"
	export_of real json real.json
	for format in kea6 json isc dnsmasq odhcpd; do
		same_both_ways $format
	done
fi

formats=${*:-$(ls "$data/formats")}
for format in $formats; do
	echo "format_test: $format"
	for path in "$data/formats/$format"/*; do
		case $path in
		*.options | *.leases | *.report) ;;
		*) sample "$format" "$path" ;;
		esac
	done
done
