# SPDX-License-Identifier: Apache-2.0
"""The plots, by gnuplot. Each states its question; what was not measured is not drawn."""

import dataclasses
import math
import shutil
import subprocess

import cells

# Okabe and Ito's palette, which the colour-blind can tell apart; shapes differ as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SHAPES = (7, 5, 9, 13, 11, 15, 4)
BOUND = "#666666"

HEAD = """
set terminal svg size 960,600 noenhanced font 'sans-serif,15' background '#ffffff'
set encoding utf8
set label 1 {title} at screen 0.015,0.955 left font ',19'
set label 2 {machine} at screen 0.015,0.912 left font ',12' textcolor rgb '#555555'
set label 4 {circumstances} at screen 0.015,0.882 left font ',12' textcolor rgb '#555555'
set tmargin at screen 0.84
set lmargin at screen 0.125
set rmargin at screen {right}
set bmargin at screen 0.13
set border 3
set tics nomirror out
set grid ytics lc rgb '#d8d8d8' lw 1
set key at screen {key},0.84 left top Left reverse samplen 1.5 spacing 1.25 font ',13'
set xlabel {x_label} offset 0,0.2
set label 3 {y_label} at screen 0.02,0.495 center rotate
"""
LOG_Y = "set logscale y 10\nset grid ytics mytics lc rgb '#d8d8d8' lw 1, lc rgb '#efefef' lw 1\n"
PER_SECOND = "set format y '%.0s %c/s'\n"


@dataclasses.dataclass
class Series:
    """A line, or a set of points: (x, median, lowest, highest)."""

    label: str
    points: list


def quoted(text):
    """A string of gnuplot in which nothing is special."""
    return "'" + str(text).replace("'", "''").replace("\n", " ") + "'"


def head(plot, x_label, y_label, right=0.745):
    """Title, margins, labels; the key stands beside the graph."""
    return HEAD.format(title=quoted(plot.title), machine=quoted(plot.machine), circumstances=quoted(plot.circumstances),
                       x_label=quoted(x_label), y_label=quoted(y_label), right=right, key=right + 0.015)


def data_blocks(series):
    """One named block of data per series."""
    lines = []
    for at, one in enumerate(series):
        lines += [f"$series{at} << END", *(" ".join(f"{value:.10g}" for value in point) for point in one.points), "END"]
    return "\n".join(lines) + "\n"


def drawn(series, style, extra=()):
    """The plot command: medians in STYLE, and the way from the lowest to the highest round."""
    parts = []
    for at, one in enumerate(series):
        colour, shape = COLOURS[at % len(COLOURS)], SHAPES[at % len(SHAPES)]
        parts.append(f"$series{at} using 1:2:3:4 with yerrorbars lc rgb '{colour}' pt {shape} ps 0.1 lw 1.5 notitle")
        parts.append(f"$series{at} using 1:2 with {style} lc rgb '{colour}' pt {shape} ps 1.0 lw 2 "
                     f"title {quoted(one.label)}")
    return "plot " + ", \\\n ".join([*parts, *extra]) + "\n"


def point(x, found, cell, metric, scale=1.0):
    """A point of a series, None if it was not measured or cannot stand on a logarithmic axis."""
    figure = found.figure(cell, metric)
    if figure is None or figure.lowest <= 0:
        return None
    return (x, figure.median * scale, figure.lowest * scale, figure.highest * scale)


def pick(found, **settings):
    """The cell of these settings at the size that suits its store, or the largest."""
    candidates = found.measured(**settings)
    suited = [cell for cell in candidates
              if cell.leases == cells.suited(cell.store, durability=cell.durability, in_flight=cell.in_flight).leases]
    return max(suited or candidates, key=lambda cell: cell.leases, default=None)


def by(field, found, metric, scale=1.0, **settings):
    """Points over a numeric setting. Of the others, leases is that with most points if it is not the field."""
    measured = found.measured(**settings)
    if field != "leases" and measured:
        sizes = [cell.leases for cell in measured]
        leases = max(set(sizes), key=lambda size: (sizes.count(size), size))
        measured = [cell for cell in measured if cell.leases == leases]
    points = (point(getattr(cell, field), found, cell, metric, scale) for cell in measured)
    return sorted(found_point for found_point in points if found_point)


def tics(axis, positions_and_labels):
    """Tics where the measured points are."""
    listed = ", ".join(f"{quoted(label)} {position:g}" for position, label in positions_and_labels)
    return f"set {axis}tics ({listed})\n"


# gnuplot's own would say "us".
SECONDS = tics("y", ((10.0**at, f"{10**(at % 3)} {('ns', 'µs', 'ms', 's')[at // 3 + 3]}") for at in range(-9, 3)))


def number_tics(series):
    """Tics of a logarithmic x axis."""
    return tics("x", ((x, cells.si(x)) for x in sorted({at[0] for one in series for at in one.points})))


def range_around(axis, low, high, logarithmic):
    """An axis with some air."""
    if logarithmic:
        return f"set logscale {axis} 10\nset {axis}range [{low / 1.25:g}:{high * 1.25:g}]\n"
    return f"set {axis}range [{low - 0.5:g}:{high + 0.5:g}]\n"


