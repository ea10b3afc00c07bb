"""The harness behind every quoted figure measures what it says."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.measure import (
    Contender,
    Goal,
    Result,
    Sample,
    compare,
    goal_lines,
    main,
    results_table,
    run_once,
)


def appending(word: str, file: Path) -> Contender:
    code = f"open({str(file)!r}, 'a').write({word!r})"
    return Contender(word, (sys.executable, "-S", "-c", code))


def busy(count: int) -> dict[str, float]:
    return {"squares": sum(n * n for n in range(count))}


def test_contenders_take_turns_in_rotating_order(tmp_path: Path) -> None:
    file = tmp_path / "order"

    compare([appending("a", file), appending("b", file)], rounds=5)

    assert file.read_text() == "abbaabbaab"


def test_each_contender_gets_one_sample_per_round(tmp_path: Path) -> None:
    (result,) = compare([appending("a", tmp_path / "order")], rounds=6)

    assert len(result.samples) == 6


def test_fewer_than_five_rounds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="5 rounds"):
        compare([appending("a", tmp_path / "order")], rounds=4)


def test_a_failing_contender_says_what_it_printed() -> None:
    failing = Contender("broken", (sys.executable, "-S", "-c", "raise SystemExit('no input')"))

    with pytest.raises(RuntimeError, match="no input"):
        run_once(failing)


def test_memory_of_the_program_is_measured() -> None:
    code = "block = bytearray(200_000_000); block[::4096] = b'x' * len(block[::4096])"
    sample = run_once(Contender("large", (sys.executable, "-S", "-c", code)))

    assert 200 < sample.peak_mb < 400


def test_cpu_time_of_children_is_counted() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {burn!r}])"

    assert run_once(Contender("parent", (sys.executable, "-S", "-c", code))).cpu_seconds >= 0.2


def test_sleeping_costs_wall_time_but_no_cpu() -> None:
    code = "import time; time.sleep(0.3)"
    sample = run_once(Contender("idle", (sys.executable, "-S", "-c", code)))

    assert sample.wall_seconds >= 0.3 > sample.cpu_seconds


def test_a_called_function_reports_its_facts() -> None:
    sample = run_once(Contender.calling("sum", "tests.unit.test_measure:busy", count=4))

    assert sample.facts == {"squares": 14}


def test_only_the_call_is_timed_not_the_imports() -> None:
    sample = run_once(Contender.calling("sum", "tests.unit.test_measure:busy", count=1))

    assert sample.cpu_seconds < 0.05


def test_the_table_compares_medians_with_the_first_contender() -> None:
    ours = Result("ours", tuple(Sample(1, cpu, 50, {"rows": 1000}) for cpu in (1, 2, 9)))
    theirs = Result("theirs", tuple(Sample(1, cpu, 70) for cpu in (5, 6, 7)))
    _, first, second = results_table([ours, theirs]).splitlines()

    assert first.split() == ["ours", "2.000", "1.000–9.000", "1.00", "1.000", "50", "1,000"]
    assert second.split() == ["theirs", "6.000", "5.000–7.000", "3.00", "1.000", "70"]


@pytest.mark.parametrize(
    ("most", "verdict"), [(2.0, "goal  CPU s ≤ 2: 2, met"), (1.5, "goal  CPU s ≤ 1.5: 2, NOT met")]
)
def test_a_goal_says_whether_it_was_met(most: float, verdict: str) -> None:
    ours = Result("ours", tuple(Sample(1, cpu, 50) for cpu in (1, 2, 9)))
    goal = Goal("CPU s", lambda by: by["ours"].median(lambda one: one.cpu_seconds), most=most)

    assert goal_lines([goal], [ours]) == [verdict]


def test_a_goal_beside_a_peer_that_did_not_run_says_so() -> None:
    goal = Goal(
        "times faster", lambda by: by["theirs"].median(lambda one: one.cpu_seconds), least=3
    )

    assert goal_lines([goal], []) == ["goal  times faster ≥ 3: not run, no 'theirs'"]


def test_a_contender_can_run_under_another_interpreter() -> None:
    ours = Contender.calling("sum", "tests.unit.test_measure:busy", count=4)

    assert ours.under(Path("/peers/python")).command == ("/peers/python", *ours.command[1:])


def test_json_holds_every_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([appending("a", tmp_path / "order")], arguments=["--json"])

    (result,) = json.loads(capsys.readouterr().out)
    assert [len(result["samples"]), result["name"]] == [5, "a"]
