"""The whole service mode on this machine: `make services` starts it, Ctrl-C ends it.

Redis and PostgreSQL run from `data/services/` on ports of their own, unless REDIS_URL and DATABASE_URL name others;
then a market process for each symbol, web processes from port PORT (8000) on, a Celery worker and its beat.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "data" / "services"
MANAGE = str(ROOT / "manage.py")


class Services:
    """The processes, in the order in which they were started; ended in the opposite one."""

    def __init__(self) -> None:
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: list[str], *, stop: int = signal.SIGTERM, **options: object) -> None:
        log = (HOME / f"{name}.log").open("ab")
        # In a group of its own, so that Ctrl-C reaches this script alone and each ends in its turn.
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **options)  # type: ignore[call-overload]
        process.stop_signal = stop
        self.running[name] = process
        print(f"  {name:22} process {process.pid}, log {HOME.relative_to(ROOT)}/{name}.log", flush=True)

    def wait(self) -> str:
        """The name of the first that ends by itself."""
        while True:
            for name, process in self.running.items():
                if process.poll() is not None:
                    return name
            time.sleep(0.5)

    def end(self) -> None:
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.send_signal(process.stop_signal)  # type: ignore[attr-defined]
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_open(port: int, name: str) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"{name} does not answer at port {port}; see its log in {HOME}")


def program(*places: str) -> str:
    for place in places:
        found = shutil.which(place)
        if found:
            return found
    sys.exit(f"{Path(places[0]).name} is not on this machine")


def redis(services: Services) -> str:
    port = free_port()
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(HOME)]
    services.start("redis", command)
    until_open(port, "Redis")
    return f"redis://127.0.0.1:{port}/0"


def postgres(services: Services) -> str:
    newest = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=Path())
    data, port = HOME / "postgres", free_port()
    user = unprivileged()
    owner = {"user": user, "extra_groups": []} if user else {}
    if not data.exists():
        data.mkdir(mode=0o700)
        if user:
            shutil.chown(data, user)
        initdb = [program("initdb", str(newest / "initdb")), "-D", str(data), "-U", "market", "--auth=trust"]
        subprocess.run([*initdb, "-E", "UTF8"], cwd=data, check=True, stdout=subprocess.DEVNULL, **owner)  # type: ignore[call-overload]
    options = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={data}"]
    command = [program("postgres", str(newest / "postgres")), "-D", str(data)]
    command += [part for option in options for part in ("-c", option)]
    services.start("postgres", command, stop=signal.SIGINT, cwd=data, **owner)
    until_open(port, "PostgreSQL")
    return f"postgres://market@127.0.0.1:{port}/postgres"


def unprivileged() -> str | None:
    """Who runs PostgreSQL where this is started by root, which it refuses."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def start_all(services: Services, symbols: list[str], webs: int) -> None:
    home = os.environ.get("IG_SYMBOL") or symbols[0]
    os.environ.setdefault("IG_SYMBOL", home)
    os.environ["REDIS_URL"] = os.environ.get("REDIS_URL") or redis(services)
    os.environ["DATABASE_URL"] = os.environ.get("DATABASE_URL") or postgres(services)
    subprocess.run([sys.executable, MANAGE, "migrate", "--verbosity", "0"], check=True)
    for symbol in symbols:
        services.start(f"market-{symbol}", [sys.executable, MANAGE, "runmarket", "--symbol", symbol])
    first = int(os.environ.get("PORT") or 8000)
    for port in range(first, first + webs):
        services.start(f"web-{port}", [sys.executable, MANAGE, "serve", "-b", "127.0.0.1", "-p", str(port)])
    celery = [sys.executable, "-m", "celery", "-A", "igsite"]
    services.start("worker", [*celery, "worker", "--concurrency", "1", "--loglevel", "INFO"], cwd=ROOT)
    services.start("beat", [*celery, "beat", "--loglevel", "INFO"], cwd=ROOT)
    for port in range(first, first + webs):
        until_open(port, "a web process")
        print(f"  http://127.0.0.1:{port}/live/   " + "  ".join(f"?symbol={symbol}" for symbol in symbols))
    print("Ctrl-C ends all of it", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="The whole service mode on this machine.")
    parser.add_argument("--symbols", default="IG-USD,IG-EUR", help="a market process for each")
    parser.add_argument("--webs", type=int, default=2, help="web processes, from PORT on")
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    services = Services()
    try:
        start_all(services, options.symbols.split(","), options.webs)
        name = services.wait()
        sys.exit(f"{name} has ended; see {HOME.relative_to(ROOT)}/{name}.log")
    except KeyboardInterrupt:
        print()
    finally:
        services.end()


if __name__ == "__main__":
    main()
