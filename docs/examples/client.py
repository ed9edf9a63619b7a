"""Listens to a market, asks for what was before, and reads a recorded segment: `python client.py http://localhost:8000`.

Needs `pip install websockets zstandard`.
"""

import asyncio
import io
import json
import sys
from urllib.request import urlopen

import websockets
import zstandard


async def listen(base: str, ticks: int) -> int:
    """Show some messages as they come; the t of the last tick."""
    url = base.replace("http", "ws", 1) + "/ws/stream"
    async with websockets.connect(url, max_size=None) as socket:
        await socket.send("ping")
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "tick":
                ticks -= 1
                print(f"tick   {message['t']:>8}  {len(message['agents'])} agents, {len(message['matches'])} matches")
            elif message["type"] == "frame":
                print(f"frame  {message['t']:>8}  {len(message['nodes'])} nodes, {len(message['edges'])} edges")
            else:
                print(message["type"])
            if message["type"] == "tick" and ticks <= 0:
                return int(message["t"])
    raise ConnectionError("the server ended the stream")


def before(base: str, t: int) -> None:
    """The ticks that led to t."""
    with urlopen(f"{base}/incremental?from_t={max(-1, t - 5)}&limit=5") as answer:
        found = json.load(answer)
    print(f"incremental: {found['count']} ticks, t = {[tick['t'] for tick in found['data']]}")


def segment(base: str) -> None:
    """The newest segment of metrics, whole: its file holds zstd frames one after the other."""
    with urlopen(f"{base}/manifest/metrics") as answer:
        newest = [row for row in json.load(answer) if row["lines"]][-1]
    with urlopen(f"{base}/segment/{newest['path']}") as answer:
        text = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(answer.read()), read_across_frames=True).read()
    lines = [json.loads(line) for line in text.splitlines()]
    print(f"segment {newest['path']}: {len(lines)} lines, the last is of t = {lines[-1]['t']}")


if __name__ == "__main__":
    address = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://localhost:8000"
    before(address, asyncio.run(listen(address, ticks=10)))
    segment(address)
