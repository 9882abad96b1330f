# SPDX-License-Identifier: Apache-2.0
"""Running lessor-bench: one cell, a calibration, the rounds."""

import dataclasses
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import cells
import results

UNSUPPORTED = 3
SHRINK = 16  # calibration runs this part of the leases
SMALLEST_LEASES = 1000
STUCK_FACTOR, STUCK_AT_LEAST_S = 10, 120


class Unsupported(Exception):
    """The store cannot do this cell."""


class Failed(Exception):
    """A run did not end as it should; the sentence says how."""


def say(text):
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def duration(seconds):
    """In words."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def check(cell, result):
    """A result is that of the cell that was asked for, or Failed."""
    if not isinstance(result, dict):
        raise Failed("wrote no object")
    for name in ("workload", "store", "leases", "threads", "batch", "durability"):
        if result.get(name) != getattr(cell, name):
            raise Failed(f"answers {name} {result.get(name)!r}")
    if not results.metric_of(result, "ops_per_s"):
        raise Failed("did nothing: no ops_per_s")


def run_program(program, cell, seed, work, timeout_s):
    """Run lessor-bench in the directory WORK; its JSON."""
    output = work / "result.json"
    command = [program, "run", *cell.arguments(), "--seed", str(seed), "--dir", str(work), "--json", str(output)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s,
                              check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"was stopped after {duration(timeout_s)}") from None
    except OSError as error:
        raise results.Unusable(f"{program}: {error.strerror}") from None
    said = (done.stderr.strip().splitlines() or ["without a word"])[-1]
    if done.returncode == UNSUPPORTED:
        raise Unsupported(said)
    if done.returncode != 0:
        raise Failed(f"ended with {done.returncode}: {said}")
    try:
        return json.loads(output.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failed(f"wrote no JSON: {error}") from None


def run_cell(program, cell, seed, directory, timeout_s=None):
    """Run a cell in a directory of its own, which is gone afterwards. What it took and answered, or Failed."""
    os.makedirs(directory, exist_ok=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix="compare-", dir=directory))
    load, start = os.getloadavg()[0], time.monotonic()
    try:
        result = run_program(program, cell, seed, work, timeout_s)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    check(cell, result)
    return {"load": round(load, 2), "wall_s": round(time.monotonic() - start, 3), "result": result}


def shrunk(cell):
    """The cell with a part of its leases, and as short as can be."""
    leases = min(cell.leases, max(SMALLEST_LEASES, cell.leases // SHRINK))
    return dataclasses.replace(cell, leases=leases, seconds=min(cell.seconds, 1))


class Calibration:
    """How long cells will take, from runs with few leases."""

    def __init__(self, program, directory):
        self.program = program
        self.directory = directory
        self.fixed_s = {}
        self.expected_s = {}
        self.unsupported = {}
        self.result = None

    def _run(self, cell):
        run = run_cell(self.program, cell, 0, self.directory, STUCK_AT_LEAST_S)
        self.result = run["result"]
        return run["wall_s"]

    def _fixed(self, cell):
        """What a run takes with next to no leases."""
        kind = (cell.store, cell.durability)
        if kind not in self.fixed_s:
            self.fixed_s[kind] = self._run(cells.Cell(store=cell.store, durability=cell.durability,
                                                      leases=SMALLEST_LEASES))
        return self.fixed_s[kind]

    def take(self, cell):
        """What is beyond the fixed part grows with the leases; a timed part does not."""
        small = shrunk(cell)
        try:
            fixed_s = self._fixed(cell)
            wall_s = self._run(small)
        except Unsupported as reason:
            self.unsupported[cell] = str(reason).removeprefix("lessor-bench: ")
        except Failed as failure:
            say(f"  {failure}")
            self.expected_s[cell] = 0.0
        else:
            growing_s = max(0, wall_s - fixed_s - small.seconds)
            self.expected_s[cell] = fixed_s + cell.seconds + growing_s * cell.leases / small.leases


def calibrate(program, wanted, directory):
    """Run all cells small, once."""
    calibration = Calibration(program, directory)
    for at, cell in enumerate(wanted, 1):
        say(f"calibrating {at}/{len(wanted)}: {cell}")
        calibration.take(cell)
    if calibration.result is None:
        raise results.Unusable("not one cell could be run")
    return calibration


def rounds_within(round_s, rounds, budget_s):
    """How many rounds to make, at least one."""
    if budget_s is None or round_s * rounds <= budget_s:
        return rounds
    return max(1, int(budget_s / round_s))


class Measurement:
    """The rounds of one comparison: each runs every cell once, in an order of its own."""

    def __init__(self, program, directory, found, deadline):
        self.program = program
        self.directory = directory
        self.results = found
        self.deadline = deadline
        self.expected_s = {cells.parse(text): seconds for text, seconds in found.plan["expected_s"].items()}

    def left(self):
        """Runs still to be made, in order."""
        for round_number in range(1, self.results.plan["rounds"] + 1):
            order = self.results.wanted()
            random.Random(round_number).shuffle(order)
            yield from ((round_number, cell) for cell in order if not self.results.is_done(round_number, cell))

    def left_s(self):
        """How long those will take."""
        return sum(self.expected_s.get(cell, 0) for _, cell in self.left())

    def run(self):
        """Make them. False if the budget did not suffice."""
        complete = True
        left = list(self.left())
        for at, (round_number, cell) in enumerate(left, 1):
            expected_s = self.expected_s.get(cell, 0)
            if self.deadline is not None and time.monotonic() + expected_s > self.deadline:
                complete = False
                continue
            self._run_one(f"{at}/{len(left)} round {round_number}: {cell}", round_number, cell, expected_s)
        return complete

    def _run_one(self, label, round_number, cell, expected_s):
        timeout_s = max(STUCK_AT_LEAST_S, STUCK_FACTOR * expected_s)
        try:
            # The round is the seed, so that all stores of a round are given the same.
            run = run_cell(self.program, cell, round_number, self.directory, timeout_s)
        except (Failed, Unsupported) as failure:
            run = {"error": str(failure)}
            say(f"{label}: {failure}")
        else:
            self.expected_s[cell] = run["wall_s"]
            say(f"{label}: {run['result']['ops_per_s']:,.0f} /s")
        self.results.append(round_number, cell, run)
