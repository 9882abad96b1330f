# SPDX-License-Identifier: Apache-2.0
"""compare.md: what was measured, as one reads it."""

import collections
import json

import cells
import plots
import results
import targets as target_rows

REPORT = "compare.md"


def scaled(value, unit, steps):
    """In the largest step that leaves a digit before the point."""
    for factor, prefix in steps:
        if abs(value) >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def rate(value):
    """Per second."""
    return scaled(value, "/s", ((1e9, "G"), (1e6, "M"), (1e3, "k")))


def time_of(factor):
    """A formatter of times given in so many seconds."""
    return lambda value: scaled(value * factor, "s", ((1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")))


def plain(value):
    """Whatever has its unit in the heading."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


SETTINGS = (("Store", "store"), ("Leases", "leases"), ("Threads", "threads"), ("Batch", "batch"),
            ("Durability", "durability"), ("In flight", "in_flight"), ("Scopes", "scopes"), ("Fill, %", "fill"),
            ("Clock", "clock"))
METRICS = (("Per second", "ops_per_s", rate), ("ns per call", "ns_per_op", plain), ("p50", "p50_ns", time_of(1e-9)),
           ("p99", "p99_ns", time_of(1e-9)), ("p99.9", "p999_ns", time_of(1e-9)), ("Longest", "max_ns", time_of(1e-9)),
           ("Bytes per lease", "bytes_per_lease", plain), ("Ack p50", "ack_p50_us", time_of(1e-6)),
           ("Ack p99", "ack_p99_us", time_of(1e-6)), ("Flush p99", "device_flush_p99_us", time_of(1e-6)),
           ("Open from log", "open_seconds_log", time_of(1)),
           ("Open from snapshot", "open_seconds_snapshot", time_of(1)),
           ("First fifth", "first_fifth_ops_per_s", rate), ("Last fifth", "last_fifth_ops_per_s", rate),
           ("Harness, ns", "harness_ns_per_op", plain))


# What a workload is about: these stand with their range.
HEADLINES = ("ops_per_s", "open_seconds_log", "open_seconds_snapshot")
NOT_OF_RESTART = ("ops_per_s", "ns_per_op")


def row(entries):
    """A line of a table."""
    return "| " + " | ".join(str(entry).replace("|", "/").replace("\n", " ") for entry in entries) + " |"


def table(headings, numeric_from, rows):
    """A table; columns from NUMERIC_FROM on stand right."""
    rule = ["---" if at < numeric_from else "---:" for at in range(len(headings))]
    return [row(headings), "|" + "|".join(rule) + "|", *map(row, rows), ""]


def text_of(value):
    """A machine or settings, whether they come as a sentence or as an object."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {text_of(part)}" for name, part in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def spread(figure, show):
    """The lowest and the highest round."""
    return f"{show(figure.lowest)} … {show(figure.highest)}" if figure.rounds > 1 else ""


def target_table(found, targets):
    """What is to be reached beside what was."""
    rows = []
    for target in targets:
        figure = target.figure(found)
        measured = f"{plain(figure.median)} {target.unit}" if figure else ""
        rows.append((target.what, target.wanted(), measured, spread(figure, plain) if figure else "",
                     target.verdict(figure)))
    counts = {verdict: sum(one[-1] == verdict for one in rows)
              for verdict in (target_rows.MET, target_rows.MISSED, target_rows.NOT_MEASURED)}
    return ["## Targets", "", ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + ".", "",
            *table(("What", "Target", "Measured", "Rounds", ""), 1, rows)]


def workload_table(found, measured):
    """All cells of a workload: only the settings that vary from the defaults, only the metrics that somebody has."""
    settings = [(heading, name) for heading, name in SETTINGS if name in ("store", "leases")
                or any(getattr(cell, name) != getattr(cells.Cell(), name) for cell in measured)]
    metrics = [metric for metric in METRICS if any(found.figure(cell, metric[1]) for cell in measured)
               and not (measured[0].workload == "restart" and metric[1] in NOT_OF_RESTART)]
    rows = []
    for cell in measured:
        entries = [getattr(cell, name) for _, name in settings]
        entries = [cells.si(entry) if isinstance(entry, int) and entry else entry or "" for entry in entries]
        for _, name, show in metrics:
            figure = found.figure(cell, name)
            entries.append(show(figure.median) if figure else "")
            if name in HEADLINES:
                entries.append(spread(figure, show) if figure else "")
        rows.append((*entries, len(found.runs[cell])))
    headings = [heading for heading, _ in settings]
    for heading, name, _ in metrics:
        headings += [heading, "Lowest … highest"] if name in HEADLINES else [heading]
    return table((*headings, "Rounds"), 1, rows)


def unsupported(found):
    """A sentence per reason why stores cannot do some cells."""
    counts = collections.Counter(found.plan["unsupported"].values())
    return [f"{count} cell{'s' * (count > 1)}: {reason}" for reason, count in counts.items()]


def incomplete(found):
    """A sentence for everything that was planned and is not there, or not as often."""
    lines = []
    for cell in found.wanted():
        made = len(found.runs.get(cell, {}))
        if made < found.plan["rounds"]:
            why = dict.fromkeys(found.errors.get(cell, {}).values())
            lines.append("; ".join([f"{cell}: {made} of {rounds_of(found)}", *why]))
    return lines + found.damage


def peer_settings(found):
    """How each store was set up."""
    lines = []
    for store in cells.STORES:
        for durability in cells.DURABILITIES:
            measured = found.measured(store=store, durability=durability)
            settings = found.any_result(measured[0]).get("settings") if measured else None
            if settings:
                lines.append(f"{store}, {durability}: {text_of(settings)}")
    return lines


def listed(heading, lines):
    """A section with a list, if there is anything in it."""
    return [f"## {heading}", "", *(f"- {line}" for line in lines), ""] if lines else []


def machine_of(found):
    """The machine, as the runs name it."""
    return text_of(found.any_result().get("machine", "machine not named"))


def rounds_of(found):
    """How many were planned, in words."""
    return "1 round" if found.plan["rounds"] == 1 else f"{found.plan['rounds']} rounds"


def preface(found):
    """The circumstances."""
    loads = results.Figure.of([run["load"] for runs in found.runs.values() for run in runs.values() if "load" in run])
    lines = [f"# Comparison \"{found.plan['matrix']}\" of {found.plan['date']}, commit {found.plan['commit']}", "",
             f"- {machine_of(found)}",
             f"- {rounds_of(found)}, each of every cell once in an order of its own; the round is the seed",
             "- figures are medians of the rounds; a range beside one is from the lowest to the highest round"]
    if loads:
        lines.append(f"- load of the machine when runs began: median {loads.median:.2g}, at most {loads.highest:.2g}"
                     " (a run itself leaves up to its threads)")
    return [*lines, ""]


def compose(found, targets, drawn, complaints):
    """The whole page."""
    lines = preface(found)
    if any(target.figure(found) for target in targets):
        lines += target_table(found, targets)
    for plot in drawn:
        lines += [f"![{plot.title}]({plot.name}.svg)", ""]
    for workload in cells.WORKLOADS:
        measured = found.measured(workload=workload)
        if measured:
            lines += [f"## {workload}", "", *workload_table(found, measured)]
    lines += listed("Settings of the stores", peer_settings(found))
    lines += listed("Not measured", incomplete(found) + unsupported(found) + complaints)
    return "\n".join(lines)


def write(found, targets):
    """Draw the plots and write the page. Its path, and a sentence per plot that is missing."""
    circumstances = (f"commit {found.plan['commit']}, {found.plan['date']}; median of {rounds_of(found)},"
                     " with bars from the lowest to the highest")
    drawn, complaints = plots.draw(found, targets, machine_of(found), circumstances)
    path = found.directory / REPORT
    path.write_text(compose(found, targets, drawn, complaints), encoding="utf-8")
    return path, complaints
