"""The HTTP paths of backtests."""

from typing import Any

from django.urls import path

from backtests import views

#: Asynchronous views, which the types of `path` do not know.
_backtests: Any = views.backtests
_backtest: Any = views.backtest

urlpatterns = [
    path("api/v1/backtests", _backtests),
    path("api/v1/backtests/<str:backtest_id>", _backtest),
]