def decades_of(series):
    """A logarithmic y axis of whole decades."""
    low = min(point[2] for one in series for point in one.points)
    high = max(point[3] for one in series for point in one.points)
    low, high = 10.0**math.floor(math.log10(low)), 10.0**math.ceil(math.log10(high))
    return LOG_Y + f"set yrange [{0.99 * low:g}:{1.01 * high:g}]\n"


def more_than_one(series):
    """Lines need two points at least."""
    return [one for one in series if len(one.points) > 1]


@dataclasses.dataclass
class Plot:
    """A file, the question it answers, and how it is drawn: a function of itself, the results and the targets."""

    name: str
    title: str
    draw: object
    machine: str
    circumstances: str


CREATES = (("in memory", {"durability": "none"}),
           ("in memory, batches of 32", {"durability": "none", "batch": 32}),
           ("all durable at the end", {"durability": "async"}),
           ("same, batches of 32", {"durability": "async", "batch": 32}),
           ("each durable, 1024 in flight", {"durability": "sync", "in_flight": 1024}),
           ("each durable, 1 in flight", {"durability": "sync", "in_flight": 1}))


def creates_of(found, settings, x):
    """The points of one way to create, a place on the x axis per store."""
    settings = {"workload": "create", "threads": 1, "batch": 1, "in_flight": 0, **settings}
    picked = ((place, pick(found, store=store, **settings)) for store, place in x)
    return [at for at in (point(place, found, cell, "ops_per_s") for place, cell in picked if cell) if at]


def between(places):
    """Lines that part the places of an x axis."""
    return "".join(f"set arrow from {at + 0.5},graph 0 to {at + 0.5},graph 1 nohead lc rgb '#d8d8d8'\n"
                   for at in range(places - 1))


def draw_stores(plot, found, _targets):
    """Creates per second by store."""
    present = [store for store in cells.STORES if found.measured(workload="create", store=store)]
    series = []
    for at, (label, settings) in enumerate(CREATES):
        shift = (at - (len(CREATES) - 1) / 2) * 0.13
        points = creates_of(found, settings, [(store, place + shift) for place, store in enumerate(present)])
        series.append(Series(label, points))
    series = [one for one in series if one.points]
    if not series:
        return None
    return (head(plot, "store", "leases created per second") + decades_of(series) + PER_SECOND
            + range_around("x", 0, len(present) - 1, False) + tics("x", enumerate(present)) + between(len(present))
            + data_blocks(series) + drawn(series, "points"))


def bound_of(targets, metric):
    """The target of a metric, if there is one."""
    return next((target for target in targets if target.of.name == metric), None)


def draw_growth(plot, found, targets):
    """Nanoseconds per create by leases."""
    settings = {"workload": "create", "store": "lessor", "threads": 1, "durability": "none"}
    series = more_than_one([Series(label, by("leases", found, "ns_per_op", batch=batch, **settings))
                            for label, batch in (("one by one", 1), ("batches of 32", 32))])
    if not series:
        return None
    extra, target = [], bound_of(targets, "ns_per_op")
    smallest = found.figure(target.over.cell, "ns_per_op") if target and target.over else None
    if smallest:
        extra = [f"{smallest.median * target.at_most:g} with lines dt 2 lw 1.5 lc rgb '{BOUND}' "
                 f"title {quoted(f'target: {target.at_most} x that at {cells.si(target.over.cell.leases)}')}"]
    xs = [at[0] for one in series for at in one.points]
    return (head(plot, "leases loaded", "nanoseconds per create") + range_around("x", min(xs), max(xs), True)
            + number_tics(series) + "set yrange [0:*]\n" + data_blocks(series) + drawn(series, "linespoints", extra))


IN_MEMORY = ("lessor", "lfht", "mutex")


def draw_threads(plot, found, _targets):
    """Throughput by threads."""
    ways = [{"store": store, "workload": workload}
            for store in IN_MEMORY for workload in ("create", "get-address", "get-client", "mixed")]
    series = [Series(f"{way['store']}: {way['workload']}",
                     by("threads", found, "ops_per_s", 1e-6, batch=1, durability="none", **way)) for way in ways]
    series = more_than_one(series)[:len(COLOURS)]
    if not series:
        return None
    xs = [at[0] for one in series for at in one.points]
    return (head(plot, "threads", "million calls per second, all threads together")
            + range_around("x", min(xs), max(xs), True) + number_tics(series) + "set yrange [0:*]\n"
            + data_blocks(series) + drawn(series, "linespoints"))


# Labels of tics are formats: %% is a percent sign.
PERCENTILES = (("p50_ns", "median"), ("p99_ns", "99 %%"), ("p999_ns", "99.9 %%"), ("max_ns", "longest"))


def latencies_of(found, cell):
    """Percentiles as points, in seconds."""
    points = (point(at, found, cell, metric, 1e-9) for at, (metric, _) in enumerate(PERCENTILES))
    return [at for at in points if at]


