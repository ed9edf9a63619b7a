"""Whether the web process in this container answers: the health check of the image."""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection

_SECONDS = 4.0


def main() -> None:
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or "8000"), timeout=_SECONDS)
    connection.request("GET", "/healthz/live")
    answer = connection.getresponse()
    sys.exit(0 if answer.status == 200 else f"/healthz/live: {answer.status}")


if __name__ == "__main__":
    main()
