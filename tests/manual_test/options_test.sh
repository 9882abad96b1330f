#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# options_test.sh COMMAND LESSOR_1: the synopsis of lessor(1) has the commands and the options that --help has, each one and no other, and its section Formats
# the formats. What all commands have alike (--store, --help, --usage, --version) the page says once.
set -u
lessor=$1 page=$2
status=0

# same WHAT MANUAL COMMAND: one thing per line each.
same() {
	local difference
	difference=$(diff <(sort -u <<<"$2") <(sort -u <<<"$3"))
	if [ -n "$difference" ] || [ -z "$3" ]; then
		echo "$1: the manual page has <, the command has >:"
		echo "$difference"
		status=1
	fi
}

# The synopsis: "command: --option" per option, "command:" per command.
synopsis=$(awk '
	$1 == ".Sh" { inside = $2 == "SYNOPSIS"; next }
	!inside { next }
	$1 == ".Nm" { command = ""; next }
	command == "" && $1 == ".Cm" { command = substr($0, 5); print command ":" }
	{
		for (i = 1; i < NF; i++) {
			if ($i == "Fl" || $i == ".Fl") {
				print command ": -" $(i + 1)
			}
		}
	}' "$page")

# commands [COMMAND]: its commands, or all.
commands() {
	"$lessor" "$@" --help | sed -n '/^Commands:$/,/^$/s/^  \([a-z][a-z0-9-]*\) .*/\1/p'
}

# options WORD...: its line and those of its options.
options() {
	echo "$*:"
	ARGP_HELP_FMT='' "$lessor" "$@" --help | sed -n -E 's/^  (   |-[A-Za-z?],) (--[a-z][a-z0-9-]*).*/\2/p' |
		grep -v -x -e '--store' -e '--help' -e '--usage' -e '--version' | sed "s/^/$*: /"
}

helps=$(for command in $(commands); do
	nested=$(commands "$command")
	for sub in ${nested:-.}; do
		if [ "$sub" = . ]; then
			options "$command"
		else
			options "$command" "$sub"
		fi
	done
done)
same options "$synopsis" "$helps"

described=$(awk '$1 == ".Ss" { inside = $2 == "Formats" } inside && $1 == ".It" && $2 == "Cm" { print $3 }' "$page")
known=$("$lessor" export --store /dev/null --format . 2>&1 | sed -n 's/.* is not known; \(.*\) are$/\1/p' | sed -E 's/ and |, /\n/g')
same formats "$described" "$known"
exit $status
