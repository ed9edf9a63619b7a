"""Documents that would be wrong without anybody noticing."""

import re
from pathlib import Path

from igsite.unused_names import unused_table
from tools.settings_table import settings_table

ROOT = Path(__file__).resolve().parent.parent


def pages() -> list[Path]:
    """Every document that people read."""
    return [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "client" / "README.md"]


def test_the_tables_of_settings_are_those_in_the_code() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert settings_table() in page
    assert unused_table() in page


def test_every_document_and_picture_that_is_linked_exists() -> None:
    for page in pages():
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_prose_wraps_at_a_hundred_columns() -> None:
    wrong = []
    for page in pages():
        fenced = False
        for number, line in enumerate(page.read_text().splitlines(), start=1):
            fenced ^= line.lstrip().startswith("```")
            is_prose = not fenced and not line.lstrip().startswith(("|", "#", "![", "```"))
            if is_prose and len(line) > 100:
                wrong.append(f"{page.relative_to(ROOT)}:{number}")
    assert not wrong


def test_files_that_a_document_names_exist() -> None:
    wrong = []
    for page in pages():
        for name in re.findall(r"`((?:[a-z_]+/)+[\w-]+\.(?:py|js|mjs))`", page.read_text()):
            places = (ROOT, page.parent, ROOT / "streaming" / "static" / "streaming", ROOT / "streaming")
            if page.name != "CHANGELOG.md" and not any((place / name).exists() for place in places):
                wrong.append(f"{page.relative_to(ROOT)}: {name}")
    assert not wrong
