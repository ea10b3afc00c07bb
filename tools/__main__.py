"""Renew every page of the documentation that is made from code or tests."""

from tools.reference import FOLDER, reference_pages
from tools.reliability import PAGE, current_page

FOLDER.mkdir(parents=True, exist_ok=True)
PAGE.write_text(current_page(), encoding="utf-8")
for name, text in reference_pages():
    (FOLDER / name).write_text(text, encoding="utf-8")
