"""Names of settings that older installations set: accepted, and without effect."""

from __future__ import annotations

from collections.abc import Mapping

#: The units and documents of the previous backend set these names, and must start this one unchanged. Each name maps to
#: what it did there. The names are accepted, reported as having no effect, and never read.
UNUSED = {
    "IG_DOWNSAMPLE": "recorded and sent every N-th tick; here every tick is kept, and a stream takes `every=N`",
    "IG_LOG_EVERY": "number of ticks between log lines",
    "IG_PRINT_EVERY_SEC": "seconds between lines of output",
    "IG_TRAJ_WIN": "number of trajectory points kept in memory",
    "IG_CPX_WIN": "number of complexity points kept in memory",
    "IG_DEPTH_K": "number of price levels of the book in each tick",
    "IG_TF_SEC": "length of a bar in seconds; here bars of every resolution are made",
    "IG_EMIT_EMPTY_BARS": "made bars without a trade; here every period with ticks has a bar",
    "IG_STREAM_MODE": "selected the parts of a tick that were sent; see `IG_STREAM_TYPES` and `fields=`",
    "IG_RUN_DIR": "directory of the runs; see `IG_CAM_STORE_DIR`",
    "IG_RUN_ID": "name of a run",
    "IG_RING_SIZE": "number of points kept in memory; see `IG_RING_TICKS`",
    "IG_FLUSH_EVERY": "ticks between writes; see `IG_FLUSH_SECONDS`",
    "IG_SLEEP_SEC": "seconds of sleep after each tick; see `IG_SPEED`",
}


def unused_names(environ: Mapping[str, str]) -> list[str]:
    """The names that are set and have no effect."""
    return [name for name in UNUSED if environ.get(name, "").strip()]


def unused_table() -> str:
    """The names that are accepted and unused, as a Markdown table."""
    return (
        "\n".join(["| name | what it did |", "|---|---|", *(f"| `{name}` | {did} |" for name, did in UNUSED.items())])
        + "\n"
    )
