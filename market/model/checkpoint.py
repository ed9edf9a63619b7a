"""The whole state of a simulator as bytes: self-contained JSON from which a run continues exactly."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from market.model.structure_density import AXES
from market.model.substrate import MICRO, State
from market.tick import Floats, MarketError

FORMAT = "market-simulator-checkpoint"
VERSION = 1


class CheckpointError(MarketError, ValueError):
    """Bytes from which no simulator can continue."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a simulator's checkpoint: {reason}")


@dataclass(frozen=True, slots=True, eq=False)
class SimulatorCheckpoint:
    """Everything that the next tick depends on, and the settings it was made with.

    `window` holds the last `[ticks, 4]` states `(p, v, l, b)`, oldest first; `centres` are those of the last
    clustering, `[5, 4]`, or None before any.
    """

    seed: int
    adjust_interval: int
    fixed_agents: bool
    t: int
    next_id: int
    agent_ids: list[int]
    experience: list[float]
    state: State
    recent_prices: list[float]
    centres: Floats | None
    window: Floats
    generator: np.random.Generator

    def to_bytes(self) -> bytes:
        """The checkpoint as JSON."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields["seed"] = str(self.seed)  # JSON readers stop at 64 bits, a seed need not
        fields["state"] = self.state._asdict()
        fields["window"] = _window_to_json(self.window)
        fields["generator"] = generator_to_json(self.generator)
        message = {"format": FORMAT, "version": VERSION, **fields}
        return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)

    @classmethod
    def from_bytes(cls, data: bytes) -> SimulatorCheckpoint:
        """The checkpoint in the JSON. Raises CheckpointError."""
        try:
            fields = checkpoint_fields(data, FORMAT, VERSION)
            fields["seed"] = int(fields["seed"])
            fields["state"] = State(**fields["state"])
            fields["window"] = _window_from_json(fields["window"])
            fields["centres"] = None if fields["centres"] is None else np.array(fields["centres"], np.float64)
            fields["generator"] = generator_from_json(fields["generator"])
            saved = cls(**fields)
        except KeyError as error:
            raise CheckpointError(f"it lacks {error}") from None
        except (TypeError, ValueError) as error:
            raise CheckpointError(str(error)) from None
        if len(saved.agent_ids) != len(saved.experience):
            raise CheckpointError(f"{len(saved.agent_ids)} agents but {len(saved.experience)} experiences")
        return saved


def checkpoint_fields(data: bytes, form: str, version: int) -> dict[str, Any]:
    """The fields of a checkpoint in JSON, if it is of this format and version. Raises ValueError."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(message, dict) or message.pop("format", None) != form:
        raise ValueError(f"its format is not {form!r}")
    found = message.pop("version", None)
    if found != version:
        raise ValueError(f"it is of version {found!r}, understood is {version}")
    return message


def _window_to_json(window: Floats) -> str:
    """The window as base64 of little-endian int32 millionths: exact, as states are rounded to them."""
    millionths = np.rint(window * MICRO).astype("<i4")
    return base64.b64encode(millionths.tobytes()).decode("ascii")


def _window_from_json(text: str) -> Floats:
    millionths = np.frombuffer(base64.b64decode(text, validate=True), "<i4")
    window: Floats = millionths.reshape(-1, AXES) / MICRO
    return window


def generator_to_json(generator: np.random.Generator) -> dict[str, Any]:
    """NumPy's own description of it, with the 128-bit integers as hexadecimal text."""
    state = dict(generator.bit_generator.state)
    return {**state, "state": {name: hex(value) for name, value in state["state"].items()}}


def generator_from_json(state: dict[str, Any]) -> np.random.Generator:
    """The generator that `generator_to_json` describes. Raises KeyError, TypeError, ValueError."""
    generator = np.random.Generator(np.random.PCG64())
    integers = {name: int(value, 16) for name, value in state["state"].items()}
    generator.bit_generator.state = {**state, "state": integers}
    return generator
