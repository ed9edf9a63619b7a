"""Runs inside a server under test: breaks parts of it while the test's files ask for it, and mends them again.

`$FAULTS/wanted` holds JSON: {"fail": {"package.module:Name.attribute": "OSError", …}, "set": {…: value}}. `fail` makes
a callable raise, `set` gives a constant another value; `$FAULTS/done` holds the text of what was done last. While
`$FAULTS/greedy` is there, every file descriptor that is to be had is taken.
"""

import errno
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path

#: So that taking all of them takes no time.
_MOST_DESCRIPTORS = 300


def _error(name):
    if name == "NoSuchProcess":
        import psutil

        return psutil.NoSuchProcess(4_000_000)
    if name == "OSError":
        return OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return {"ValueError": ValueError, "RuntimeError": RuntimeError}[name]("made to fail")


def _failing(name):
    def fail(*_, **__):
        raise _error(name)

    return fail


def _place(target):
    """(the object that holds it, the attribute); None while its module is not there yet."""
    module, _, names = target.partition(":")
    *path, attribute = names.split(".")
    holder = sys.modules.get(module)
    for name in path:
        holder = getattr(holder, name, None)
    return None if holder is None or not hasattr(holder, attribute) else (holder, attribute)


class _Faults:
    def __init__(self, directory):
        self._directory = directory
        self._text, self._real = "", {}

    def run(self):
        while True:
            wanted = self._directory / "wanted"
            text = wanted.read_text() if wanted.exists() else ""
            if text and text != self._text and self._apply(**json.loads(text)):
                self._text = text
                (self._directory / "done").write_text(text)
            if (self._directory / "greedy").exists():
                self._be_greedy()
            time.sleep(0.02)

    def _apply(self, fail, set):
        """Whether everything that is named is there already."""
        values = {target: _failing(name) for target, name in fail.items()} | set
        if any(_place(target) is None for target in values):
            return False
        for target in self._real.keys() - values.keys():
            setattr(*_place(target), self._real.pop(target))
        for target, value in values.items():
            holder, attribute = _place(target)
            self._real.setdefault(target, vars(holder)[attribute])
            setattr(holder, attribute, value)
        return True

    def _be_greedy(self):
        taken = []
        while (self._directory / "greedy").exists():  # needs no descriptor
            try:
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                time.sleep(0.001)
        for handle in taken:
            os.close(handle)


if os.environ.get("FAULTS") and {"live", "serve", "runmarket"} & {*sys.argv[1:]}:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_DESCRIPTORS, _MOST_DESCRIPTORS))
    threading.Thread(target=_Faults(Path(os.environ["FAULTS"])).run, daemon=True).start()
