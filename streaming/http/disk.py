"""The HTTP path `/disk`: disk use, the recording's share of it, and whether a clean-up is due."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from recorder.manifest.totals import Total, totals
from recorder.retention import disk_use, disks, retention_settings
from recorder.retention_policy import DiskUse, RetentionSettings, choose, is_full, is_too_old
from recorder.segment.layout import KINDS
from runtime import pools
from streaming.http import parameters


@require_safe
async def disk(request: HttpRequest) -> HttpResponse:
    """Disk use, totals of all markets or of the one that `symbol` names, and the clean-up."""
    symbol = (await parameters.relay(request)).symbol if "symbol" in request.GET else None
    body = await pools.listings.ask(lambda: _body(symbol))
    return JsonResponse(body, headers={"Cache-Control": "no-store"})


def _body(symbol: str | None) -> dict[str, Any]:
    config = settings.CONFIG
    retention = retention_settings(config)
    use = disk_use(config.store_dir)
    found = totals(symbol)
    return {
        "store": {"path": str(config.store_dir), "exists": config.store_dir.is_dir()},
        "disk": {**_in_bytes(use), "percent": round(use.percent, 2)},
        "kinds": _by_kind(found),
        "markets": {name: _by_kind([one for one in found if one.symbol == name]) for name in _symbols(found)},
        "retention": {name: getattr(retention, name) for name in RetentionSettings.__dataclass_fields__},
        "clean_up": _clean_up(retention),
    }


def _in_bytes(use: DiskUse) -> dict[str, int]:
    return {f"{name}_bytes": value for name, value in use._asdict().items()}


def _symbols(found: list[Total]) -> list[str]:
    return sorted({one.symbol for one in found})


def _by_kind(found: list[Total]) -> dict[str, dict[str, int]]:
    names = ("segments", "bytes", "lines", "removed", "cold_segments", "cold_bytes")
    return {
        kind: {name: sum(getattr(one, name) for one in found if one.kind == kind) for name in names} for kind in KINDS
    }


def _clean_up(retention: RetentionSettings) -> dict[str, Any]:
    """Whether a clean-up is due and why, and how many segments and bytes it would remove; 0 if none may be removed."""
    now, config = timezone.now(), settings.CONFIG
    found = disks(config.store_dir, config.symbol, copied_only=config.cold_store is not None)
    uses = [disk_use(disk.directory) for disk in found]
    chosen = [one for disk, use in zip(found, uses, strict=True) for one in choose(disk.shelves, use, retention, now)]
    because = ["disk"] if any(is_full(use, retention) for use in uses) else []
    if any(is_too_old(one.created_at, retention, now) for one in chosen):
        because.append("age")
    return {
        "due": bool(because),
        "because": because,
        "segments": len(chosen),
        "bytes": sum(one.bytes for one in chosen),
    }
