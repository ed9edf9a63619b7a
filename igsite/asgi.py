"""The ASGI application: HTTP by Django, sockets by Channels; and what starts with the server."""

import os
from collections.abc import Awaitable, Callable
from functools import partial

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "igsite.settings")

django = get_asgi_application()

from django.conf import settings  # noqa: E402  (Django must be set up first)

import igsite.celery  # noqa: E402  (tasks are sent through this)
import igsite.urls  # noqa: E402, F401  (else the first request waits for all that its paths lead to)
from api_socket import service  # noqa: E402
from api_socket.routing import websocket_urlpatterns as subscribe_sockets  # noqa: E402
from backtests.running.embedded import children  # noqa: E402
from bars.feed.routing import websocket_urlpatterns as bar_sockets  # noqa: E402
from runtime import garbage, pools  # noqa: E402
from server.memory import for_clients, give_back_pages  # noqa: E402
from server.request_threads import HttpThreads  # noqa: E402
from streaming import open_places  # noqa: E402
from streaming.http.event_streams import EventStreams  # noqa: E402
from streaming.relay.relays import relays  # noqa: E402
from streaming.routing import websocket_urlpatterns as stream_sockets  # noqa: E402

pools.start(settings.CONFIG.pool_threads, pools.AWAY_THREADS if settings.CONFIG.cold_store else 0)
open_places.within(for_clients(settings.CONFIG.client_memory_mb))

#: The stream's come last: they end with the answer to a socket at any other path.
sockets = URLRouter([*subscribe_sockets, *bar_sockets, *stream_sockets])
application = ProtocolTypeRouter({"http": EventStreams(HttpThreads(django)), "websocket": sockets})

#: daphne knows no lifespan; `server.server` runs these on its loop.
beside: dict[str, Callable[[], Awaitable[object]]] = {
    "start of the relays": relays.start,
    "subscribe service": service.run,
    "backtests": children.run,
    "garbage": garbage.collect_often,
    "memory": partial(give_back_pages, pools.files.go_on),
}
on_stop: dict[str, Callable[[], Awaitable[object]]] = {
    "backtests": children.stop,
    "subscribe service": service.stop,
    "relays": relays.stop,
}
