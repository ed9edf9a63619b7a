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
    named = {key: NAMES.get(key, key.upper() if len(key) == 1 else key) for key in shown}
    assert [key for key, name in sorted(named.items()) if f"<kbd>{name}</kbd>" not in help_] == []
