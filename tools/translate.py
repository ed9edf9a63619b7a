"""Makes `locale/*/LC_MESSAGES/django.mo` out of the `.po` files: `python tools/translate.py`.

The compiled files lie beside their sources, so that nobody needs gettext to run the project; `python tools/translate.py
--check` fails when one is behind its source. To collect new texts: `manage.py makemessages -l zh_Hans --no-location
--no-wrap --ignore .venv` (this needs gettext), translate, then run this. The names of models and fields, of columns and
states in the admin are texts too (`runtime.admin_words`); no tool collects them, and a test says which are not there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parent.parent / "locale"


def main() -> int:
    stale = []
    for po in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        mo, fresh = po.with_suffix(".mo"), polib.pofile(str(po)).to_binary()
        if "--check" in sys.argv:
            stale += [] if mo.exists() and mo.read_bytes() == fresh else [mo]
        else:
            mo.write_bytes(fresh)
    for mo in stale:
        print(f"{mo} is behind its .po; run python tools/translate.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
