"""Documents that would be wrong without anybody noticing."""

import re
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve

from api_socket.routing import websocket_urlpatterns as subscribe_sockets
from bars.feed.routing import websocket_urlpatterns as bar_sockets
from igsite.config import Config
from igsite.unused_names import UNUSED, unused_table
from streaming.routing import websocket_urlpatterns as stream_sockets
from tools.data_dictionary import data_dictionary
from tools.error_tables import close_table, error_table
from tools.settings_table import settings_table

ROOT = Path(__file__).resolve().parent.parent


def pages() -> list[Path]:
    """Every document that people read."""
    return [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "client" / "README.md"]


def test_the_tables_of_settings_are_those_in_the_code() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert settings_table() in page
    assert unused_table() in page


def test_the_tables_of_error_codes_are_those_in_the_code() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    assert error_table() in page
    assert close_table() in page


def test_the_data_dictionary_is_that_of_the_schemas() -> None:
    assert data_dictionary() in (ROOT / "docs" / "tables.md").read_text()


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


def test_every_page_is_listed() -> None:
    listed = (ROOT / "docs" / "README.md").read_text()
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"} <= set(
        re.findall(r"\]\(([^)]*)\)", listed)
    )


def test_every_heading_that_is_linked_exists() -> None:
    wrong = []
    for page in pages():
        for path, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
            if heading not in headings(page.parent / path if path else page):
                wrong.append(f"{page.relative_to(ROOT)}: {path}#{heading}")
    assert not wrong


def headings(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_commands_that_documents_name_have_these_options() -> None:
    commands, wrong = get_commands(), []
    for page in pages():
        for line in re.findall(r"manage\.py ([a-z]\w*[^`\n|;&]*)", page.read_text()):
            name = line.split()[0]
            app = commands.get(name)
            if app is None:
                wrong.append(f"{page.relative_to(ROOT)}: {name}")
                continue
            parser = load_command_class(str(app), name).create_parser("manage.py", name)
            known = {option for action in parser._actions for option in action.option_strings}
            unknown = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", line)) - known
            wrong += [f"{page.relative_to(ROOT)}: {name} {option}" for option in unknown]
    assert not wrong


def test_the_programs_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = []
    for page in pages():
        text = page.read_text()
        made = re.findall(r"(?:`|^(?:\w+=\S+ )*)make ([a-z][\w-]*)", text, re.MULTILINE)
        run = re.findall(r"python3? -m ([a-z][\w.]*\w)", text)
        wrong += [f"{page.relative_to(ROOT)}: make {name}" for name in set(made) - targets]
        wrong += [f"{page.relative_to(ROOT)}: -m {name}" for name in set(run) if find_spec(name) is None]
        files = set(re.findall(r"python3? ((?:[\w-]+/)*[\w-]+\.py)\b", text))
        wrong += [f"{page.relative_to(ROOT)}: {name}" for name in files if not (ROOT / name).exists()]
    assert not wrong


def test_the_addresses_that_documents_ask_are_served() -> None:
    served = r"(?:localhost|127\.0\.0\.1):800\d(/[^\s'\"`?>)…]*)"
    sockets = {f"/{route.pattern}" for route in [*subscribe_sockets, *bar_sockets, *stream_sockets]}
    wrong = []
    for page in pages():
        for path in set(re.findall(served, page.read_text())) - sockets:
            try:
                resolve(path)
            except Resolver404:
                wrong.append(f"{page.relative_to(ROOT)}: {path}")
    assert not wrong


def test_the_settings_that_documents_name_exist() -> None:
    known = {field.metadata.get("env") for field in fields(Config)} | UNUSED.keys()
    wrong = []
    for page in pages():
        unknown = set(re.findall(r"\bIG_[A-Z_]*[A-Z]\b", page.read_text())) - known
        wrong += [f"{page.relative_to(ROOT)}: {name}" for name in unknown]
    assert not wrong


def test_files_that_a_document_names_exist() -> None:
    wrong = []
    for page in pages():
        for name in re.findall(r"`((?:[a-z_]+/)+[\w-]+\.(?:py|js|mjs))`", page.read_text()):
            places = (ROOT, page.parent, ROOT / "streaming" / "static" / "streaming", ROOT / "streaming")
            if page.name != "CHANGELOG.md" and not any((place / name).exists() for place in places):
                wrong.append(f"{page.relative_to(ROOT)}: {name}")
    assert not wrong


def test_every_test_that_the_page_on_security_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", (ROOT / "docs" / "security.md").read_text()))
    assert len(named) > 15
    assert not [name for name in named if not (ROOT / name).exists()]
