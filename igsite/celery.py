"""The Celery application; it finds the tasks of every installed app."""

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import after_setup_logger

from igsite.broker import OneLineOfCelery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "igsite.settings")

os.umask(os.umask(0) | 0o077)  # as manage.py: what is written is its owner's alone

app = Celery("igsite", task_cls="monitoring.task_runs:NotedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: A web process sends tasks from threads, which know no other application than the default.
app.set_default()


@after_setup_logger.connect  # type: ignore[untyped-decorator]
def _say_little_while_redis_is_away(logger: logging.Logger, **_: Any) -> None:
    """Celery has put handlers of its own in the place of those of the settings."""
    quiet = OneLineOfCelery()
    for handler in logger.handlers:
        handler.addFilter(quiet)
