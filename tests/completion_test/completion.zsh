# SPDX-License-Identifier: Apache-2.0
# completion.zsh DIRECTORY COMMANDS: a zsh that has _lessor of the directory completes in a terminal.
zmodload zsh/zpty
top=$2
zpty -b shell "zsh -f -i"
say() { zpty -w shell $1 }
say "unsetopt zle_bracketed_paste 2>/dev/null; PROMPT=; stty -echo; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
say 'zstyle ":completion:*" list-grouped false; LISTMAX=10000; COLUMNS=60; LINES=500; setopt no_always_last_prompt; zle_highlight=(none)'
say 'show() { print -r -- "<<$LBUFFER>>"; print -r -- END }; zle -N show; bindkey "^T" show'
say 'bindkey "^I" complete-word; bindkey "^D" list-choices; print REA"DY"'

# read_to PATTERN: into 'seen'; 10 s and it has failed.
read_to() {
	seen=
	local piece
	integer i
	for (( i = 0; i < 100; i++ )); do
		while zpty -r -t shell piece; do
			seen+=$piece
		done
		[[ $seen == *$~1* ]] && return 0
		sleep 0.1
	done
	print -u2 "completion.zsh: no '$1' in: $seen"
	exit 1
}
read_to 'READY'

# completes LINE WANTED: the line becomes this when the key Tab is pressed.
completes() {
	zpty -w -n shell $'\x15'"$1"$'\t\x14'
	read_to '<<*>>*END'
	if [[ $seen != *"<<$2>>"* ]]; then
		print -u2 "completion.zsh: '$1' becomes '${${seen##*<<}%%>>*}' instead of '$2'"
		exit 1
	fi
}
for command in ${(f)top}; do
	completes "lessor $command" "lessor $command "
done
completes 'lessor st' 'lessor stats '
completes 'lessor sc' 'lessor scope '
completes 'lessor scope sh' 'lessor scope show '
completes 'lessor scope add --su' 'lessor scope add --subnet='
completes 'lessor stats --op' 'lessor stats --openmetrics '
completes 'lessor stats --store x --kea' 'lessor stats --store x --kea-names '
completes 'lessor import --format=windows-x' 'lessor import --format=windows-xml '
zpty -d shell
