"""The HTTP path of the stylised facts."""

from django.urls import path

from realism import views

urlpatterns = [path("realism", views.realism)]
