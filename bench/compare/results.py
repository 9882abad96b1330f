# SPDX-License-Identifier: Apache-2.0
"""The directory of a comparison: compare.json says what is to be measured, runs.jsonl has a line per run."""

import dataclasses
import json
import pathlib
import statistics

import cells

PLAN = "compare.json"
RUNS = "runs.jsonl"


class Unusable(Exception):
    """What is to be done cannot be; the sentence says why."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A metric over the rounds."""

    median: float
    lowest: float
    highest: float
    rounds: int

    @staticmethod
    def of(values):
        """None of no values at all."""
        if not values:
            return None
        return Figure(statistics.median(values), min(values), max(values), len(values))


def metric_of(result, name):
    """A number out of a result, settings.name for one among its settings; None if there is none."""
    for part in name.split("."):
        result = result.get(part) if isinstance(result, dict) else None
    return result if isinstance(result, (int, float)) and not isinstance(result, bool) else None


class Results:
    """What was planned and what was measured of it."""

    def __init__(self, directory, plan):
        self.directory = pathlib.Path(directory)
        self.plan = plan
        self.cells = [cells.parse(text) for text in plan["cells"]]
        self.runs = {}
        self.errors = {}
        self.damage = []

    @staticmethod
    def create(directory, plan):
        """A new comparison; a directory that holds one already is left alone."""
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        try:
            with open(directory / PLAN, "x", encoding="utf-8") as file:
                json.dump(plan, file, indent=1)
                file.write("\n")
        except FileExistsError:
            raise Unusable(f"{directory} holds a comparison; --resume it, or name another with --out") from None
        return Results(directory, plan)

    @staticmethod
    def load(directory):
        """A comparison as far as it got. Lines of runs that are damaged are noted and left out."""
        try:
            with open(pathlib.Path(directory) / PLAN, encoding="utf-8") as file:
                results = Results(directory, json.load(file))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unusable(f"{directory} holds no comparison: {PLAN}: {error}") from None
        if (results.directory / RUNS).exists():
            text = (results.directory / RUNS).read_text(encoding="utf-8", errors="replace")
            for at, line in enumerate(text.splitlines(), 1):
                results._load_line(at, line)
        return results

    def _load_line(self, at, line):
        try:
            run = json.loads(line)
            self._take(int(run["round"]), cells.parse(run["cell"]), run)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.damage.append(f"line {at} of {RUNS} is damaged and was left out")

    def _take(self, round_number, cell, run):
        if "error" in run:
            self.errors.setdefault(cell, {})[round_number] = str(run["error"])
        elif isinstance(run["result"], dict):
            self.runs.setdefault(cell, {})[round_number] = run
            self.errors.get(cell, {}).pop(round_number, None)
        else:
            raise ValueError("a result is an object")

    def append(self, round_number, cell, run):
        """Keep one run, at once."""
        path = self.directory / RUNS
        torn = path.exists() and not path.read_bytes().endswith(b"\n")
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n" * torn + json.dumps({"round": round_number, "cell": str(cell), **run}) + "\n")
        self._take(round_number, cell, run)

    def unsupported(self):
        """Cells that their store cannot do."""
        return {cells.parse(text) for text in self.plan["unsupported"]}

    def wanted(self):
        """Cells that can be measured, in the order of tables."""
        return sorted(set(self.cells) - self.unsupported(), key=cells.Cell.rank)

    def measured(self, **settings):
        """Cells with at least one result, of the given settings."""
        return [cell for cell in self.wanted() if cell in self.runs
                and all(getattr(cell, name) == value for name, value in settings.items())]

    def is_done(self, round_number, cell):
        """Has this run been made?"""
        return round_number in self.runs.get(cell, {})

    def values(self, cell, metric):
        """The metric by round."""
        found = {at: metric_of(run["result"], metric) for at, run in self.runs.get(cell, {}).items()}
        return {at: value for at, value in found.items() if value is not None}

    def figure(self, cell, metric):
        """The metric over the rounds, None if it was not measured."""
        return Figure.of(list(self.values(cell, metric).values()))

    def any_result(self, cell=None):
        """Some result, for what is the same in all of them."""
        runs = [run for at, found in self.runs.items() if cell in (None, at) for run in found.values()]
        return runs[0]["result"] if runs else {}
