"""The HTTP paths of the contract."""

from django.urls import path

from streaming.http import agents, disk, events, healthz, manifests, overview, segments, structure, views

urlpatterns = [
    path("", views.index),
    path("live/", views.live, name="live"),
    path("replay/", views.replay, name="replay"),
    path("favicon.ico", views.favicon),
    path("health", views.health),
    path("stream", events.events),
    path("healthz/live", healthz.live),
    path("healthz/ready", healthz.ready),
    path("incremental", views.incremental),
    path("range", views.range_of),
    path("disk", disk.disk),
    path("gaps", manifests.gaps),
    path("overview", overview.overview_of),
    path("structure", structure.structure_of),
    path("agents", agents.agents),
    path("segments", manifests.segments),
    path("manifest/<str:kind>", manifests.manifest),
    path("segment/<str:name>", segments.segment_by_name),
    path("segment/<str:kind>/<path:name>", segments.segment),
]
