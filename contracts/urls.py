"""The paths of the documents."""

from django.urls import path

from contracts import views

urlpatterns = [
    path("openapi.json", views.openapi_json),
    path("asyncapi.json", views.asyncapi_json),
    path("docs/", views.docs, name="docs"),
]
