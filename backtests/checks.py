"""Start-up checks of backtests: can the strategies be used at all."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from backtests.catalog import strategies_in
from backtests.errors import BadStrategies
from runtime.commands import INSTALLATION


@register(INSTALLATION)
def check_strategies(**_: Any) -> list[CheckMessage]:
    """backtests.E001 where a module of strategies cannot be used."""
    try:
        strategies_in(settings.CONFIG.strategies)
    except BadStrategies as error:
        hint = "IG_STRATEGIES names modules that can be imported, each with strategies of different names."
        return [Error(f"The strategies cannot be used: {error}.", hint=hint, id="backtests.E001")]
    return []
