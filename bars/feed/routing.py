"""The path of the bar feed."""

from typing import Any

from django.urls import path

from bars.feed.consumers import market_data

#: Sockets are ASGI applications, which Django's types of `path` do not know.
_market_data: Any = market_data

websocket_urlpatterns = [path("market_data", _market_data), path("market_data/", _market_data)]
