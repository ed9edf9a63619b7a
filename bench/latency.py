"""Latency: from made to received, for a thousand clients that take everything, ours beside others.

`python bench/latency.py [--clients 1000] [--seconds 5]` sends ticks of 74 agents with their metrics and frames, ten a
second, and prints the median, the 99th percentile and the worst of all clients and ticks, and the memory of a client.
Server and clients share the machine. `fastapi` needs `pip install fastapi uvicorn`, and is left out without them.
"""

from __future__ import annotations

import argparse
import asyncio

from crowd import Stage, real_moments

TICKS_A_SECOND = 10
GOAL_MS = 100


async def latencies(name: str, clients: int, seconds: float) -> tuple[list[float], float]:
    """Seconds from made to received of each tick at each client, and bytes of memory a client."""
    moments = real_moments(74)
    async with Stage(name, moments) as stage:
        bare = (await stage.command("send 0"))["memory"]
        await stage.connect(clients, times=True)
        idle = ((await stage.command("send 0"))["memory"] - bare) / clients
        count = int(seconds * TICKS_A_SECOND)
        made = (await stage.command(f"pace {count} {1 / TICKS_A_SECOND}"))["made"]
        ends = [sum(len(moments[n % len(moments)]) for n in range(tick + 1)) for tick in range(count)]
        async with asyncio.timeout(60):
            while min(client.messages for client in stage.clients) < ends[-1]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return [
            client.times[end - 1] - at  # type: ignore[index]
            for client in stage.clients
            for end, at in zip(ends, made, strict=True)
        ], idle


async def main() -> None:
    parser = argparse.ArgumentParser(description="From made to received, ours beside others.")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--servers", nargs="+", default=["ours", "broadcast", "group", "fastapi"])
    options = parser.parse_args()
    print(f"{options.clients} clients, {TICKS_A_SECOND} ticks of 74 agents a second, with metrics and frames")
    ours = 0.0
    for name in options.servers:
        try:
            found, idle = await latencies(name, options.clients, options.seconds)
        except (ModuleNotFoundError, TimeoutError) as error:
            print(f"  {name:9} {str(error) or 'lost messages, or took more than a minute'}")
            continue
        found.sort()
        p50, p99 = (1000 * found[int(len(found) * part)] for part in (0.5, 0.99))
        line = f"  {name:9} p50 {p50:8.1f} ms   p99 {p99:8.1f} ms   worst {1000 * found[-1]:8.1f} ms"
        line += f"   {idle / 1024:5.1f} KB an idle client"
        if name == "ours":
            ours = p99
            line += f"   (goal: p99 {GOAL_MS} ms, 40 KB)"
        elif ours:
            line += f"   p99 is {p99 / ours:.1f} x ours"
        print(line, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
