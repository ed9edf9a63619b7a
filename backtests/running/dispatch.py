"""Which way a queued backtest goes: to the Celery workers, or to a child of this process; and the way back."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import transaction

from backtests import tasks
from backtests.models import QUEUED, Backtest
from backtests.running import lifecycle
from backtests.running.embedded import children
from backtests.running.messages import last_message
from components import system_bus


def dispatch(backtest: Backtest) -> None:
    """See to it that a queued backtest is run. Raises django.db.Error."""
    if settings.CONFIG.redis_url:
        lifecycle.mark_sent(backtest.backtest_id)
        tasks.send(backtest.backtest_id)
    else:
        children.wake()


def cancel(backtest: Backtest) -> bool:
    """Cancel a backtest unless it is over; whether that was done. Raises django.db.Error.

    Clients hear it when it is in the database: the caller may change more in the same transaction.
    """
    before = lifecycle.cancel(backtest.backtest_id)
    if before == QUEUED:  # of one that runs, whoever runs it tells the end
        transaction.on_commit(partial(system_bus.publish, last_message(backtest)))
    return before is not None
