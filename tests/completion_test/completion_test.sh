#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# completion_test.sh COMMAND TOOLS_DIR: bash, and zsh if it is installed, complete every command of the sources and every option that --usage names.
set -u
PATH=$(dirname "$1"):$PATH
tools=$2
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
	echo "completion_test: $*" >&2
	exit 1
}

# complete WORD...: what bash offers for the last one, sorted.
complete_words() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_lessor
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

# same WHAT EXPECTED OFFERED
same() {
	[ -n "$2" ] || fail "$1: nothing is expected"
	[ "$2" = "$3" ] || fail "$1: expected '${2//$'\n'/ }', offered '${3//$'\n'/ }'"
}

# commands FILE: of its table.
commands() {
	sed -n 's/^		*{"\([a-z][a-z0-9-]*\)", [a-z_0-9]*, "[^"]*"},$/\1/p' "$1" | sort
}

# options WORD...: of this command, by its --usage.
options() {
	"$@" --usage | grep -o -e '--[a-z][a-z0-9-]*\(\[\?=\)\?' | sed 's/\[=/=/' | sort
}

# Does each command of a table, and each of its options, come up?
# check WORD...: a command without commands of its own.
check() {
	checked+=("$*")
	same "$*" "$(options "$@")" "$(complete_words "$@" --)"
}

checked=()
complete() { :; } # the script's registration: nothing is registered here
compopt() { :; }  # nor is bash completing anything
# shellcheck source=/dev/null
. "$tools/completion/lessor.bash"

top=$(commands "$tools/lessor.c")
same "commands" "$top" "$(complete_words lessor "")"
for command in $top; do
	nested=$(lessor "$command" --help | sed -n '/^Commands:$/,/^$/s/^  \([a-z]*\) .*/\1/p')
	if [ -z "$nested" ]; then
		check lessor "$command"
	fi
	for sub in $nested; do
		check lessor "$command" "$sub"
	done
done
same "commands of scope" "$(commands "$tools/cmd_scope.c")" "$(complete_words lessor scope "")"
same "a part of a command" "stats" "$(complete_words lessor st)"
same "behind an option" "--watch=" "$(complete_words lessor stats --store here --w)"
formats=$(lessor export --format . --store /dev/null 2>&1 | grep -o '[a-z0-9-]*' | grep -x 'kea4\|isc\|windows-xml' | sort)
for format in $formats; do
	same "formats" "$format" "$(complete_words lessor export --format = "$format")"
	same "formats" "$format" "$(complete_words lessor import --format "$format")"
done
same "known formats" "isc kea4 windows-xml" "${formats//$'\n'/ }"

if command -v zsh >/dev/null; then
	cp "$tools/completion/_lessor" "$scratch/"
	zsh -f "$here/completion.zsh" "$scratch" "$top" || fail "zsh offers other things"
	# What the terminal test only samples: each option of each command, as the script reads it.
	# shellcheck disable=SC2016
	for command in "${checked[@]}"; do
		read -ra words <<<"$command"
		same "$command in zsh" "$(options "${words[@]}")" "$(ARGP_HELP_FMT='' "${words[@]}" --help |
			zsh -f -c '. "$1/_lessor"; _lessor_options' zsh "$scratch" | sed -E 's/(\[?=).*/=/' | sort)"
	done
fi
