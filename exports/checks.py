"""Start-up checks of exports: is there what they need."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from runtime.commands import INSTALLATION


@register(INSTALLATION)
def check_pyarrow(**_: Any) -> list[CheckMessage]:
    """exports.E001 where a folder is to be kept current and pyarrow is not installed."""
    if settings.CONFIG.export_dir is None or find_spec("pyarrow") is not None:
        return []
    hint = "pip install -r requirements-export.txt, or unset IG_EXPORT_DIR."
    return [Error("IG_EXPORT_DIR needs pyarrow, which is not installed.", hint=hint, id="exports.E001")]
