"""The whole service mode on this machine: `make services` starts it, Ctrl-C ends it.

Redis and PostgreSQL run from `data/services/` on ports of their own, unless REDIS_URL and DATABASE_URL name others;
then a market process for each symbol, web processes from port PORT (8000) on, a Celery worker, one
for backtests, and beat.
"""

from __future__ import annotations

import argparse
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "data" / "services"
#: Debian's PostgreSQL, which it keeps off the path.
VERSIONS = Path("/usr/lib/postgresql")
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
        print(f"  {name:22} process {process.pid}, log {log_of(name)}", flush=True)

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


def log_of(name: str) -> str:
    return f"{HOME.relative_to(ROOT)}/{name}.log"


def ended(name: str) -> str:
    return f"{name} has ended; see {log_of(name)}"


def until_open(services: Services, name: str, port: int) -> None:
    for _ in range(1200):  # on a machine with other work a start takes a minute
        if services.running[name].poll() is not None:
            sys.exit(ended(name))
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"{name} does not answer at port {port}; see {log_of(name)}")


def program(*places: str) -> str:
    for place in places:
        found = shutil.which(place)
        if found:
            return found
    sys.exit(f"{Path(places[0]).name} is not on this machine")


def redis(services: Services) -> str:
    port = free_port()
    word = password("redis")
    settings = HOME / "redis.conf"  # and not its command line, which every user of this machine can read
    private(settings, f'port {port}\nbind 127.0.0.1\nsave ""\ndir "{HOME}"\nrequirepass {word}\n')
    services.start("redis", [program("redis-server"), str(settings)])
    until_open(services, "redis", port)
    return f"redis://:{word}@127.0.0.1:{port}/0"


def postgres(services: Services) -> str:
    newest = max(VERSIONS.glob("*/bin"), key=version, default=Path())
    data, port, word = HOME / "postgres", free_port(), password("postgres")
    user = unprivileged()
    owner: dict[str, object] = {"user": user, "extra_groups": []} if user else {}
    if not data.exists() or not any(data.iterdir()):
        make_cluster(data, word, program("initdb", str(newest / "initdb")), owner)
    elif "trust" in rules(data):
        ask_for_password(data, word, program("postgres", str(newest / "postgres")), owner)
    # No socket in a folder: its path may have 107 bytes.
    options = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
    command = [program("postgres", str(newest / "postgres")), "-D", str(data)]
    command += [part for option in options for part in ("-c", option)]
    services.start("postgres", command, stop=signal.SIGINT, cwd=data, **owner)
    until_open(services, "postgres", port)
    return f"postgres://market:{word}@127.0.0.1:{port}/postgres"


def version(path: Path) -> list[int]:
    """Of programs at `…/9.6/bin`."""
    return [int(number) for number in re.findall("[0-9]+", path.parent.name)]


def make_cluster(data: Path, word: str, initdb: str, owner: dict[str, object]) -> None:
    """It has its name once it is whole: what has it is never made again."""
    making = data.with_name(f"{data.name}.part")
    if making.exists():  # of a start that was ended
        shutil.rmtree(making)
    making.mkdir(mode=0o700)
    if owner:
        shutil.chown(making, str(owner["user"]))
    try:
        run_initdb(making, word, initdb, owner)
    except subprocess.CalledProcessError:  # it has said why
        shutil.rmtree(making)
        reach = f"; as {owner['user']} it must get to {HOME}" if owner else ""
        sys.exit(f"{initdb} could not make a cluster{reach}")
    making.rename(data)


