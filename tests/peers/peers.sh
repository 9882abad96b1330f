#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tests/peers/peers.sh PATH_OF_LESSOR [WORK]: lease files between lessor and the real servers, as Debian has them.
#
# The packages are downloaded and unpacked into WORK (default: build/peers), not installed: nothing is started but here, in a network of its own
# that has no way out. Each server writes or is given a file; lessor imports it and exports it; the server loads the export and
# says what it has, which must be what it had. Needs root, for the network.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
lessor=$(realpath "${1:?the path of the command lessor is missing}")
mkdir -p "${2:-build/peers}"
work=$(realpath "${2:-build/peers}")

if [ "${PEERS_ALONE:-}" != yes ]; then
	mkdir -p "$work/debs"
	cd "$work/debs" || exit 1
	packages=(kea-dhcp4-server kea-dhcp6-server kea-common isc-dhcp-server dnsmasq-base liblog4cplus-2.0.5 libmariadb3
		libpq5 libdbus-1-3 libnetfilter-conntrack3 libnftables1 libnfnetlink0 libnftnl11 libmnl0 libjansson4
		libldap-2.5-0 libsasl2-2 libgssapi-krb5-2 libxtables12 libedit2)
	for package in "${packages[@]}"; do
		ls "$package"_*.deb >/dev/null 2>&1 || apt-get download "$package" >/dev/null 2>&1 ||
			echo "peers: the package $package is not to be had" >&2
	done
	for package in *.deb; do
		dpkg -x "$package" "$work/root"
	done
	cd "$work" || exit 1
	PEERS_ALONE=yes exec unshare --net "$here/peers.sh" "$lessor" "$work"
fi

ip link set lo up 2>/dev/null
cd "$work" || exit 1
root=$work/root
libraries=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
passed=0
failed=0
server=

stop() {
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null
	server=
}
trap stop EXIT

# verdict NAME: of the last comparison or command; its complaint is in the file 'said'.
verdict() {
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
		echo "peers: $1: fine"
	else
		failed=$((failed + 1))
		echo "peers: $1: FAILED"
		head -n 20 said
	fi
}

# ---- Kea -----------------------------------------------------------------------------------------------------------

kea_config() { # FAMILY SUBNETS
	cat <<-END
		{ "Dhcp$1": {
		  "interfaces-config": { "interfaces": [ ] },
		  "control-socket": { "socket-type": "unix", "socket-name": "$work/kea/socket" },
		  "lease-database": { "type": "memfile", "persist": true, "name": "$work/kea/leases.csv", "lfc-interval": 0 },
		  "hooks-libraries": [ { "library": "$root/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so" } ],
		  "loggers": [ { "name": "kea-dhcp$1", "severity": "WARN", "output_options": [ { "output": "stderr" } ] } ],
		  $([ "$1" = 4 ] || echo '"server-id": { "type": "EN", "enterprise-id": 32473, "identifier": "01", "persist": false },')
		  "valid-lifetime": 3600,
		  "subnet$1": [ $2 ] } }
	END
}

kea_start() { # FAMILY
	rm -f kea/socket
	KEA_PIDFILE_DIR=$work/kea KEA_LOCKFILE_DIR=$work/kea KEA_LFC_EXECUTABLE=$root/usr/sbin/kea-lfc LD_LIBRARY_PATH=$libraries \
		"$root/usr/sbin/kea-dhcp$1" -c kea/conf >kea/log 2>&1 &
	server=$!
	for _ in $(seq 100); do
		[ ! -S kea/socket ] || return 0
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	cp kea/log said
	return 1
}

ask() {
	python3 "$here/kea_ask.py" kea/socket "$@" >>said 2>&1
}