def draw_latency(plot, found, _targets):
    """Latency percentiles of single creates by store."""
    picked = ((store, pick(found, store=store, workload="create", threads=1, batch=1, durability="none"))
              for store in cells.STORES)
    series = [Series(f"{store}, {cells.si(cell.leases)} leases", latencies_of(found, cell))
              for store, cell in picked if cell]
    series = more_than_one(series)
    if not series:
        return None
    return (head(plot, "percentile of all creates", "time of one call") + decades_of(series) + SECONDS
            + range_around("x", 0, len(PERCENTILES) - 1, False)
            + tics("x", enumerate(label for _, label in PERCENTILES)) + data_blocks(series)
            + drawn(series, "linespoints"))


def draw_memory(plot, found, targets):
    """Bytes per lease by store."""
    picked = [pick(found, store=store, workload="create", threads=1, batch=1, durability="none")
              for store in cells.STORES]
    bars = [(cell, point(0, found, cell, "bytes_per_lease")) for cell in picked if cell]
    bars = [(cell, at) for cell, at in bars if at]
    if not bars:
        return None
    labels = tics("x", ((place, f"{cell.store}, {cells.si(cell.leases)}") for place, (cell, _) in enumerate(bars)))
    block = "\n".join(["$bars << END", *(f"{place} {at[1]:g} {at[2]:g} {at[3]:g}"
                                         for place, (_, at) in enumerate(bars)), "END\n"])
    parts = [f"$bars using 1:2 with boxes lc rgb '{COLOURS[0]}' notitle"]
    target = bound_of(targets, "bytes_per_lease")
    if target:
        parts.append(f"{target.at_most:g} with lines dt 2 lw 2 lc rgb '{BOUND}' "
                     f"title {quoted(f'target of lessor: {target.at_most}')}")
    parts += ["$bars using 1:3:(0):($4-$3) with vectors heads size screen 0.006,90 lc rgb '#000000' lw 1.5 notitle",
              "$bars using 1:4:(sprintf('%.0f', $2)) with labels boxed offset 0,0.9 notitle"]
    return (head(plot, "store, leases loaded", "bytes of memory per lease", right=0.97)
            + "set key inside top left\nset yrange [0:*]\nset offsets 0,0,graph 0.12,0\n"
            + "set style textbox opaque noborder margins 0.3,0.3\n"
            + range_around("x", 0, len(bars) - 1, False) + labels + block
            + "set boxwidth 0.6\nset style fill solid 0.85 noborder\nplot " + ", \\\n ".join(parts) + "\n")


def draw_restart(plot, found, targets):
    """Seconds to open by leases."""
    series = [Series(label, by("leases", found, metric, workload="restart", store="lessor"))
              for metric, label in (("open_seconds_log", "from the log alone"),
                                    ("open_seconds_snapshot", "from a snapshot"))]
    series = more_than_one(series)
    if not series:
        return None
    extra, target = [], bound_of(targets, "open_seconds_log")
    if target:
        label = f"target: {cells.si(target.of.cell.leases)} in {target.at_most} s"
        extra = [f"'+' using ({target.of.cell.leases}):({target.at_most}) every ::0::0 with points pt 2 ps 1.6 lw 2 "
                 f"lc rgb '{BOUND}' title {quoted(label)}"]
    xs = [at[0] for one in series for at in one.points]
    return (head(plot, "leases in the store", "time until the store is open") + decades_of(series) + SECONDS
            + range_around("x", min(xs), max(xs), True) + number_tics(series) + data_blocks(series)
            + drawn(series, "linespoints", extra))


PLOTS = (("create-by-store", "How many leases a second does each store create?", draw_stores),
         ("create-by-leases", "Does a create get dearer as the store grows?", draw_growth),
         ("throughput-by-threads", "Does throughput grow with threads?", draw_threads),
         ("latency-by-store", "How long does a single create take, at worst?", draw_latency),
         ("memory-by-store", "How much memory does a lease take?", draw_memory),
         ("restart-by-leases", "How long does a restart take?", draw_restart))


def draw(found, targets, machine, circumstances):
    """Draw all that can be drawn. The plots that were, and sentences on those that were not."""
    if not shutil.which("gnuplot"):
        return [], ["no plots: gnuplot is not installed (package gnuplot-nox)"]
    done, complaints = [], []
    for name, title, function in PLOTS:
        plot = Plot(name, title, function, machine, circumstances)
        script = plot.draw(plot, found, targets)
        path = found.directory / f"{name}.svg"
        path.unlink(missing_ok=True)
        if script is None:
            complaints.append(f"{name}: not drawn, too little of it was measured")
            continue
        ended = subprocess.run(["gnuplot"], input=f"set output {quoted(path)}\n{script}", text=True,
                               capture_output=True, check=False)
        if ended.returncode != 0 or not path.exists():
            complaints.append(f"{name}: not drawn, gnuplot says: {ended.stderr.strip()}")
        else:
            done.append(plot)
    return done, complaints
