"""A whole deployment on this machine: Redis, PostgreSQL, two markets and two web processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Live, Process, Site, wait_until
from tests.services import PostgresServer, RedisServer

#: Thirty ticks a second, a frame every five.
MARKET = {"IG_SPEED": 3, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_SEED": 3, "IG_FLUSH_SECONDS": 0.2}
OTHER = "OTHER"


class Deployment:
    """The services and what runs on them; every part can be killed and brought back."""

    def __init__(self, directory: Path, redis: RedisServer, postgres: PostgresServer) -> None:
        self.redis, self.postgres = redis, postgres
        unused = directory / "unused.sqlite3"
        unused.touch()
        self.site = Site(directory, unused)
        self._env: dict[str, Any] = {**MARKET, "REDIS_URL": redis.url, "DATABASE_URL": postgres.url}

    def run_market(self, symbol: str) -> Process:
        return self.site.start("runmarket", "--symbol", symbol, **self._env)

    def serve(self, *arguments: str, **env: Any) -> Live:
        return self.site.serve("serve", "-b", "127.0.0.1", *arguments, **{**self._env, **env})

    def start_program(self, module: str, *arguments: str, **env: Any) -> Process:
        """Another program with the settings of the deployment: `python -m module …`."""
        return self.site.start_program(module, *arguments, **{**self._env, **env})

    def check(self, **env: Any) -> str:
        """What `check --deploy` says."""
        return self.site.run("check", "--deploy", **{**self._env, **env}).stderr

    def run(self, *arguments: str) -> str:
        done = self.site.run(*arguments, **self._env)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    postgres = PostgresServer(tmp_path_factory.mktemp("postgres"))
    try:
        redis.start()
        postgres.start()
        postgres.wait_for_locks("1h")  # a test that locks a table ends the waiting, however slow the machine
        deployed = Deployment(tmp_path_factory.mktemp("deployment"), redis, postgres)
        try:
            yield deployed
        finally:
            deployed.site.end()
    finally:
        postgres.end()
        redis.end()


@pytest.fixture(scope="package")
def markets(deployment: Deployment) -> dict[str, Process]:
    """The market processes by symbol; a test that kills one puts another in its place."""
    return {symbol: deployment.run_market(symbol) for symbol in ("IG-USD", OTHER)}


@pytest.fixture(scope="package")
def webs(deployment: Deployment, markets: dict[str, Process]) -> list[Live]:
    """Two web processes that hear both markets."""
    started = [deployment.serve() for _ in range(2)]
    for web in started:
        for symbol in markets:
            wait_until(lambda web=web, symbol=symbol: is_heard(web, symbol), f"ticks of {symbol}")  # type: ignore[misc]
    return started


def is_heard(web: Live, symbol: str) -> bool:
    answer = web.ask(f"/incremental?limit=1&symbol={symbol}")
    return answer.status == 200 and (answer.json()["latest_t"] or 0) > 10
