"""The ASGI application: HTTP by Django, sockets by Channels; and what starts with the server."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "igsite.settings")

http = get_asgi_application()

from streaming.relays import relays  # noqa: E402  (Django must be set up first)
from streaming.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})

#: daphne knows no lifespan; `igsite.server` runs these on its loop.
on_start = [relays.run]
on_stop = [relays.stop]
