"""The Celery application; it finds the tasks of every installed app."""

import os
from logging.config import dictConfig
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "igsite.settings")

os.umask(os.umask(0) | 0o077)  # as manage.py: what is written is its owner's alone

app = Celery("igsite", task_cls="monitoring.task_runs:NotedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: A web process sends tasks from threads, which know no other application than the default.
app.set_default()


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log_as_all_do(**_: Any) -> None:
    """Celery puts no handlers of its own in the place of those of the settings."""
    dictConfig(settings.LOGGING)


@worker_init.connect  # type: ignore[untyped-decorator]
def _send_no_heartbeats(sender: Any, **_: Any) -> None:
    """Nobody hears a worker's heartbeats, and one that Redis does not take is sent again without end: on the loop that
    is to notice SIGTERM, the ends of tasks and the loss of Redis itself."""
    sender.options.update(without_heartbeat=True, without_gossip=True)


@worker_init.connect  # type: ignore[untyped-decorator]
def _report(**_: Any) -> None:
    from components.celery_worker import report_of_worker  # needs Django's models, which are there by now

    report_of_worker()
