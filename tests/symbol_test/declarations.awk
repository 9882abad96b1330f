# SPDX-License-Identifier: Apache-2.0
# Reads a preprocessed C file; prints the functions and variables with external linkage that files under 'include'
# declare, one per line.

# A line marker says which file the following lines come from.
/^# [0-9]+ "/ {
	ours = index($0, "\"" include) > 0
	next
}
/^#/ || !ours {
	next
}
{
	line = $0
	while (match(line, /[{};]/)) {
		mark = substr(line, RSTART, 1)
		if (depth == 0) {
			text = text " " substr(line, 1, RSTART - 1)
		}
		line = substr(line, RSTART + 1)
		if (mark == "{") {
			depth++
		} else if (mark == "}") {
			depth--
		}
		if (depth == 0 && (mark == ";" || (mark == "}" && text ~ /\)[ \t]*$/))) {
			declaration(text)
			text = ""
		}
	}
	if (depth == 0) {
		text = text " " line
	}
}

# One declaration at file scope, without what stood in braces.
function declaration(text,    words, count) {
	gsub(/__attribute__[ \t]*\(\([^()]*(\([^()]*\))?[^()]*\)\)/, " ", text)
	gsub(/[ \t]+/, " ", text)
	sub(/^ /, "", text)
	if (text ~ /^(static|typedef|_Static_assert)/ || text == "") {
		return
	}
	if (match(text, /[A-Za-z_][A-Za-z_0-9]* ?\(/)) {
		text = substr(text, RSTART, RLENGTH - 1)
		sub(/ $/, "", text)
		print text
	} else if (text ~ /^extern /) {
		gsub(/\[[^]]*\]/, "", text)
		count = split(text, words, /[ *]+/)
		print words[words[count] == "" ? count - 1 : count]
	}
}
