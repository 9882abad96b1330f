#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openmetrics_check.py < TEXT: is it OpenMetrics 1.0? Says what is wrong with the first line that is not, and fails."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL}(?:,{LABEL})*)?)\}})? (-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)")
META = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.*)")
SUFFIXES = {"counter": ["_total", "_created"], "gauge": [""], "info": ["_info"]}


class Wrong(Exception):
    pass


def need(condition, sentence):
    if not condition:
        raise Wrong(sentence)


def check(text):
    need(text.endswith("# EOF\n"), "the last line is not '# EOF'")
    families = {}  # name: type
    samples = set()
    current = None  # name of the family whose lines come now
    seen_meta = set()
    sampled = False
    for number, line in enumerate(text[: -len("# EOF\n")].split("\n")[:-1], 1):
        try:
            meta = META.fullmatch(line)
            if meta:
                kind, name, value = meta.groups()
                if name != current:
                    need(name not in families, f"the lines of {name} are not together")
                    current, sampled, seen_meta = name, False, set()
                    families[name] = "unknown"
                need(not sampled, "metadata behind samples")
                need(kind not in seen_meta, f"a second {kind}")
                seen_meta.add(kind)
                if kind == "TYPE":
                    need(value in SUFFIXES, f"the type {value}")
                    families[name] = value
                if kind == "UNIT":
                    need(value and name.endswith("_" + value), f"the name does not end in its unit {value}")
                if kind == "HELP":
                    need(not re.search(r'\\[^"\\n]', value), "an escape in the help")
                continue
            match = SAMPLE.fullmatch(line)
            need(match, "neither metadata nor a sample")
            name, labels, value = match.groups()
            need(current is not None, "a sample without a family")
            need(any(name == current + suffix for suffix in SUFFIXES[families[current]]),
                 f"{name} is no sample of the {families[current]} {current}")
            keys = [label.split("=")[0] for label in re.findall(LABEL, labels or "")]
            need(len(keys) == len(set(keys)), "a label twice")
            need((name, labels) not in samples, "a sample twice")
            need(families[current] != "info" or float(value) == 1, "an info that is not 1")
            need(families[current] != "counter" or float(value) >= 0, "a counter below 0")
            samples.add((name, labels))
            sampled = True
        except Wrong as wrong:
            raise Wrong(f"line {number}: {wrong}: {line}") from None
    need(samples, "there are no samples")


try:
    check(sys.stdin.buffer.read().decode("utf-8"))
except (Wrong, UnicodeDecodeError) as wrong:
    sys.exit(f"openmetrics_check: {wrong}")
