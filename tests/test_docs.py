"""Documents that would be wrong without anybody noticing."""

import re
from pathlib import Path

from igsite.config import settings_table
from igsite.unused_names import unused_table

ROOT = Path(__file__).resolve().parent.parent


def test_the_tables_of_settings_are_those_in_the_code() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert settings_table() in page
    assert unused_table() in page


def test_every_document_and_picture_that_is_linked_exists() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
