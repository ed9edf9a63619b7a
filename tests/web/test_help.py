"""The overlay behind `?` names every key that the page knows."""

from __future__ import annotations

import re

from django.conf import settings

NAMES = {
    " ": '{% translate "Space" %}',
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "-": "−",
    "=": "+",
    "Escape": "Esc",
}


def test_every_key_is_named() -> None:
    commands = settings.BASE_DIR / "streaming/static/streaming/state/commands.js"
    block = commands.read_text().split("const KEYS = {")[1].split("};")[0]
    keys = [key.replace("\\\\", "\\") for key in re.findall(r'^  "?(.+?)"?: "', block, re.MULTILINE)]
    assert {" ", "/", "1", "\\", "?"} <= set(keys)
    help_ = (settings.BASE_DIR / "templates/help.html").read_text()
    shown = {key.removeprefix("shift+") for key in keys}
    listed = re.findall(r"<dt>(<kbd>.*)</dt>", help_)
    told = [name for keys in listed for name in re.findall("<kbd>(.+?)</kbd>", keys)]
    assert len(told) == len(set(told)), "a key that is told twice may be told differently"
    named = {key: NAMES.get(key, key.upper() if len(key) == 1 else key) for key in shown}
    told += [str(number) for number in range(1, 5)] if "<kbd>1</kbd> – <kbd>4</kbd>" in help_ else []
    assert [key for key, name in sorted(named.items()) if name not in told] == []
