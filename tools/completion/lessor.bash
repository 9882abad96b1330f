# SPDX-License-Identifier: Apache-2.0
# bash completion for lessor(1). What can be completed is what the command itself says in its --help, so there is no list here that could be wrong.

# Reads a --help: the commands, one per line.
_lessor_commands() {
	sed -n '/^Commands:$/,/^$/s/^  \([a-z][a-z0-9-]*\) .*/\1/p'
}

# Reads a --help: the long options, one per line; "=" and what it is behind those that take something.
_lessor_options() {
	sed -n -E 's/^  (   |-[A-Za-z?],) (--[a-z][a-z0-9-]*(\[?=[^] ]+)?).*/\2/p'
}

# Reads the complaint about a format that does not exist: the formats.
_lessor_formats() {
	sed -n 's/.* is not known; \(.*\) are$/\1/p' | sed -E 's/ and |, /\n/g' | sort -u
}

_lessor() {
	local current=${COMP_WORDS[COMP_CWORD]} option='' help path=("${COMP_WORDS[0]}") i word words options kind
	COMPREPLY=()
	# A value comes as "--option value" or as "--option = value".
	if [[ $current == "=" ]]; then
		option=${COMP_WORDS[COMP_CWORD - 1]} current=
	elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == "=" ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --* ]]; then
		option=${COMP_WORDS[COMP_CWORD - 1]}
	fi
	# The command, and its command if it has some.
	help=$(ARGP_HELP_FMT='' "${path[@]}" --help 2>/dev/null) || return
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if grep -qxF -e "$word" < <(_lessor_commands <<<"$help"); then
			path+=("$word")
			help=$(ARGP_HELP_FMT='' "${path[@]}" --help 2>/dev/null) || return
		fi
	done
	options=$(_lessor_options <<<"$help")
	kind=$(grep -E -m 1 -e "^$option(\[?=|\$)" <<<"$options")
	case ${option:+$kind} in
	*=DIR) compopt -o dirnames 2>/dev/null ;;
	*=FILE) compopt -o default 2>/dev/null ;;
	*=FORMAT)
		# One of the two is the number of files that the command wants.
		words=$({ "${path[@]}" --store /dev/null --format . ; "${path[@]}" --store /dev/null --format . /dev/null; } \
			2>&1 </dev/null | _lessor_formats)
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		;;
	*=*)
		[[ $kind == *"[="* ]] && option= # need not have one
		;;
	*) option= ;;
	esac
	if [[ -n $option ]]; then
		return
	fi
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(sed 's/\[*=.*/=/' <<<"$options")" -- "$current")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
	elif _lessor_commands <<<"$help" | grep -q .; then
		mapfile -t COMPREPLY < <(compgen -W "$(_lessor_commands <<<"$help")" -- "$current")
	else
		compopt -o default 2>/dev/null
	fi
	return 0
}

complete -F _lessor lessor
