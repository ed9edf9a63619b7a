"""The HTTP paths of this app."""

from typing import Any

from django.urls import path

from alerts import views

#: A view that requires a token is asynchronous, which Django's types of `path` do not know.
_alerts: Any = views.alerts

urlpatterns = [path("api/v1/alerts", _alerts)]
