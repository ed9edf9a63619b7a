"""What compose.yaml reads, made once for a host: `python deploy/compose_env.py market.example.org`.

Writes `deploy/compose.env` with fresh secrets, readable by its owner alone, and a self-signed certificate in
`deploy/tls/`, to be replaced by one that browsers trust. What is there already stays.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")

_SETTINGS = """\
# Read by every container of compose.yaml; docs/settings.md lists what else can be set here.
SITE_HOST={host}
POSTGRES_USER=market
POSTGRES_PASSWORD={password}
POSTGRES_DB=market
DATABASE_URL=postgres://market:{password}@postgres/market
REDIS_URL=redis://redis:6379/0
IG_SYMBOL=IG-USD
IG_SECRET_KEY={key}
# web1 and web2 are what a Prometheus in the network of the containers calls them.
IG_ALLOWED_HOSTS={host},web1,web2
IG_TLS=1
IG_TRUSTED_PROXIES=172.31.77.2
"""


def main() -> None:
    if len(sys.argv) != 2 or not _HOST.fullmatch(sys.argv[1]):
        sys.exit("usage: python deploy/compose_env.py HOST, the name under which the site is reached")
    host = sys.argv[1]
    settings = _SETTINGS.format(host=host, password=secrets.token_hex(24), key=secrets.token_urlsafe(50))
    _new(DEPLOY / "compose.env", settings)
    _certificate(host)


def _new(path: Path, text: str) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except FileExistsError:
        print(f"{path.relative_to(DEPLOY.parent)} is there already, and stays")
    else:
        print(f"{path.relative_to(DEPLOY.parent)} has new secrets")


def _certificate(host: str) -> None:
    pair = [DEPLOY / "tls" / name for name in ("key.pem", "certificate.pem")]
    there = [path.name for path in pair if path.exists()]
    if len(there) == 1:
        sys.exit(
            f"deploy/tls/ has {there[0]} alone, and nginx needs key.pem and certificate.pem: complete or remove it"
        )
    if there:
        print("deploy/tls/ has a certificate already, and stays")
        return
    pair[0].parent.mkdir(exist_ok=True)
    new = [path.with_suffix(".new") for path in pair]
    try:
        _self_signed(host, *new)
        for path in pair:
            path.with_suffix(".new").rename(path)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"no certificate was made: {getattr(error, 'stderr', None) or error}")
    finally:
        for path in new:
            path.unlink(missing_ok=True)
    print("deploy/tls/ has a self-signed certificate: replace it by one that browsers trust")


def _self_signed(host: str, key: Path, certificate: Path) -> None:
    """What counts is the subjectAltName; the common name has room for 64 letters."""
    name = host if len(host) <= 64 else "market-camera"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj", f"/CN={name}"]
    command += ["-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    main()
