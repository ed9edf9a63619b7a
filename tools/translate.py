"""Makes `locale/*/LC_MESSAGES/django.mo` out of the `.po` files: `python tools/translate.py`.

The compiled files lie beside their sources, so that nobody needs gettext to run the project; `python tools/translate.py
--check` fails when one is behind its source. To collect new texts: `manage.py makemessages -l zh_Hans --no-location
--no-wrap --ignore .venv` (this needs gettext), translate, then run this.
"""

from __future__ import annotations

import re
import struct
import sys
from ast import literal_eval
from pathlib import Path

LOCALE = Path(__file__).resolve().parent.parent / "locale"

_LINE = re.compile(r'(msgid|msgstr)?\s*(".*")')


def entries(po: str) -> dict[str, str]:
    """Source text to translation; those without one are left out. Plural forms and contexts are not used here."""
    found: dict[str, str] = {}
    for block in re.split(r"\n\s*\n", po):
        if re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE) and 'msgid ""\nmsgstr' not in block:
            continue
        parts = {"msgid": "", "msgstr": ""}
        part = None
        for match in (_LINE.fullmatch(line) for line in block.splitlines()):
            if match is None:
                continue
            part = match[1] or part
            if part is not None:
                parts[part] += literal_eval(match[2])
        if parts["msgstr"]:
            found[parts["msgid"]] = parts["msgstr"]
    return found


def compiled(texts: dict[str, str]) -> bytes:
    """The bytes of a .mo file (GNU gettext manual, 10.3), without the optional hash table."""
    pairs = sorted((source.encode(), target.encode()) for source, target in texts.items())
    header, count = 28, len(pairs)
    tables: list[tuple[int, int]] = []
    body = b""
    for column in (0, 1):
        for pair in pairs:
            tables.append((len(pair[column]), header + 16 * count + len(body)))
            body += pair[column] + b"\0"
    numbers = [0x950412DE, 0, count, header, header + 8 * count, 0, header + 16 * count]
    return struct.pack("<7I", *numbers) + b"".join(struct.pack("<2I", *entry) for entry in tables) + body


def main() -> int:
    stale = []
    for po in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        mo, fresh = po.with_suffix(".mo"), compiled(entries(po.read_text()))
        if "--check" in sys.argv:
            stale += [] if mo.exists() and mo.read_bytes() == fresh else [mo]
        else:
            mo.write_bytes(fresh)
    for mo in stale:
        print(f"{mo} is behind its .po; run python tools/translate.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
