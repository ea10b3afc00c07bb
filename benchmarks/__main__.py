"""List the benchmarks with what each answers."""

import ast
import sys
from pathlib import Path

from benchmarks.measure import text_table

NOT_BENCHMARKS = {"__init__", "__main__", "measure"}

rows = [
    (path.stem, (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0])
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem not in NOT_BENCHMARKS
]
sys.stdout.write(text_table(("benchmark", "question"), rows) + "\nRun one: ./do bench NAME\n")
