"""Whether this process is about to stop, which its server says first and probes ask."""

from __future__ import annotations

import threading

#: Set for good once the process was told to stop.
stopping = threading.Event()
