"""Run contenders by turns and compare medians of CPU, time and memory.

Each turn is a process of its own, so that peaks of memory and warm caches do not leak from one to
the next.
"""

import argparse
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

__all__ = [
    "Contender",
    "Goal",
    "Result",
    "Sample",
    "compare",
    "goal_lines",
    "main",
    "results_table",
    "text_table",
]

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = Path(__file__).resolve().parent / "launch.py"
LEAST_ROUNDS = 5
# Linux gives the peak in KiB, macOS in bytes.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
_REPORT = "STOCKTAKE_BENCH_REPORT"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the work.

    Attributes:
        name: Shown in the table.
        command: Program and arguments. All of it is measured, unless it was made by `calling`.
    """

    name: str
    command: tuple[str, ...]

    @classmethod
    def calling(cls, name: str, target: str, **arguments: object) -> Self:
        """Make a contender of ``module:function``; only the call is timed, not the imports.

        Args:
            arguments: Passed to the function by keyword; they must be plain JSON values.
        """
        call = json.dumps({"target": target, "arguments": arguments})
        return cls(name, (sys.executable, "-m", "benchmarks.measure", call))

    def under(self, python: Path) -> Self:
        """Return a contender made by `calling` under another interpreter, for peers."""
        return replace(self, command=(str(python), *self.command[1:]))


@dataclass(frozen=True, slots=True)
class Sample:
    """What one turn took.

    Attributes:
        wall_seconds: From start to end.
        cpu_seconds: User and system time, waited-for children included.
        peak_mb: Largest resident memory of the process or one of its children, in 10⁶ bytes.
        facts: What the work returned, by name.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """All turns of one contender, in order."""

    name: str
    samples: tuple[Sample, ...]

    def median(self, what: Callable[[Sample], float]) -> float:
        """Return the median of one measure over the turns."""
        return statistics.median(map(what, self.samples))

    def facts(self) -> dict[str, float]:
        """Return the median of each fact that every turn reported."""
        shared = set.intersection(*(set(sample.facts) for sample in self.samples))
        return {
            name: statistics.median(sample.facts[name] for sample in self.samples)
            for name in sorted(shared)
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a figure should keep.

    Attributes:
        text: The figure, ``CPU seconds per 100,000 rows``.
        value: Takes the results by name; `KeyError` when a contender is not there.
        most: Greatest value that is good, None for no bound.
        least: Least value that is good, None for no bound.
    """

    text: str
    value: Callable[[Mapping[str, Result]], float]
    most: float | None = None
    least: float | None = None


def goal_lines(goals: Sequence[Goal], results: Sequence[Result]) -> list[str]:
    """Return one line per goal, with its figure and whether it was met."""
    named = {result.name: result for result in results}
    lines = []
    for goal in goals:
        bounds = [
            f"{sign} {bound:,g}"
            for sign, bound in (("≤", goal.most), ("≥", goal.least))
            if bound is not None
        ]
        try:
            value = goal.value(named)
        except KeyError as absent:
            lines.append(f"goal  {goal.text} {' and '.join(bounds)}: not run, no {absent}")
            continue
        met = (goal.most is None or value <= goal.most) and (
            goal.least is None or value >= goal.least
        )
        verdict = "met" if met else "NOT met"
        lines.append(f"goal  {goal.text} {' and '.join(bounds)}: {value:,.4g}, {verdict}")
    return lines


def compare(contenders: Sequence[Contender], *, rounds: int = LEAST_ROUNDS) -> list[Result]:
    """Run every contender once per round, the order rotated by one each round.

    Args:
        contenders: At least one, with different names.
        rounds: Turns per contender, 5 or more.

    Raises:
        ValueError: Fewer than 5 rounds, no contender, or two of one name.
        RuntimeError: A contender's program failed; its output is in the text.
    """
    names = [contender.name for contender in contenders]
    if rounds < LEAST_ROUNDS or not names or len(set(names)) < len(names):
        msg = f"compare needs different names and {LEAST_ROUNDS} rounds or more: {names}, {rounds}"
        raise ValueError(msg)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            samples[contender.name].append(run_once(contender))
    return [Result(name, tuple(taken)) for name, taken in samples.items()]


def run_once(contender: Contender) -> Sample:
    """Run one turn in a process of its own.

    Raises:
        RuntimeError: It ended with another exit code than 0.
    """
    with tempfile.TemporaryDirectory() as folder:
        report, usage = Path(folder) / "report.json", Path(folder) / "usage.json"
        launched = subprocess.run(
            (sys.executable, "-S", str(LAUNCHER), str(usage), *contender.command),
            cwd=ROOT,
            env={**os.environ, _REPORT: str(report)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        taken = json.loads(usage.read_text("utf-8")) if usage.exists() else {}
        if taken.get("exit_code") != 0:
            said = launched.stdout.decode("utf-8", "replace")
            msg = f"{contender.name} ended with exit code {taken.get('exit_code')}:\n{said}"
            raise RuntimeError(msg)
        peak = taken["peak"] * _PEAK_UNIT / 1e6
        if report.exists():
            return Sample(peak_mb=peak, **json.loads(report.read_text("utf-8")))
        return Sample(taken["wall_seconds"], taken["cpu_seconds"], peak)


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns: words to the left, numbers to the right."""
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(_cells(line, widths)).rstrip() for line in lines)


