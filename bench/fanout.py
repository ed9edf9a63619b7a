"""Fan-out: messages a second of one process, ours beside others doing the same job, in one run.

`python bench/fanout.py [--clients 200] [--rounds 3]` prints, for ticks of 1 KB and for frames of 74 agents, messages a
second, CPU time of the server for each, and the ratio of ours to each of the others; then what compression costs, and
what server-sent events do.
`fastapi` needs `pip install fastapi uvicorn`, and is left out without them.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics

from crowd import Stage, real_moments

RIVALS = ("broadcast", "group", "fastapi")
GOALS = {("tick", "broadcast"): 0.7, ("tick", "group"): 8.0, ("frame", "fastapi"): 10.0}
_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

Measured = tuple[float, float]


async def measure(
    name: str,
    kind: str,
    text: str,
    clients: int,
    seconds: float,
    *,
    query: str = "",
    headers: str = "",
    events: bool = False,
    **env: str,
) -> tuple[float, float, float]:
    """Messages a second, CPU seconds each, and bytes each on the wire."""
    async with Stage(name, [{kind: text}], **env) as stage:
        await stage.connect(clients, f"?types={kind}{query}" if name == "ours" else "", headers, events=events)
        ahead = 32 if len(text) < 10_000 else 6
        await stage.send_in_step(0.3, ahead)
        before = stage.clients[0].bytes, stage.clients[0].messages
        rate, cpu = await stage.send_in_step(seconds, ahead)
        size = (stage.clients[0].bytes - before[0]) / (stage.clients[0].messages - before[1])
        return rate, cpu, size


def median(found: list[tuple[float, ...]], place: int) -> float:
    return statistics.median(one[place] for one in found)


async def compare(kind: str, text: str, options: argparse.Namespace) -> None:
    print(f"\n{kind} of {len(text):,} bytes, {options.clients} clients")
    rounds: dict[str, list[tuple[float, ...]]] = {name: [] for name in ("ours", *RIVALS)}
    for _ in range(options.rounds):
        for name in list(rounds):
            try:
                rounds[name].append(await measure(name, kind, text, options.clients, options.seconds))
            except ModuleNotFoundError:
                print(f"  {name:9} is not installed")
                del rounds[name]
    for name, found in rounds.items():
        line = f"  {name:9} {median(found, 0):9,.0f} messages/s {median(found, 1) * 1e6:7.1f} us of CPU each"
        if name != "ours":
            ratios = [our[0] / their[0] for our, their in zip(rounds["ours"], found, strict=False)]
            goal = GOALS.get((kind, name))
            line += f"   ours is {statistics.median(ratios):.2f} x" + (f" (goal {goal:g} x)" if goal else "")
            cpu = [their[1] / our[1] for our, their in zip(rounds["ours"], found, strict=False)]
            line += f", by CPU {statistics.median(cpu):.2f} x"
        print(line, flush=True)


async def compare_encodings(kind: str, text: str, options: argparse.Namespace) -> None:
    print(f"\n{kind} of {len(text):,} bytes compressed, and as events, {options.clients} clients")
    ways = {"json": ("", ""), "zstd": ("&encoding=zstd", ""), "deflate": ("", _DEFLATE), "events": ("", "")}
    for way, (query, headers) in ways.items():
        rate, cpu, size = await measure(
            "ours",
            kind,
            text,
            options.clients,
            options.seconds,
            query=query,
            headers=headers,
            events=way == "events",
            IG_PERMESSAGE_DEFLATE="1" if way == "deflate" else "0",
        )
        line = f"  {way:9} {rate:9,.0f} messages/s {cpu * 1e6:7.1f} us of CPU each {size:9,.0f} bytes on the wire"
        print(line, flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description="Fan-out of one process beside others doing the same job.")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each measurement takes")
    options = parser.parse_args()
    texts = {"tick": real_moments(9)[0]["tick"], "frame": real_moments(74)[0]["frame"]}
    for kind, text in texts.items():
        await compare(kind, text, options)
    for kind, text in texts.items():
        await compare_encodings(kind, text, options)


if __name__ == "__main__":
    asyncio.run(main())
