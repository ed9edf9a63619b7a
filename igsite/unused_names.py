"""Names of settings that older installations set: accepted, and without effect."""

from __future__ import annotations

from collections.abc import Mapping

#: Names that the units and documents of the backend before this one set, so that these start this one unchanged: what
#: each did there. They are accepted, said to be without effect, and never read.
UNUSED = {
    "IG_DOWNSAMPLE": "recorded and sent every so many ticks; here every tick is kept, and a stream takes `every=N`",
    "IG_LOG_EVERY": "a line of log every so many ticks",
    "IG_PRINT_EVERY_SEC": "seconds between lines of output",
    "IG_TRAJ_WIN": "points of the trajectory kept in memory",
    "IG_CPX_WIN": "points of the complexity kept in memory",
    "IG_DEPTH_K": "price levels of the book in each tick",
    "IG_TF_SEC": "seconds of a bar; here bars are made of every resolution",
    "IG_EMIT_EMPTY_BARS": "bars without a trade; here there is one where there were ticks",
    "IG_STREAM_MODE": "which parts of a tick were sent; see `IG_STREAM_TYPES` and `fields=`",
    "IG_RUN_DIR": "where runs were kept; see `IG_CAM_STORE_DIR`",
    "IG_RUN_ID": "the name of a run",
    "IG_RING_SIZE": "points kept in memory; see `IG_RING_TICKS`",
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
