"""The register of names: ids that last, on disk before they are used, and no id that is not certain."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from market.tick import TickError
from recorder.errors import StoreError
from recorder.store.agent_register import AgentRegister, DamagedRegister


def lines(directory: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in (directory / "agents.ndjson").read_bytes().splitlines()]


def register(directory: Path, *names: str) -> AgentRegister:
    """One that has given these names their ids, on disk."""
    made = AgentRegister(directory)
    made.ids_of(names, 7)
    made.settle()
    return made


def test_names_get_ids_by_first_appearance_and_keep_them(tmp_path: Path) -> None:
    first = AgentRegister(tmp_path)
    assert first.ids_of(["b", "a"], 3).tolist() == [0, 1]
    assert first.ids_of(["c", "a"], 5).tolist() == [2, 1]
    first.settle()
    again = AgentRegister(tmp_path)
    assert again.ids_of(["a", "new", "c", "b"], 9).tolist() == [1, 3, 2, 0]
    again.settle()
    assert lines(tmp_path) == [
        {"id": 0, "name": "b", "first_t": 3},
        {"id": 1, "name": "a", "first_t": 3},
        {"id": 2, "name": "c", "first_t": 5},
        {"id": 3, "name": "new", "first_t": 9},
    ]


def test_a_market_without_names_has_no_file(tmp_path: Path) -> None:
    plain = AgentRegister(tmp_path)
    plain.settle()
    plain.hold()
    assert list(tmp_path.iterdir()) == []


def test_names_that_none_can_be_are_told(tmp_path: Path) -> None:
    with pytest.raises(TickError, match=r"name must be 1 to 128 printable characters, got 'a\\nb'"):
        AgentRegister(tmp_path).ids_of(["a\nb"], 0)


@pytest.mark.parametrize("torn", [b'{"id":2,"name":"c","fir', bytes(300), b'{"id":2,"name":"c","first_t":-7}'])
def test_a_line_that_a_crash_cut_short_goes(tmp_path: Path, torn: bytes) -> None:
    register(tmp_path, "a", "b")
    with (tmp_path / "agents.ndjson").open("ab") as file:
        file.write(torn)
    register(tmp_path, "d", "c")
    assert [line["name"] for line in lines(tmp_path)] == ["a", "b", "d", "c"]


def test_a_line_that_lost_only_its_end_keeps_its_id(tmp_path: Path) -> None:
    register(tmp_path, "a", "b")
    path = tmp_path / "agents.ndjson"
    path.write_bytes(path.read_bytes()[:-1])
    register(tmp_path, "c")
    assert [line["name"] for line in lines(tmp_path)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (b'{"id":1,"name":"b","first_t":7', "line 2: "),
        (b'{"id":5,"name":"b","first_t":7}', "line 2: its id is 5, not 1"),
        (b'{"id":1,"name":"a","first_t":7}', "line 2: the name 'a' is there twice"),
        (b'{"id":1,"name":"","first_t":7}', "line 2: it lacks the id of an agent, its name or its first t"),
        (b"[]", "line 2: it holds no agent"),
    ],
)
def test_damage_among_the_lines_is_no_ground_for_other_ids(tmp_path: Path, changed: bytes, told: str) -> None:
    register(tmp_path, "a", "b", "c")
    path = tmp_path / "agents.ndjson"
    first, _, third = path.read_bytes().splitlines()
    before = b"\n".join([first, changed, third, b""])
    path.write_bytes(before)
    with pytest.raises(DamagedRegister) as caught:
        AgentRegister(tmp_path)
    assert str(caught.value).startswith(f"{path}: {told}")
    assert str(caught.value).endswith("; `manage.py repair` puts it right")
    assert path.read_bytes() == before


def test_what_a_full_disk_left_is_written_again_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = register(tmp_path, "a")
    made.ids_of(["b"], 8)

    def half(file: object, data: bytes) -> None:
        file.write(data[:9])  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full, pytest.raises(StoreError, match=r"agents\.ndjson: No space left"):
        full.setattr("recorder.store.agent_register.write_all", half)
        made.settle()
    assert made.ids_of(["c", "b"], 9).tolist() == [2, 1]
    made.hold()
    assert [line["name"] for line in lines(tmp_path)] == ["a", "b", "c"]


def test_a_file_that_vanished_under_its_market_is_written_again(tmp_path: Path) -> None:
    made = register(tmp_path, "a", "b")
    (tmp_path / "agents.ndjson").unlink()
    made.hold()
    made.ids_of(["c"], 4)
    made.settle()
    assert [line["name"] for line in lines(tmp_path)] == ["a", "b", "c"]
