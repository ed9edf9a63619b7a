"""Work of the Celery workers, and what is done now and then in either mode."""

from __future__ import annotations

import logging

from celery import shared_task
from django.conf import settings
from django.db import close_old_connections
from kombu.exceptions import OperationalError as BrokerError

from backtests import lifecycle, running
from backtests.messages import last_message
from backtests.progress import LONGEST_SECONDS
from subscribe import bus

log = logging.getLogger(__name__)

#: By then it was sent again.
_EXPIRES_SECONDS = lifecycle.SEND_AGAIN_SECONDS


@shared_task(name="backtests.tasks.run", ignore_result=True, time_limit=LONGEST_SECONDS + 60)  # type: ignore[untyped-decorator]
def run(backtest_id: str) -> None:
    """Run a backtest, unless another worker does. Raises django.db.Error."""
    running.run(backtest_id, bus.publish)


@shared_task(name="backtests.tasks.look_after", ignore_result=True)  # type: ignore[untyped-decorator]
def look_after() -> int:
    """Fail those whose worker fell silent, and send again what the broker may have lost; how many failed.

    Raises django.db.Error.
    """
    try:
        failed = list(lifecycle.fail_silent())
        for backtest in failed:
            log.error("%s failed: %s is silent", backtest, backtest.worker)
            bus.publish(last_message(backtest))
        if settings.CONFIG.redis_url:
            for backtest_id in lifecycle.unsent():
                send(backtest_id)
    finally:
        close_old_connections()  # outside Celery nobody else does, and the caller's thread may live on
    return len(failed)


def send(backtest_id: str) -> None:
    """Ask the workers to run a backtest; one that cannot be asked for now is sent again by and by."""
    try:
        run.apply_async((backtest_id,), expires=_EXPIRES_SECONDS, retry=False)
    except BrokerError as error:
        log.warning("%s waits, the broker is away: %s", backtest_id, error)