def run_initdb(data: Path, word: str, initdb: str, owner: dict[str, object]) -> None:
    command = [initdb, "-D", str(data), "-U", "market", "-E", "UTF8", "--locale=C"]  # whatever this shell's locale is
    command += ["--auth=scram-sha-256", "--pwfile=/dev/stdin"]
    with tempfile.TemporaryFile() as given:  # opened once more by initdb, whose user may not open a pipe of root's
        given.write(word.encode())
        given.seek(0)
        if owner:
            os.fchown(given.fileno(), pwd.getpwnam(str(owner["user"])).pw_uid, -1)
        subprocess.run(command, cwd=data, check=True, stdin=given, stdout=subprocess.DEVNULL, **owner)  # type: ignore[call-overload]


def rules(data: Path) -> str:
    lines = (data / "pg_hba.conf").read_text().splitlines()
    return "\n".join(line for line in lines if line.strip() and not line.startswith("#"))


def ask_for_password(data: Path, word: str, server: str, owner: dict[str, object]) -> None:
    """One that was made without a password, and lets everybody in, gets one."""
    command = [server, "--single", "-D", str(data), "postgres"]
    asked = f"ALTER USER market PASSWORD '{word}'\n".encode()
    subprocess.run(command, cwd=data, check=True, input=asked, stdout=subprocess.DEVNULL, **owner)  # type: ignore[call-overload]
    (data / "pg_hba.conf").write_text(rules(data).replace("trust", "scram-sha-256") + "\n")


def password(name: str) -> str:
    """The password of a service, made once and kept in its home."""
    path = HOME / f"{name}.password"
    if not path.exists():
        private(path, secrets.token_urlsafe(24))
    return path.read_text()


def private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def unprivileged() -> str | None:
    """Who runs PostgreSQL where this is started by root, which it refuses."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def queue_of_backtests() -> str:
    return f"{os.environ.get('IG_TASK_QUEUE') or 'celery'}.backtests"


def start_all(services: Services, symbols: list[str], webs: int) -> None:
    home = os.environ.get("IG_SYMBOL") or symbols[0]
    os.environ.setdefault("IG_SYMBOL", home)
    os.environ["REDIS_URL"] = os.environ.get("REDIS_URL") or redis(services)
    os.environ["DATABASE_URL"] = os.environ.get("DATABASE_URL") or postgres(services)
    subprocess.run([sys.executable, MANAGE, "migrate", "--verbosity", "0"], check=True)
    for symbol in symbols:
        services.start(f"market-{symbol}", [sys.executable, MANAGE, "runmarket", "--stay", "--symbol", symbol])
    first = int(os.environ.get("PORT") or 8000)
    for port in range(first, first + webs):
        services.start(f"web-{port}", [sys.executable, MANAGE, "serve", "-b", "127.0.0.1", "-p", str(port)])
    celery = [sys.executable, "-m", "celery", "-A", "igsite"]
    worker, backtests = [*celery, "worker", "--concurrency", "1", "--loglevel", "INFO"], queue_of_backtests()
    services.start("worker", [*worker, "-X", backtests], cwd=ROOT)
    services.start("backtests", [*worker, "-Q", backtests, "-n", "backtests@%h"], cwd=ROOT)
    services.start("beat", [*celery, "beat", "--loglevel", "INFO"], cwd=ROOT)
    for port in range(first, first + webs):
        until_open(services, f"web-{port}", port)
        print(f"  http://127.0.0.1:{port}/live/   " + "  ".join(f"?symbol={symbol}" for symbol in symbols))
    print("Ctrl-C ends all of it", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="The whole service mode on this machine.")
    parser.add_argument("--symbols", default="IG-USD,IG-EUR", help="a market process for each")
    parser.add_argument("--webs", type=int, default=2, help="web processes, from PORT on")
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    if unprivileged():  # who runs PostgreSQL then must get to its own
        for directory in (HOME, HOME.parent):
            directory.chmod(directory.stat().st_mode | 0o011)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    services = Services()
    try:
        start_all(services, options.symbols.split(","), options.webs)
        name = services.wait()
        sys.exit(ended(name))
    except KeyboardInterrupt:
        print()
    finally:
        services.end()


if __name__ == "__main__":
    main()
