"""The HTTP path of bars."""

from django.urls import path

from bars import views

urlpatterns = [path("api/v1/bars", views.bars)]
