"""The paths of sockets."""

from django.urls import path, re_path

from streaming.consumers import nowhere, stream

websocket_urlpatterns = [
    path("ws/stream", stream),
    path("ws/stream/", stream),
    re_path(r"", nowhere),
]
