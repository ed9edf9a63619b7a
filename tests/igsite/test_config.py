"""Settings: the promised defaults, what each takes, and every problem said at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from igsite import parsers
from igsite.config import Config, ConfigError, load, with_changes
from igsite.parsers import BASE_DIR
from igsite.unused_names import UNUSED, unused_names

PROMISED = {
    "IG_CAM_STORE_DIR": BASE_DIR / "data" / "ig_cam",
    "IG_CAM_W": 300,
    "IG_CAM_STRIDE": 10,
    "IG_CAM_EDGE_CAP": 2000,
    "IG_CAM_NODE_CAP": 5000,
    "IG_CAM_PROX_EPS_PCT": 0.003,
    "IG_CAM_SEGMENT_SECONDS": 300,
    "IG_CAM_ZSTD_LEVEL": 3,
    "IG_CAM_METRIC_DOWNSAMPLE": 1,
    "IG_SEED": 0,
    "IG_ADJUST_INTERVAL": 2000,
    "PORT": 8000,
    "IG_SYMBOL": "IG-USD",
    "IG_SOURCE": "simulator",
    "IG_TICK_INTERVAL": 0.1,
    "IG_SPEED": 1,
    "IG_RETAIN_DISK_PERCENT": 80,
    "IG_RETAIN_TARGET_PERCENT": 70,
    "IG_RETAIN_MIN_SEGMENTS": 10,
    "IG_RETAIN_MIN_DAYS": 1,
    "IG_RETAIN_MAX_DAYS": 0,
    "IG_FLUSH_SECONDS": 1,
    "IG_RING_TICKS": 10_000,
    "IG_RING_BYTES": 268_435_456,
    "IG_OUTBOX_BYTES": 1_048_576,
    "IG_MAX_CONNECTIONS": 1000,
    "IG_MAX_CONNECTIONS_PER_ADDRESS": 100,
    "IG_TRUSTED_PROXIES": (),
    "IG_STREAM_TYPES": ("tick", "metric", "frame"),
    "IG_STRATEGIES": ("backtests.strategies",),
    "IG_FEED_TOKEN": None,
    "IG_AGENT_URL": None,
    "IG_START_TS": None,
    "DATABASE_URL": None,
    "REDIS_URL": None,
}


def by_environment_name(config: Config) -> dict[str, Any]:
    return {field.metadata["env"]: getattr(config, name) for name, field in Config.__dataclass_fields__.items()}


def problems(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(environ)
    return refused.value.problems


@pytest.mark.parametrize("name", PROMISED)
def test_without_a_word_every_setting_has_the_promised_default(name: str) -> None:
    assert by_environment_name(load({}))[name] == PROMISED[name]


def test_an_empty_value_counts_as_unset() -> None:
    assert load(dict.fromkeys(PROMISED, "")) == load(dict.fromkeys(PROMISED, "  ")) == load({})


def test_other_peoples_variables_are_none_of_our_business() -> None:
    assert load({"PATH": "/bin", "HOME": "/root", "XIG_W": "1", "LANG": "C"}) == load({})


def test_values_are_taken() -> None:
    given_values = {
        "IG_CAM_STORE_DIR": "/data/ig_cam",
        "IG_CAM_W": "1",
        "IG_CAM_EDGE_CAP": "0",
        "IG_CAM_PROX_EPS_PCT": "1e-3",
        "IG_SEED": "9223372036854775807",
        "IG_SYMBOL": "0700.HK",
        "IG_SOURCE": "file:/tapes/a.jsonl.zst",
        "IG_SPEED": "0",
        "IG_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        "IG_START_TS": "1700000000.5",
        "PORT": " 9000 ",
    }
    config = load(given_values)
    assert config.store_dir == Path("/data/ig_cam")
    assert (config.cam_w, config.cam_edge_cap, config.cam_prox_eps_pct) == (1, 0, 0.001)
    assert (config.seed, config.symbol, config.speed) == (2**63 - 1, "0700.HK", 0)
    assert config.source == "file:/tapes/a.jsonl.zst"
    assert [str(network) for network in config.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert (config.start_ts, config.port) == (1_700_000_000.5, 9000)


def test_a_path_that_is_not_absolute_begins_at_the_project() -> None:
    assert load({"IG_CAM_STORE_DIR": "elsewhere"}).store_dir == BASE_DIR / "elsewhere"


INTEGERS = [
    "IG_CAM_W", "IG_CAM_STRIDE", "IG_CAM_EDGE_CAP", "IG_CAM_ZSTD_LEVEL", "IG_CAM_METRIC_DOWNSAMPLE", "IG_SEED",
    "IG_ADJUST_INTERVAL", "PORT", "IG_RETAIN_MIN_SEGMENTS", "IG_RING_TICKS", "IG_RING_BYTES", "IG_OUTBOX_BYTES",
    "IG_MAX_CONNECTIONS", "IG_MAX_CONNECTIONS_PER_ADDRESS",
]  # fmt: skip
NUMBERS = [
    "IG_CAM_PROX_EPS_PCT", "IG_CAM_SEGMENT_SECONDS", "IG_TICK_INTERVAL", "IG_SPEED", "IG_RETAIN_DISK_PERCENT",
    "IG_RETAIN_TARGET_PERCENT", "IG_RETAIN_MIN_DAYS", "IG_RETAIN_MAX_DAYS", "IG_FLUSH_SECONDS",
    "IG_MAX_TIME_STEP_SECONDS",
]  # fmt: skip


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize(
    "text", ["x", "1.5", "1e3", "NaN", "inf", "-1", "0x10", "1_000", "٣", "9" * 30, "9" * 5000, "true"]
)
def test_what_is_no_integer_in_bounds_is_said_with_the_bounds(name: str, text: str) -> None:
    (problem,) = problems(**{name: text})
    assert problem.startswith(f"{name} must be an integer from ")
    assert problem.endswith(f", got {text[:80]!r}")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "text", ["x", "nan", "NaN", "-nan", "inf", "-inf", "Infinity", "1e400", "-1", "1,5", "0.1.2", "1e99"]
)
def test_what_is_no_finite_number_in_bounds_is_said_with_the_bounds(name: str, text: str) -> None:
    (problem,) = problems(**{name: text})
    assert problem.startswith(f"{name} must be a number ")
    assert problem.endswith(f", got {text!r}")


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("x", ""), ("nan", ""), ("inf", ""), ("-1", ""), ("0", ""), ("31535999", ""), ("7258118400", ""),
        ("1769192681950", " (it looks like milliseconds)"), ("1769192681950000", " (it looks like microseconds)"),
    ],
)  # fmt: skip
def test_market_time_begins_at_a_moment_that_can_be(text: str, guess: str) -> None:
    (problem,) = problems(IG_START_TS=text)
    assert problem == f"IG_START_TS must be Unix seconds from 1971 to 2199{guess}, got {text!r}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IG_CAM_W", "0"), ("IG_CAM_STRIDE", "0"), ("IG_CAM_ZSTD_LEVEL", "23"), ("PORT", "0"), ("PORT", "65536"),
        ("IG_TICK_INTERVAL", "0"), ("IG_CAM_SEGMENT_SECONDS", "0"), ("IG_CAM_METRIC_DOWNSAMPLE", "0"),
        ("IG_CAM_PROX_EPS_PCT", "1.01"), ("IG_RETAIN_DISK_PERCENT", "101"), ("IG_SEED", "9223372036854775808"),
    ],
)  # fmt: skip
def test_the_bounds_hold(name: str, text: str) -> None:
    assert len(problems(**{name: text})) == 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("IG_SYMBOL", "../x", "must be 1 to 32 of"),
        ("IG_SYMBOL", "A" * 33, "must be 1 to 32 of"),
        ("IG_SYMBOL", "-A", "must be 1 to 32 of"),
        ("IG_SYMBOL", "é", "must be 1 to 32 of"),
        ("IG_SOURCE", "tape.jsonl", "must be simulator, file:PATH, ws://… or another source of docs/sources.md"),
        ("IG_SOURCE", "file:", "must be simulator, file:PATH, ws://… or another source of docs/sources.md"),
        ("IG_TRUSTED_PROXIES", "10.0.0.0/33", "must be addresses or networks"),
        ("IG_TRUSTED_PROXIES", "10.0.0.1/8", "must be addresses or networks"),
        ("IG_TRUSTED_PROXIES", "proxy", "must be addresses or networks"),
        ("IG_FORWARDED_HEADER", "X Real IP", "must be the name of a header"),
        ("IG_CAM_STORE_DIR", "a\0b", "must be a path"),
    ],
)
def test_a_bad_text_is_said_with_what_came(name: str, text: str, said: str) -> None:
    (problem,) = problems(**{name: text})
    assert problem.startswith(f"{name} {said}")
    assert repr(text[:80]) in problem


def test_every_problem_is_said_at_once() -> None:
    found = problems(
        IG_CAM_W="0", IG_SEED="x", IG_NO_SUCH="1", IG_CAM_WINDOW="5", IG_SPEED="nan", DATABASE_URL="mysql://x/y",
        REDIS_URL="http://x", IG_RETAIN_DISK_PERCENT="60",
    )  # fmt: skip
    assert sorted(problem.split()[0] for problem in found) == [
        "DATABASE_URL", "IG_CAM_W", "IG_CAM_WINDOW", "IG_NO_SUCH", "IG_RETAIN_TARGET_PERCENT", "IG_SEED", "IG_SPEED",
        "REDIS_URL",
    ]  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        load({"IG_CAM_W": "0", "IG_SEED": "x"})
    assert str(refused.value).startswith("Market Camera cannot start, 2 problems in its settings:\n  ")
    assert len(str(refused.value).splitlines()) == 3


def test_an_unknown_name_is_a_problem() -> None:
    assert problems(IG_CAM_w="5") == ["IG_CAM_w is not a setting of Market Camera"]


def test_settings_that_contradict_each_other_are_a_problem() -> None:
    assert problems(IG_RETAIN_DISK_PERCENT="50", IG_RETAIN_TARGET_PERCENT="60") == [
        "IG_RETAIN_TARGET_PERCENT (60) must not be above IG_RETAIN_DISK_PERCENT (50)"
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {"REDIS_URL": "http://user:hush@host"},
        {"DATABASE_URL": "mysql://user:hush@host/name"},
        {"DATABASE_URL": "postgres://user:hush@[::1/name"},
        {"DATABASE_URL": "postgres://user:hush@host:port/name"},
    ],
)
def test_a_secret_is_not_shown(environ: dict[str, str]) -> None:
    assert "hush" not in "".join(problems(**environ))


@given(st.dictionaries(st.sampled_from([*PROMISED, "IG_X"]), st.text(max_size=50), max_size=5))
def test_whatever_comes_is_a_configuration_or_a_list_of_problems(environ: dict[str, str]) -> None:
    try:
        load(environ)
    except ConfigError as refused:
        assert len(refused.problems) >= 1
        assert all(problem.strip() for problem in refused.problems)


@pytest.mark.parametrize("path", ["~0", "~nobody-of-this-name/store"])
def test_a_home_that_is_not_there_is_a_problem(path: str) -> None:
    assert problems(IG_CAM_STORE_DIR=path)[0].startswith("IG_CAM_STORE_DIR begins with ~")


@pytest.mark.parametrize(
    "url", ["redis://localhost:port", "redis://:pa/ss@host:6379", "redis://host:99999", "http://h"]
)
def test_what_is_no_redis_url_is_a_problem_without_its_password(url: str) -> None:
    (problem,) = problems(REDIS_URL=url)
    assert problem.startswith("REDIS_URL must be")
    assert "'pa'" not in problem


def test_a_store_whose_path_no_database_and_no_log_can_hold_is_a_problem() -> None:
    (problem,) = problems(IG_CAM_STORE_DIR="/data/caf\udce9")
    assert problem == r"IG_CAM_STORE_DIR must be a path whose names are UTF-8, it is '/data/caf\udce9'"
    assert load({"IG_CAM_STORE_DIR": "/data/café"}).store_dir == Path("/data/café")


# -- databases


def test_postgres_by_url() -> None:
    found = parsers.database("postgres://me:secret@db.example.org:5433/market")
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"], found["HOST"], str(found["PORT"]), found["NAME"]) == (
        "me", "secret", "db.example.org", "5433", "market"
    )  # fmt: skip


def test_a_part_may_be_percent_encoded() -> None:
    found = parsers.database("postgresql://us%40er:p%3A%2F%23%25w@host/na%20me?sslmode=require&options=-c%20a%3Db")
    assert (found["USER"], found["PASSWORD"], found["NAME"]) == ("us@er", "p:/#%w", "na me")
    assert found["OPTIONS"].items() >= {"sslmode": "require", "options": "-c a=b"}.items()


def test_a_database_host_that_vanished_is_given_up_soon_unless_the_url_says_otherwise() -> None:
    options = parsers.database("postgres://host/name?connect_timeout=60")["OPTIONS"]
    assert str(options["connect_timeout"]) == "60"
    assert options["tcp_user_timeout"] == "10000"


def test_a_socket_directory_may_stand_in_the_query() -> None:
    found = parsers.database("postgres:///market?host=%2Fvar%2Frun%2Fpostgresql&port=5433")
    assert (found["HOST"], str(found["PORT"])) == ("/var/run/postgresql", "5433")
    assert found["OPTIONS"].keys().isdisjoint(["host", "port"])


def test_what_is_not_given_is_left_to_the_driver() -> None:
    found = parsers.database("postgres:///market")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("", "", "", "")


def test_sqlite_by_path() -> None:
    assert str(parsers.database("sqlite:////tmp/a%20b.sqlite3")["NAME"]) == "/tmp/a b.sqlite3"
    assert parsers.database("sqlite:///data/x.sqlite3")["NAME"] == BASE_DIR / "data" / "x.sqlite3"
    assert load({}).database["NAME"].parent == BASE_DIR / "data"


def test_the_database_is_in_the_project_whatever_its_path_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "C# 50%20?"
    monkeypatch.setattr("igsite.config.BASE_DIR", project)
    assert load({}).database["NAME"] == project / "data" / "market_camera.sqlite3"


@pytest.mark.parametrize("text", ["sqlite:///data/a#b", "sqlite:////C#/x.sqlite3", "sqlite:////a?b/x.sqlite3"])
def test_a_path_that_would_end_early_is_a_problem(text: str) -> None:
    (problem,) = problems(DATABASE_URL=text)
    assert problem == "DATABASE_URL must have # as %23 and ? as %3F in the PATH of sqlite:///PATH"
    encoded = text.replace("#", "%23").replace("?", "%3F")
    assert str(load({"DATABASE_URL": encoded}).database["NAME"]).endswith(text.removeprefix("sqlite:///"))


def test_options_behind_a_path_are_none_of_it() -> None:
    assert parsers.database("sqlite:////a/x.sqlite3?timeout=20")["NAME"] == Path("/a/x.sqlite3")


@pytest.mark.parametrize(
    "text",
    ["x", "mysql://h/n", "postgres://", "postgres://host", "postgres://host/", "sqlite://", "sqlite:///", "sqlite://host/x",
     "postgres://host:port/n", "postgres://host:99999/n", "postgres://[::1/n", "://", "sqlite://:memory:"],
)  # fmt: skip
def test_what_is_no_database_is_a_problem(text: str) -> None:
    with pytest.raises(ValueError, match="must be postgres://"):
        parsers.database(text)
    assert problems(DATABASE_URL=text)[0].startswith("DATABASE_URL ")


# -- on a command line


def test_a_setting_may_be_given_anew() -> None:
    config = with_changes(load({"IG_SEED": "5", "IG_SPEED": "2"}), {"speed": "0", "source": "file:x"})
    assert (config.speed, config.source, config.seed) == (0, "file:x", 5)


def test_every_problem_of_a_command_line_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        with_changes(load({}), {"speed": "nan", "symbol": "/"})
    assert [problem.split()[0] for problem in refused.value.problems] == ["--symbol", "--speed"]


@pytest.mark.parametrize("text", ["localhost", "0.0.0.0", "::", "192.0.2.1", "2001:db8::1"])
def test_an_address_to_listen_on_is_taken(text: str) -> None:
    assert load({"IG_BIND": text}).bind == text


@pytest.mark.parametrize("text", ["market.example.org", "0.0.0.0:8000", "*", "[::]"])
def test_what_is_no_address_to_listen_on_is_refused(text: str) -> None:
    (problem,) = problems(IG_BIND=text)
    assert problem.startswith("IG_BIND must be localhost or an IP address of this machine")


def test_the_secrets_of_the_example_are_refused_where_several_processes_share_them() -> None:
    service = {"REDIS_URL": "redis://127.0.0.1/0"}
    example = {"IG_SECRET_KEY": "change-me", "DATABASE_URL": "postgres://market:change-me@127.0.0.1/market"}
    assert [problem.split()[0] for problem in problems(**service, **example)] == ["DATABASE_URL", "IG_SECRET_KEY"]
    assert "change-me" in problems(**service, IG_FEED_TOKEN="change-me")[0]
    assert load({"IG_SECRET_KEY": "change-me"}).secret_key == "change-me"


@pytest.mark.parametrize(("text", "types"), [("tick", ("tick",)), (" tick , frame ", ("tick", "frame"))])
def test_what_a_bare_stream_gets_can_be_set(text: str, types: tuple[str, ...]) -> None:
    assert load({"IG_STREAM_TYPES": text}).stream_types == types


@pytest.mark.parametrize("text", ["ticks", "tick,", ",", "tick;frame", "all"])
def test_what_is_no_type_of_message_is_refused(text: str) -> None:
    assert problems(IG_STREAM_TYPES=text) == [
        f"IG_STREAM_TYPES must be some of frame, metric, tick, separated by commas, got {text!r}"
    ]


def test_names_of_the_backend_before_this_one_are_accepted_and_said() -> None:
    units = {"IG_LOG_EVERY": "20000", "IG_DOWNSAMPLE": "10", "IG_TRAJ_WIN": "", "IG_SEED": "0"}
    assert load(units) == load({})
    assert unused_names(units) == ["IG_DOWNSAMPLE", "IG_LOG_EVERY"]
    assert load(dict.fromkeys(UNUSED, "x")) == load({})
    assert problems(IG_DOWNSAMPLES="1", **dict.fromkeys(UNUSED, "1")) == [
        "IG_DOWNSAMPLES is not a setting of Market Camera"
    ]


@pytest.mark.parametrize("url", ["https://scan.example/address/{name}", "http://[::1]:8080/?q={name}#{name}"])
def test_a_page_about_an_agent_is_an_address_with_its_name(url: str) -> None:
    assert load({"IG_AGENT_URL": url}).agent_url == url


@pytest.mark.parametrize(
    "url",
    ["javascript:alert({name})", "https://{name}.example/", "https://a.example/", "//a.example/{name}", "https:///{name}",
     "https://user@{name}/", "https://[/{name}", "data:text/html,{name}"],
)  # fmt: skip
def test_the_name_of_an_agent_does_not_choose_where_a_link_leads(url: str) -> None:
    (problem,) = problems(IG_AGENT_URL=url)
    assert "IG_AGENT_URL" in problem
    assert "must be http:// or https://, a host, and behind it an address with {name}" in problem
