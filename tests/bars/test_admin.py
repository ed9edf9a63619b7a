"""The admin shows bars and lets nobody change them."""

import pytest
from django.urls import reverse

from bars import stored
from bars.making.builder import Builder
from bars.models import Bar
from tests.bars.conftest import walk


@pytest.fixture
def bar(market):
    builder = Builder()
    closings = [stored.closing_of(builder, builder.take(one)) for one in walk(30)]
    stored.save(market, [closing for closing in closings if closing is not None])
    return Bar.objects.first()


@pytest.mark.parametrize(("model", "query"), [("bar", "?resolution=1s"), ("gap", "")])
def test_the_list_is_shown(admin_client, bar, model, query):
    html = admin_client.get(reverse(f"admin:bars_{model}_changelist") + query).content.decode()
    assert "2026-01-24 12:00:0" in html


def test_nothing_is_added_changed_or_deleted(admin_client, bar):
    assert admin_client.get(reverse("admin:bars_bar_change", args=[bar.pk])).status_code == 200
    assert admin_client.get(reverse("admin:bars_bar_add")).status_code == 403
    assert admin_client.post(reverse("admin:bars_bar_change", args=[bar.pk]), {"close": 1}).status_code == 403
    assert admin_client.post(reverse("admin:bars_bar_delete", args=[bar.pk]), {"post": "yes"}).status_code == 403
    assert Bar.objects.filter(pk=bar.pk, close=bar.close).exists()