# kea FAMILY SUBNETS SCOPE LEASE...: the server makes the leases, and deletes the first one again.
kea() {
	local family=$1 subnets=$2 scope=$3 status=0 first=$4 lease
	shift 3
	rm -rf kea said && mkdir kea
	kea_config "$family" "$subnets" >kea/conf
	kea_start "$family" || { verdict "kea$family starts" 1; return; }
	for lease; do
		ask "lease$family-add" "$lease" || status=1
	done
	ask "lease$family-del" "$(sed 's/,.*/ }/' <<<"$first")" || status=1
	python3 "$here/kea_ask.py" kea/socket "lease$family-get-all" >before || status=1
	stop
	verdict "kea$family writes $(wc -l <before) leases" $status
	cp kea/leases.csv kea/written.csv
	"$lessor" import --store kea/store --strict --quiet --scope "$scope" kea/written.csv >said 2>&1 &&
		"$lessor" export --store kea/store --format "kea$family" --output kea/leases.csv >>said 2>&1
	verdict "lessor reads and writes it" $?
	kea_start "$family" || { verdict "kea$family starts with it" 1; return; }
	python3 "$here/kea_ask.py" kea/socket "lease$family-get-all" >after
	stop
	[ -s before ] && diff before after >said
	verdict "kea$family has the same leases" $?
	# A file with columns that the release does not know yet is converted, which is fine.
	! grep -E 'ERROR|WARN' kea/log | grep -vE 'NEEDS_DOWNGRADING|CONVERTING_LEASE_FILES|NO_SOCKETS_OPEN|MULTI_THREADING|CONFIGURE_SERVERID' >said
	verdict "kea$family has nothing to say of the file" $?
	"$lessor" import --store kea/again --strict --quiet --scope "$scope" kea/leases.csv >said 2>&1
	"$lessor" export --store kea/store --format json --output one >>said 2>&1
	"$lessor" export --store kea/again --format json --output two >>said 2>&1
	diff one two >>said
	verdict "and so has lessor" $?
}

kea 4 '{ "id": 7, "subnet": "192.0.2.0/24", "pools": [ ] }' 192.0.2.0/24=7 \
	'{ "ip-address": "192.0.2.9", "hw-address": "02:00:5e:10:00:09", "subnet-id": 7 }' \
	'{ "ip-address": "192.0.2.10", "hw-address": "02:00:5e:10:00:01", "client-id": "01:02:00:5e:10:00:01", "hostname": "cam-1.example.net", "fqdn-fwd": true, "fqdn-rev": true, "expire": 1767229200, "valid-lft": 3600 }' \
	'{ "ip-address": "192.0.2.11", "hw-address": "02:00:5e:10:00:02", "user-context": { "note": "a,b & c", "deep": { "n": [ 1, 2 ] } } }' \
	'{ "ip-address": "192.0.2.12", "hw-address": "02:00:5e:10:00:03", "hostname": "r&d,x", "valid-lft": 4294967295 }' \
	'{ "ip-address": "192.0.2.13", "hw-address": "", "state": 1 }' \
	'{ "ip-address": "192.0.2.14", "hw-address": "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13", "state": 2 }'
kea 6 '{ "id": 70, "subnet": "2001:db8:7::/64" }' 2001:db8:7::/64=70 \
	'{ "ip-address": "2001:db8:7::9", "duid": "00:03:00:01:02:00:5e:10:00:09", "iaid": 9 }' \
	'{ "ip-address": "2001:db8:7::a", "duid": "00:03:00:01:02:00:5e:10:00:01", "iaid": 4660, "hw-address": "02:00:5e:10:00:01", "hostname": "cam-1.example.net", "fqdn-fwd": true, "fqdn-rev": true, "expire": 1767229200, "valid-lft": 3600, "preferred-lft": 1800 }' \
	'{ "ip-address": "2001:db8:7::b", "duid": "00:03:00:01:02:00:5e:10:00:01", "iaid": 4661, "user-context": { "note": "a,b & c" } }' \
	'{ "ip-address": "2001:db8:7::c", "duid": "00:03:00:01:02:00:5e:10:00:02", "iaid": 1, "valid-lft": 4294967295, "preferred-lft": 4294967295 }' \
	'{ "ip-address": "2001:db8:7::d", "duid": "00:03:00:01:02:00:5e:10:00:03", "iaid": 1, "state": 2 }'

# ---- ISC dhcpd and dnsmasq: both read a file when they start, and write it anew in their own words -------------------

