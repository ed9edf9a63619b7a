"""Every HTTP path: the admin, and what the packages serve."""

from django.contrib import admin
from django.urls import include, path

admin.autodiscover()

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("alerts.urls")),
    path("", include("monitoring.urls")),
    path("", include("streaming.http.urls")),
    path("", include("bars.urls")),
    path("", include("realism.urls")),
    path("", include("exports.urls")),
    path("", include("backtests.urls")),
    path("", include("contracts.urls")),
]
