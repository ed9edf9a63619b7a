"""The path of tables."""

from django.urls import path

from exports import views

urlpatterns = [path("export", views.export)]
