"""The tasks of the Celery workers, and periodic tasks of either mode."""

from __future__ import annotations

import logging

from celery import shared_task
from django.conf import settings
from django.db import Error as DatabaseError
from kombu.exceptions import OperationalError as BrokerError

from backtests.engine.progress import LONGEST_SECONDS
from backtests.running import lifecycle, run_backtest
from backtests.running.messages import last_message
from components import system_bus
from runtime.db_threads import PATIENCE_SECONDS, detached

log = logging.getLogger(__name__)

#: The worker's last resort: a backtest may take so long, and then wait for the database with its result.
_MOST_SECONDS = LONGEST_SECONDS + PATIENCE_SECONDS + 60

#: By then it was sent again.
_EXPIRES_SECONDS = lifecycle.SEND_AGAIN_SECONDS


@shared_task(name="backtests.tasks.run", ignore_result=True, time_limit=_MOST_SECONDS, throws=(DatabaseError,))  # type: ignore[untyped-decorator]
def run(backtest_id: str) -> None:
    """Run a backtest, unless another worker does. Raises django.db.Error."""
    run_backtest.run(backtest_id, system_bus.publish)


@shared_task(name="backtests.tasks.look_after", ignore_result=True, throws=(DatabaseError,))  # type: ignore[untyped-decorator]
def look_after() -> int:
    """Fail the backtests whose worker fell silent, and resend those that the broker may have lost.

    Returns how many failed. Raises django.db.Error.
    """
    return detached(_look_after)


def _look_after() -> int:
    failed = list(lifecycle.fail_silent())
    for backtest in failed:
        log.error("%s failed: %s is silent", backtest, backtest.worker)
        system_bus.publish(last_message(backtest))
    if settings.CONFIG.redis_url:
        for backtest_id in lifecycle.unsent():
            send(backtest_id)
    return len(failed)


def send(backtest_id: str) -> None:
    """Ask the workers to run a backtest; one that cannot be asked for now is sent again by and by."""
    try:
        run.apply_async((backtest_id,), expires=_EXPIRES_SECONDS, retry=False)
    except BrokerError as error:
        log.warning("%s waits, the broker is away: %s", backtest_id, error)
