# SPDX-License-Identifier: Apache-2.0
"""perf/targets: the cells it needs, and what of it is reached."""

import dataclasses
import tomllib

import cells
import results

MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"


@dataclasses.dataclass(frozen=True)
class Metric:
    """One number of one cell."""

    cell: cells.Cell
    name: str

    @staticmethod
    def of(table):
        """From perf/targets: the settings of a cell and "metric"."""
        settings = dict(table)
        name = settings.pop("metric")
        return Metric(cells.make(settings), name)


@dataclasses.dataclass(frozen=True)
class Target:
    """One row of the table."""

    what: str
    of: Metric
    over: Metric | None
    unit: str
    scale: float
    at_least: float | None
    at_most: float | None

    @staticmethod
    def load(row):
        """From perf/targets."""
        bounds = {name: row.get(name) for name in ("at_least", "at_most")}
        if sum(bound is not None for bound in bounds.values()) != 1:
            raise ValueError("needs one of at_least and at_most")
        over = Metric.of(row["over"]) if "over" in row else None
        return Target(row["what"], Metric.of(row["of"]), over, row["unit"], row.get("scale", 1), **bounds)

    def cells(self):
        """What must be run for it."""
        return [metric.cell for metric in (self.of, self.over) if metric]

    def wanted(self):
        """The bound in words."""
        return f">= {self.at_least} {self.unit}" if self.at_least is not None else f"<= {self.at_most} {self.unit}"

    def figure(self, found):
        """What was measured, in the target's unit."""
        values = found.values(self.of.cell, self.of.name)
        if self.over:
            below = found.values(self.over.cell, self.over.name)
            values = {at: values[at] / below[at] for at in values.keys() & below.keys() if below[at]}
        return results.Figure.of([value / self.scale for value in values.values()])

    def verdict(self, figure):
        """MET, MISSED or NOT_MEASURED."""
        if figure is None:
            return NOT_MEASURED
        reached = figure.median >= self.at_least if self.at_least is not None else figure.median <= self.at_most
        return MET if reached else MISSED


def load(path):
    """All targets."""
    try:
        with open(path, "rb") as file:
            return [Target.load(row) for row in tomllib.load(file)["target"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise results.Unusable(f"{path}: {error}") from None


def cells_of(targets):
    """The matrix "targets"."""
    return list(dict.fromkeys(cell for target in targets for cell in target.cells()))
