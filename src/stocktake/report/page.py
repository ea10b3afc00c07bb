"""Sections as one HTML file: no scripts, nothing fetched from elsewhere, light and dark."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.report.sections import Row, Section

STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --text: #1c2024; --soft: #5b6470;
  --line: #dfe3e8; --band: #f5f7f9; --good: #1a7f37; --warn: #9a6700; --bad: #c0262d; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --text: #e6e9ec; --soft: #9aa4af;
  --line: #2c3238; --band: #1b2024; --good: #4ac26b; --warn: #d4a72c; --bad: #ff7b72; } }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .25rem; }
p { margin: .25rem 0 .75rem; color: var(--soft); max-width: 60rem; }
p.verdict { color: var(--text); font-weight: 600; border-left: 4px solid var(--line);
  padding: .35rem .75rem; background: var(--band); }
p.good { border-color: var(--good); } p.soft { border-color: var(--warn); }
p.bad { border-color: var(--bad); }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; position: absolute; left: -10000px; }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; font-size: .85rem; color: var(--soft); white-space: nowrap; }
.figure { text-align: right; white-space: nowrap; }
td:first-child { box-shadow: inset 3px 0 0 transparent; padding-left: .6rem; }
tr.good td:first-child { box-shadow: inset 3px 0 0 var(--good); }
tr.soft td:first-child { box-shadow: inset 3px 0 0 var(--warn); }
tr.bad td:first-child { box-shadow: inset 3px 0 0 var(--bad); }
tr.quiet { color: var(--soft); }
@media print { body { max-width: none; } tr { break-inside: avoid; } }
"""


def page(title: str, lead: Sequence[tuple[str, str]], parts: Sequence[Section]) -> str:
    """Return a self-contained HTML document; every text is escaped.

    Args:
        title: Heading and title.
        lead: Paragraphs below it: tone (empty for none) and text.
        parts: Sections in order.
    """
    told = "\n".join(
        f'<p class="verdict {tone}">{escape(text)}</p>' if tone else f"<p>{escape(text)}</p>"
        for tone, text in lead
    )
    body = "\n".join(map(_section, parts))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{told}\n{body}\n</main>\n</body>\n</html>\n"
    )


def _section(part: Section) -> str:
    head = f"<section>\n<h2>{escape(part.title)}</h2>\n<p>{escape(part.text)}</p>\n"
    if not part.rows:
        return f"{head}</section>"
    headings = "".join(
        f'<th scope="col"{_figure(is_figure=column.is_figure)}>{escape(column.heading)}</th>'
        for column in part.columns
    )
    rows = "\n".join(_row(part, row) for row in part.rows)
    return (
        f'{head}<div class="wide"><table>\n<caption>{escape(part.title)}</caption>\n'
        f"<thead><tr>{headings}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>\n</section>"
    )


def _row(part: Section, row: Row) -> str:
    cells = "".join(
        f"<td{_figure(is_figure=column.is_figure)}>{escape(cell)}</td>"
        for column, cell in zip(part.columns, row.cells, strict=True)
    )
    return f'<tr class="{row.tone}">{cells}</tr>' if row.tone else f"<tr>{cells}</tr>"


def _figure(*, is_figure: bool) -> str:
    return ' class="figure"' if is_figure else ""
