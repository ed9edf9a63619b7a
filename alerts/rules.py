"""The rules of alerts: from measured facts to what is wrong, and to what is well again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.supervision import Trouble

#: What was raised above a threshold clears only this far below it: a value at the edge shall not flicker.
HYSTERESIS_PERCENT = 5.0

#: The key of the database's own alert.
DATABASE = "database"

#: How the keys of alerts about side tasks begin; the process and the task follow.
SIDE_TASK = "task:"

#: How the keys of alerts about damaged segments begin; the market and the segment follow.
DAMAGED = "damaged:"

#: Causes that lie in one market; its symbol is the next part of the key.
_OF_MARKETS = _SILENT, _RECORDING, _DAMAGED = ("silent", "recording", "damaged")


@dataclass(frozen=True, slots=True)
class Finding:
    """One possible cause of an alert, as it stands: wrong or well, with the sentence for either."""

    key: str
    wrong: bool
    level: str
    message: str
    source: str
    symbol: str | None = None


def symbol_of(key: str) -> str | None:
    """The market that a cause lies in, None where it concerns all; a row of the database tells no more than its key."""
    kind, symbol, *_ = [*key.split(":"), ""]
    return symbol if kind in _OF_MARKETS else None


def memory(percent: float, threshold: float, host: str, was_wrong: bool) -> Finding:
    wrong = _is_over(percent, threshold, was_wrong)
    told = f"内存使用率 {percent:.1f}% 超过 {threshold:g}%" if wrong else f"内存使用率恢复正常: {percent:.1f}%"
    return Finding(f"memory:{host}", wrong, "warning", f"{told}（{host}）", host)


def disk(percent: float, threshold: float, store: str, was_wrong: bool) -> Finding:
    wrong = _is_over(percent, threshold, was_wrong)
    told = f"磁盘使用率 {percent:.1f}% 超过 {threshold:g}%" if wrong else f"磁盘使用率恢复正常: {percent:.1f}%"
    return Finding(f"disk:{store}", wrong, "warning", f"{told}（{store}）", "recorder")


def pipeline(symbol: str, well: bool, running: bool) -> Finding:
    """Silent: it should run, by its own last word or by the database, and is not heard as `/health` understands it."""
    told = f"行情流水线 {symbol} 恢复正常" if well or not running else f"行情流水线 {symbol} 已静默"
    return Finding(f"{_SILENT}:{symbol}", running and not well, "critical", told, "simulator", symbol)


def recorder(symbol: str, status: dict[str, Any]) -> Finding:
    """A pipeline that runs and does not record. What a stopped one does not record is no fault."""
    wrong = bool(status["running"]) and not status["recording"]
    told = f"记录器 {symbol} 无法写入，行情继续推送" if wrong else f"记录器 {symbol} 恢复写入"
    return Finding(f"{_RECORDING}:{symbol}", wrong, "critical", told, "recorder", symbol)


def damaged(symbol: str, segment: str, why: str) -> Finding:
    """A segment, by kind and file, that cannot be read as it was written; `why` is "" once it can, or is gone."""
    wrong = f"分段 {segment}（{symbol}）已损坏，缺失部分以 gap 告知: {why}"
    told = wrong if why else f"分段 {segment}（{symbol}）不再损坏"
    return Finding(f"{_DAMAGED}:{symbol}:{segment}", bool(why), "critical", told, "recorder", symbol)


def segment_of(key: str) -> str:
    """The segment in the key of an alert about a damaged one."""
    return key.split(":", 2)[2]


def database(reachable: bool) -> Finding:
    told = "数据库恢复连接" if reachable else "数据库无法连接，实时推送不受影响"
    return Finding(DATABASE, not reachable, "critical", told, "database")


def side_task(process: str, trouble: Trouble) -> Finding:
    """A task beside the market that fails; well again when it has run for a while."""
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
    """Something that happened in a market and has no end: a burst or a shock, at a market time in Unix seconds."""

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
