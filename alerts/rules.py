"""The rules of alerts: from measured values to causes, each active or cleared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.supervision import Trouble

#: An alert raised above a threshold clears only this far below it, so that a value at the edge does not flicker.
HYSTERESIS_PERCENT = 5.0

#: The key of the database's own alert.
DATABASE = "database"

#: The beginnings of the keys of alerts about a machine; its host follows.
MEMORY, DISK = "memory:", "disk:"

#: The beginning of the keys of alerts about side tasks; the process and the task follow.
SIDE_TASK = "task:"

#: The beginning of the keys of alerts about damaged segments; the market and the segment follow.
DAMAGED = "damaged:"

#: Causes that concern one market; its symbol is the next part of the key.
_OF_MARKETS = _SILENT, _RECORDING, _DAMAGED, _COLD = ("silent", "recording", "damaged", "cold")


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one possible cause of an alert: active or cleared, with the sentence for either."""

    key: str
    wrong: bool
    level: str
    message: str
    source: str
    symbol: str | None = None


def symbol_of(key: str) -> str | None:
    """The market of a cause, None if it concerns all; a row of the database has only its key."""
    kind, symbol, *_ = [*key.split(":"), ""]
    return symbol if kind in _OF_MARKETS else None


def memory(percent: float, threshold: float, host: str, was_wrong: bool) -> Finding:
    wrong = _is_over(percent, threshold, was_wrong)
    told = f"内存使用率 {percent:.1f}% 超过 {threshold:g}%" if wrong else f"内存使用率恢复正常: {percent:.1f}%"
    return Finding(f"{MEMORY}{host}", wrong, "warning", f"{told}（{host}）", host)


def disk(percent: float, threshold: float, place: str, was_wrong: bool) -> Finding:
    """The disk of a store; `place` has the host too (`disk_place`): others have another disk at the same path."""
    wrong = _is_over(percent, threshold, was_wrong)
    told = f"磁盘使用率 {percent:.1f}% 超过 {threshold:g}%" if wrong else f"磁盘使用率恢复正常: {percent:.1f}%"
    return Finding(f"{DISK}{place}", wrong, "warning", f"{told}（{place}）", "recorder")


def disk_place(host: str, store: str) -> str:
    return f"{host}:{store}"


def host_of(key: str) -> str:
    """The host in the key of an alert about a machine. Version 0.1.0 named none for a disk: then the store's folder."""
    return key.split(":", 2)[1]


def machine_gone(key: str) -> Finding:
    """No process looks at what an alert about a machine tells of any more."""
    kind, _, place = key.partition(":")
    if f"{kind}:" == DISK:
        return Finding(key, False, "warning", f"不再检查磁盘（{place}）", "recorder")
    return Finding(key, False, "warning", f"不再检查内存（{place}）", place)


def pipeline(symbol: str, well: bool, running: bool) -> Finding:
    """A silent pipeline: it should run, by its last status or by the database, and `/health` does not hear it."""
    told = f"行情流水线 {symbol} 恢复正常" if well or not running else f"行情流水线 {symbol} 已静默"
    return Finding(f"{_SILENT}:{symbol}", running and not well, "critical", told, "simulator", symbol)


def recorder(symbol: str, status: dict[str, Any]) -> Finding:
    """A pipeline that runs and does not record. A stopped one is no fault."""
    wrong = bool(status["running"]) and not status["recording"]
    told = f"记录器 {symbol} 无法写入，行情继续推送" if wrong else f"记录器 {symbol} 恢复写入"
    return Finding(f"{_RECORDING}:{symbol}", wrong, "critical", told, "recorder", symbol)


def damaged(symbol: str, segment: str, why: str) -> Finding:
    """A segment, by kind and file, that is not what was written; `why` is "" once it is, or is gone."""
    wrong = f"分段 {segment}（{symbol}）已损坏，缺失部分以 gap 告知: {why}"
    told = wrong if why else f"分段 {segment}（{symbol}）不再损坏"
    return Finding(f"{_DAMAGED}:{symbol}:{segment}", bool(why), "critical", told, "recorder", symbol)


def cold(symbol: str, reason: str) -> Finding:
    """A cold store to which segments of a market are not copied; `reason` is "" once they are."""
    wrong = f"分段无法复制到冷存储（{symbol}），保留在本地磁盘: {reason}"
    told = wrong if reason else f"分段恢复复制到冷存储（{symbol}）"
    return Finding(f"{_COLD}:{symbol}", bool(reason), "warning", told, "recorder", symbol)


def segment_of(key: str) -> str:
    """The segment in the key of an alert about a damaged one."""
    return key.split(":", 2)[2]


def database(reachable: bool) -> Finding:
    told = "数据库恢复连接" if reachable else "数据库无法连接，实时推送不受影响"
    return Finding(DATABASE, not reachable, "critical", told, "database")


def side_task(process: str, trouble: Trouble) -> Finding:
    """A side task that fails; healthy again when it has run for a while."""
    wrong = f"后台任务 {trouble.name} 出错，正在重试: {trouble.error}"
    told = wrong if trouble.failing else f"后台任务 {trouble.name} 恢复正常"
    key = f"{SIDE_TASK}{process}:{trouble.name}"
    return Finding(key, trouble.failing, "warning", f"{told}（{process}）", process)


def side_task_gone(key: str) -> Finding:
    """A task that failed has ended with its process."""
    process, name = process_of(key), key.removeprefix(SIDE_TASK).partition(":")[2]
    return Finding(key, False, "warning", f"后台任务 {name} 已随进程结束（{process}）", process)


def process_of(key: str) -> str:
    """The process in the key of an alert about a side task."""
    return key.removeprefix(SIDE_TASK).partition(":")[0]


def _is_over(percent: float, threshold: float, was_wrong: bool) -> bool:
    return percent > (threshold - HYSTERESIS_PERCENT if was_wrong else threshold)


@dataclass(frozen=True, slots=True)
class MarketEvent:
    """An event in a market, which has no end: a burst or a shock, at a market time in Unix seconds."""

    key: str
    message: str
    timestamp: float
    symbol: str


_SHOCKS = {"price": "价格冲击", "liquidity": "流动性冲击"}


def market_events(symbol: str, ts: float, events: dict[str, Any]) -> list[MarketEvent]:
    """The `events` of a frame at market time `ts`, in words."""
    bursts = [
        MarketEvent(
            f"burst:{symbol}:{one['t0']}",
            f"{symbol} 成交爆发: t={one['t0']}..{one['t1']}，得分 {one['score']:.2f}",
            ts,
            symbol,
        )
        for one in events["bursts"]
    ]
    shocks = [
        MarketEvent(
            f"shock:{symbol}:{one['kind']}:{one['t']}",
            f"{symbol} {_SHOCKS[one['kind']]}: t={one['t']}，变化 {one['size']:g}，得分 {one['score']:.2f}",
            ts,
            symbol,
        )
        for one in events["shocks"]
    ]
    return bursts + shocks
