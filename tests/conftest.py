"""What every test may ask for: sites with real processes, and the services beside them."""

from __future__ import annotations

import gc
import signal
import subprocess
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.db.models.signals import post_migrate
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from igsite.config import Config
from runtime import garbage
from server.static import StaticFiles
from tests import services
from tests.object_store import ObjectStore, object_store
from tests.processes import ROOT, Live, Process, Site, make_migrated

# Started in the background a shell or nohup has these ignored, and so would every process that a test is to interrupt.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)


#: What kills, cuts, floods or waits for long, and whole deployments: `make test-all` has it, `make test` has not.
LONG = (
    *("outages/", "service_mode/", "soak/test_run.py"),
    *("continuation/test_crash.py", "continuation/test_kill.py", "continuation/test_losses.py"),
    *("end_to_end/test_upstream.py", "end_to_end/test_damage_fuzz.py", "client/test_record_command.py"),
    *("recorder/cold/test_cold_faults.py", "bars/test_feed_client.py", "api_socket/test_services.py"),
    *("hostile/test_bad_clients.py", "hostile/test_bad_upstream.py", "hostile/test_silent.py"),
    *("contracts/test_typescript.py", "contracts/test_schemathesis.py", "test_sbom.py"),
)


def pytest_configure(config: pytest.Config) -> None:
    """No test is on absolute time. Where every service is asked for, a commit is judged by the same examples each time;
    where the long tests are left out, by fewer."""
    quick = config.getoption("markexpr") == "not long"
    settings.register_profile(
        "market camera",
        deadline=None,
        derandomize=services.required(),
        max_examples=10 if quick else 100,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("market camera")


def pytest_sessionstart() -> None:
    """The admin's pages, which a server loads with its paths: tests that ask for none look at them as well.

    Permissions of staff are made by the tests that look at them: 150 rows after each test that empties the database."""
    admin.autodiscover()
    _look_for_static_files_once()
    assert post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")


def _look_for_static_files_once() -> None:
    """Each client of a test has middleware of its own, which would look at hundreds of files before its first answer;
    a server has it once."""
    look, found = StaticFiles.add_files_from_finders, dict[str, Any]()

    def add(self: StaticFiles) -> None:
        if not found:
            look(self)
            found.update(self.files)
        self.files.update(found)

    StaticFiles.add_files_from_finders = add


#: The folders whose tests take longest begin: no worker is to be left alone with one of them at the end.
SLOW = (
    *("pages", "end_to_end", "outages", "client", "continuation", "soak", "service_mode", "hostile", "faults"),
    *("backtests", "api_socket", "bars", "igsite", "server"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {folder: rank for rank, folder in enumerate(SLOW)}
    items.sort(key=lambda item: ranks.get(_place(item).parts[0], len(SLOW)))
    for item in items:
        if _place(item).as_posix().startswith(LONG):
            item.add_marker(pytest.mark.long)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded now stays, and is half a million objects: to look for garbage among them again and again took a
    quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """The collector need not look at what has been loaded later either."""
    garbage.except_what_is_there()


def _place(item: pytest.Item) -> Path:
    return item.path.relative_to(ROOT / "tests")


#: Folders with servers, and a browser, for all who ask: they cost more than many of the tests. By what a file that does
#: is known, and by how many workers such files are shared; the rest of a folder need not wait for them.
SHARED = {
    "pages": ("Page", 2),
    "end_to_end": ("market: Live", 1),
    "hostile": ("control: Live", 1),
    "server": ("", 1),
    "service_mode": ("", 1),
}


@cache
def _sharing(folder: Path, words: str) -> list[str]:
    return sorted(file.name for file in (ROOT / folder).glob("test_*.py") if words in file.read_text())


class _ByServer(LoadFileScheduling):
    """A file's tests stay on one worker, and so do files that share servers."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        folder, name = Path(file).parent, Path(file).name
        words, workers = SHARED.get(folder.name, ("", 0))
        if not workers or name not in (files := _sharing(folder, words)):
            return file
        return f"{folder}/{files.index(name) % workers}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _ByServer:
    return _ByServer(config, log)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table in it; copy it, do not use it."""
    return make_migrated(tmp_path_factory.mktemp("database") / "migrated.sqlite3")


@pytest.fixture(scope="session")
def bucket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An object store for all tests that leave it running; each takes a bucket of its own."""
    with object_store(tmp_path_factory.mktemp("objects")) as store:
        yield store


@pytest.fixture
def new_site(tmp_path: Path, migrated_database: Path) -> Iterator[Callable[[], Site]]:
    """Makes sites, each with an empty store and database of its own."""
    sites: list[Site] = []

    def make() -> Site:
        directory = tmp_path / f"site{len(sites)}"
        directory.mkdir()
        sites.append(Site(directory, migrated_database))
        return sites[-1]

    yield make
    for site in sites:
        site.end()


@pytest.fixture
def config(settings: Any, tmp_path: Path) -> Config:
    """Of a market that runs flat out in a store of the test's own."""
    config = replace(settings.CONFIG, store_dir=tmp_path / "store", speed=0.0, cam_w=20, cam_stride=5, start_ts=1.7e9)
    settings.CONFIG = config
    return config


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    """The test's own store and database."""
    return new_site()


@pytest.fixture
def start_live(site: Site) -> Callable[..., Live]:
    """Starts `manage.py live` on the test's site: `start_live(IG_SPEED=5)`; again on the same store if called again."""
    return site.serve


@pytest.fixture
def run_command(site: Site) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command of manage.py on the test's site to its end: `run_command("runmarket", "--ticks", "9")`."""
    return site.run


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis that serves this test session alone."""
    with services.redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of Chromium, or of its shell: that draws as Chromium does, has no windows, and costs a third less."""
    return services.program("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the processes of the test had to say."""
    report = yield
    if report.failed:
        fixtures: dict[str, Any] = getattr(item, "funcargs", {})
        report.sections += [(f"log of {name}", log) for name, log in _logs_of(iter(fixtures.values()))]
    return report


def _logs_of(values: Iterator[Any]) -> Iterator[tuple[str, str]]:
    """(name, log) of every process among a test's fixtures, or in one that holds some."""
    for value in values:
        if isinstance(value, tuple | list):
            yield from _logs_of(iter(value))
        elif isinstance(value, Process):
            yield value.name, value.log()
        elif isinstance(site := getattr(value, "site", value), Site):
            yield from ((process.name, process.log()) for process in site.processes)
