"""The Celery application; it finds the tasks of every installed app."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "igsite.settings")

os.umask(os.umask(0) | 0o077)  # as manage.py: what is written is its owner's alone

app = Celery("igsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: A web process sends tasks from threads, which know no other application than the default.
app.set_default()