def _cells(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
        for cell, width in zip(line, widths, strict=True)
    ]


def results_table(results: Sequence[Result]) -> str:
    """Return medians per contender, and CPU as a multiple of the first contender's."""
    first = results[0].median(_cpu)
    facts = sorted({name for result in results for name in result.facts()})
    rows = []
    for result in results:
        taken = [sample.cpu_seconds for sample in result.samples]
        rows.append(
            (
                result.name,
                f"{result.median(_cpu):.3f}",
                f"{min(taken):.3f}–{max(taken):.3f}",
                f"{result.median(_cpu) / first:.2f}" if first else "n/a",
                f"{result.median(_wall):.3f}",
                f"{result.median(_peak):.0f}",
                *(_number(result.facts().get(name)) for name in facts),
            )
        )
    return text_table(("", "CPU s", "lowest–highest", "× CPU", "wall s", "peak MB", *facts), rows)


def _cpu(sample: Sample) -> float:
    return sample.cpu_seconds


def _wall(sample: Sample) -> float:
    return sample.wall_seconds


def _peak(sample: Sample) -> float:
    return sample.peak_mb


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.10g}"


def main(
    contenders: Sequence[Contender],
    *,
    arguments: Sequence[str] | None = None,
    goals: Sequence[Goal] = (),
    options: argparse.Namespace | None = None,
) -> None:
    """Compare and print a table and goals, or JSON with every sample (``--json``).

    Args:
        options: Read already, by a benchmark that has more than those of `options_parser`.
    """
    chosen = options or options_parser().parse_args(arguments)
    results = compare(contenders, rounds=chosen.rounds)
    if chosen.json:
        sys.stdout.write(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    else:
        sys.stdout.write("\n".join([results_table(results), *goal_lines(goals, results)]) + "\n")


def options_parser() -> argparse.ArgumentParser:
    """Return a parser of the options that every benchmark has."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=LEAST_ROUNDS)
    options.add_argument("--json", action="store_true")
    return options


def _call(text: str) -> None:
    """Time one call in this process, and leave the report where the parent looks."""
    call = json.loads(text)
    module, _, function = call["target"].partition(":")
    work = getattr(importlib.import_module(module), function)
    cpu, wall = _cpu_now(), time.perf_counter()
    facts = work(**call["arguments"])
    taken = {"wall_seconds": time.perf_counter() - wall, "cpu_seconds": _cpu_now() - cpu}
    Path(os.environ[_REPORT]).write_text(json.dumps({**taken, "facts": facts or {}}), "utf-8")


def _cpu_now() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    _call(sys.argv[1])
