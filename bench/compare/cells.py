# SPDX-License-Identifier: Apache-2.0
"""Cells: what one run of lessor-bench measures, how it is written down, and the matrices made of them."""

import dataclasses
import os

STORES = ("lessor", "lfht", "mutex", "sqlite", "lmdb", "rocksdb")
WORKLOADS = ("create", "get-address", "get-client", "renew", "churn", "allocate", "mixed", "conflict", "restart",
             "expire", "snapshot")
DURABILITIES = ("none", "async", "sync")
CLOCKS = ("call", "group")


@dataclasses.dataclass(frozen=True)
class Cell:
    """The settings of one run; seed and directory belong to the round. 0: left to lessor-bench."""

    workload: str = "create"
    store: str = "lessor"
    leases: int = 1_000_000
    scopes: int = 1024
    threads: int = 1
    batch: int = 1
    durability: str = "none"
    in_flight: int = 0
    seconds: int = 0
    fill: int = 0
    clock: str = "call"

    def __post_init__(self):
        for name, known in (("workload", WORKLOADS), ("store", STORES), ("durability", DURABILITIES),
                            ("clock", CLOCKS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r} is none of {', '.join(known)}")

    def __str__(self):
        """The workload and what differs from the defaults, as parse() takes it."""
        parts = [self.workload]
        for field in dataclasses.fields(self)[1:]:
            value = getattr(self, field.name)
            if value != field.default:
                parts.append(f"{field.name}={si(value) if isinstance(value, int) else value}".replace(" ", ""))
        return ",".join(parts)

    def arguments(self):
        """The options of lessor-bench run."""
        pairs = ((f"--{field.name.replace('_', '-')}", getattr(self, field.name)) for field in dataclasses.fields(self))
        unsaid = (("--clock", "call"),)  # older commits do not know it
        return [str(word) for option, value in pairs if value != 0 and (option, value) not in unsaid
                for word in (option, value)]

    def rank(self):
        """Where tables put it: by workload, durability, store, then the numbers."""
        return (WORKLOADS.index(self.workload), DURABILITIES.index(self.durability), STORES.index(self.store),
                self.batch, self.in_flight, self.threads, self.leases, self.scopes, self.fill, self.seconds,
                CLOCKS.index(self.clock))


def si(number):
    """16000000 -> 16 M; 1024 stays what it is."""
    for factor, letter in ((10**6, " M"), (10**3, " k")):
        if number >= factor and number % factor == 0:
            return f"{number // factor}{letter}"
    return str(number)


def number(text):
    """16M -> 16000000."""
    factor = {"k": 10**3, "M": 10**6}.get(text[-1:], 1)
    value = float(text.rstrip("kM")) * factor
    if value != int(value) or value < 0:
        raise ValueError(f"{text!r} is no count")
    return int(value)


def make(settings):
    """A cell of a table of settings, as perf/targets has them: numbers may be numbers or as in number()."""
    types = {field.name: type(field.default) for field in dataclasses.fields(Cell)}
    unknown = set(settings) - set(types)
    if unknown:
        raise ValueError(f"a cell has no {', '.join(sorted(unknown))}")
    return Cell(**{name: number(value) if types[name] is int and isinstance(value, str) else value
                   for name, value in settings.items()})


def parse(text):
    """create,leases=4M,batch=32 -> the cell."""
    workload, *settings = text.split(",")
    try:
        return make({"workload": workload, **dict(setting.split("=", 1) for setting in settings)})
    except ValueError as error:
        raise ValueError(f"cell {text!r}: {error}") from None


# How many leases a store does in a few seconds; and any, if it waits for the disk after each.
SUITABLE_LEASES = {"lessor": "1M", "lfht": "1M", "mutex": "1M", "sqlite": "100k", "lmdb": "400k", "rocksdb": "400k"}
SUITABLE_LEASES_SYNC = "10k"
GROWTH_LEASES = ("1M", "2M", "4M", "8M", "16M", "32M", "64M")


def suited(store, **settings):
    """A cell with as many leases as its store can do."""
    alone = settings.get("durability") == "sync" and settings.get("in_flight", 1) == 1
    leases = SUITABLE_LEASES_SYNC if alone else SUITABLE_LEASES[store]
    return make({"store": store, "leases": leases, **settings})


def thread_counts():
    """1, 2, 4... to twice the processors: the last shows whether too many threads do harm."""
    counts = [1]
    while counts[-1] < 2 * (os.cpu_count() or 1):
        counts.append(counts[-1] * 2)
    return counts


LOGGED = ("restart", "snapshot")  # what there is only with durability


def smoke():
    """One small cell of each workload."""
    return [make({"workload": workload, "leases": "100k", "durability": "async" if workload in LOGGED else "none"})
            for workload in WORKLOADS]


def stores():
    """All stores side by side."""
    ways = [{"durability": durability, "batch": batch} for durability in ("none", "async") for batch in (1, 32)]
    ways += [{"durability": "sync", "in_flight": in_flight} for in_flight in (1, 1024)]
    ways += [{"threads": 2}, {"workload": "restart", "durability": "async"}]
    ways += [{"workload": workload} for workload in WORKLOADS if workload not in ("create", "expire", *LOGGED)]
    return [suited(store, **way) for store in STORES for way in ways]


def growth():
    """lessor from 1 M to 64 M leases."""
    cells = []
    for leases in GROWTH_LEASES:
        cells += [make({"leases": leases, "batch": batch}) for batch in (1, 32)]
        cells.append(make({"leases": leases, "workload": "restart", "durability": "async"}))
    return cells


def threads():
    """Throughput of lessor and of what is nearest to it, by threads."""
    cells = []
    for count in thread_counts():
        cells += [make({"leases": "4M", "threads": count, "workload": workload})
                  for workload in ("create", "get-address", "get-client", "mixed")]
        cells += [make({"leases": "4M", "threads": count, "store": store}) for store in ("lfht", "mutex")]
    return cells


def matrix(name, targets):
    """The cells of a matrix, each once; TARGETS are those of perf/targets."""
    matrices = {"smoke": smoke, "targets": lambda: targets, "stores": stores, "growth": growth,
                "full": lambda: targets + stores() + growth() + threads()}
    return list(dict.fromkeys(matrices[name]()))


MATRICES = ("smoke", "targets", "stores", "growth", "full")

# What perf/compare-commits measures unless told otherwise: the calls a server lives on, in seconds.
REGRESSION = ("create", "create,batch=32", "create,durability=async,batch=32", "get-address", "get-client", "renew",
              "churn", "restart,durability=async")