leases_of_ours() {
	cat <<-END
		{"lessor":1}
		{"scope":"192.0.2.0/24"}
		{"scope":"2001:db8:7::/64"}
		{"address":"192.0.2.10","client_id":"01:02:00:5e:10:00:01","hardware":"02:00:5e:10:00:01","hardware_type":1,"expires_at":"2035-01-01T01:00:00Z","last_transaction_s":1767225600,"dns_forward":true,"dns_reverse":true,"name":"cam-1.example.net"}
		{"address":"192.0.2.11","client_id":"22:5c:00:30:ff","hardware":"02:00:5e:10:00:02","hardware_type":1,"expires_at":"never","last_transaction_s":1767225600,"name":"cam-2"}
		{"address":"192.0.2.12","address_state":2,"expires_at":"2035-01-01T01:00:00Z","last_transaction_s":1767225600}
		{"address":"2001:db8:7::a","duid":"00:03:00:01:02:00:5e:10:00:01","iaid":4660,"expires_at":"2035-01-01T01:00:00Z","preferred_expires_at":"2034-01-01T01:00:00Z","last_transaction_s":1767225600,"dns_forward":true,"name":"cam-1.example.net"}
		{"address":"2001:db8:7::b","duid":"00:03:00:01:02:00:5e:10:00:02","iaid":1,"expires_at":"never","last_transaction_s":1767225600}
		{"address":"2001:db8:7::c","duid":"00:03:00:01:02:00:5e:10:00:02","iaid":2,"address_state":2,"expires_at":"2035-01-01T01:00:00Z","preferred_expires_at":"2034-01-01T01:00:00Z","last_transaction_s":1767225600}
	END
}

rm -rf others && mkdir others
leases_of_ours >others/leases.json
"$lessor" import --store others/store --strict --quiet others/leases.json >said 2>&1
verdict "a store for the others" $?

# dhcpd FAMILY SCOPE CONFIGURATION: it has no interface to serve, and ends when it has written its file.
dhcpd() {
	local file=$work/others/dhcpd$1
	"$lessor" export --store others/store --format isc --quiet --scope "$2" --output "$file" >said 2>&1
	"$lessor" export --store others/store --format json --scope "$2" --output others/before >>said 2>&1
	echo "$3" >others/dhcpd.conf
	LD_LIBRARY_PATH=$libraries timeout 20 "$root/usr/sbin/dhcpd" "-$1" -f -d -cf others/dhcpd.conf -lf "$file" --no-pid lo \
		>others/log 2>&1
	grep -q 'This lease file was written by isc-dhcp' "$file" && ! grep -E "$file.*line|[Cc]orrupt|semicolon" others/log >said
	verdict "dhcpd -$1 reads and writes it" $?
	rm -rf others/again
	"$lessor" import --store others/again --strict --quiet --scope "$2" "$file" >said 2>&1 &&
		"$lessor" export --store others/again --format json --output others/after >>said 2>&1 &&
		diff others/before others/after >said
	verdict "and has the same leases" $?
}

dhcpd 4 192.0.2.0/24 'subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.10 192.0.2.200; }'
dhcpd 6 2001:db8:7::/64 'subnet6 2001:db8:7::/64 { range6 2001:db8:7::a 2001:db8:7::ff; }'

# It makes its DUID of an interface's address, and tells the script which leases it has.
ip link add peer0 type veth peer name peer1 && ip link set peer0 up
printf '#!/bin/sh\necho "$1 $3" >>%s/others/told\n' "$work" >others/script
chmod +x others/script
"$lessor" export --store others/store --format dnsmasq --quiet --output others/dnsmasq >said 2>&1
cp others/dnsmasq others/ours
: >others/told
LD_LIBRARY_PATH=$libraries "$root/usr/sbin/dnsmasq" --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --port=0 --log-facility=- \
	--user=root --interface=lo --bind-interfaces --pid-file= --dhcp-range=192.0.2.0,static \
	--dhcp-range=2001:db8:7::,static --dhcp-leasefile="$work/others/dnsmasq" --dhcp-script="$work/others/script" >others/log 2>&1 &
server=$!
for _ in $(seq 100); do
	[ "$(wc -l <others/told)" -lt "$(wc -l <others/ours)" ] || break
	sleep 0.1
done
stop
awk '{ print "old " $3 }' others/ours | sort >others/wanted
sort others/told | diff others/wanted - >said && [ -s others/wanted ]
verdict "dnsmasq has the same leases" $?
grep -v '^duid ' others/dnsmasq | sort | diff <(sort others/ours) - >said && grep -q '^duid ' others/dnsmasq
verdict "and writes them as they were" $?
rm -rf others/again
"$lessor" import --store others/again --strict --quiet --scope 192.0.2.0/24 --scope 2001:db8:7::/64 others/dnsmasq >said 2>&1 &&
	"$lessor" export --store others/again --format dnsmasq --quiet 2>said | diff others/ours - >said
verdict "and lessor reads them so" $?

echo "peers: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
