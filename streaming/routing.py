"""The paths of sockets."""

from typing import Any

from django.urls import path, re_path

from streaming.consumers import nowhere, stream

#: Sockets are ASGI applications, which Django's types of `path` do not know.
_stream: Any = stream
_nowhere: Any = nowhere

websocket_urlpatterns = [
    path("ws/stream", _stream),
    path("ws/stream/", _stream),
    re_path(r"", _nowhere),
]
