"""The path of the subscribe socket."""

from typing import Any

from django.urls import path

from api_socket.consumers import subscribe_api

#: Sockets are ASGI applications, which Django's types of `path` do not know.
_subscribe_api: Any = subscribe_api

websocket_urlpatterns = [
    path("api/v1/websocket", _subscribe_api),
    path("api/v1/websocket/", _subscribe_api),
]
