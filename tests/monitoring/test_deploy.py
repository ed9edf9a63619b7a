"""What Prometheus and Grafana are given: they take it, every alert fires, and everything asked for exists."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import yaml

from tests.monitoring.scraped import ROOT, full_names, names_in, promtool

FOLDER = ROOT / "deploy" / "monitoring"


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def board() -> dict[str, Any]:
    return json.loads((FOLDER / "dashboard.json").read_text())


def expressions() -> list[str]:
    """What the panels ask, as Grafana fills it in."""
    asked = [target["expr"] for panel in board()["panels"] for target in panel["targets"]]
    return [one.replace("$__rate_interval", "1m").replace("$symbol", ".*") for one in asked]


def test_prometheus_takes_its_configuration_and_the_rules() -> None:
    promtool("check", "config", str(FOLDER / "prometheus.yml"))


def test_every_alert_fires_once_and_none_while_all_is_well() -> None:
    promtool("test", "rules", str(FOLDER / "alerts_test.yml"))
    cases = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
    fired = Counter(case["alertname"] for test in cases for case in test["alert_rule_test"] if any(case["exp_alerts"]))
    assert fired == Counter(rules().keys())
    quiet = {case["alertname"] for case in cases[0]["alert_rule_test"] if case["exp_alerts"] == []}
    assert quiet == rules().keys()


def test_alerts_ask_for_metrics_that_exist_and_tell_people_what_to_do() -> None:
    for name, rule in rules().items():
        assert names_in(rule["expr"]) - {"market_camera_"} <= full_names(), name
        assert rule["labels"]["severity"] in ("warning", "critical"), name
        assert rule["annotations"].keys() == {"summary", "description"}, name


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    shown = board()
    assert shown["schemaVersion"] >= 36
    assert shown["title"]
    assert {one["name"] for one in shown["templating"]["list"]} == {"datasource", "symbol"}
    taken: set[tuple[int, int]] = set()
    for panel in shown["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies over another panel"
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert panel["type"] in ("timeseries", "stat")
        assert panel["targets"]
        assert panel["fieldConfig"]["defaults"]["unit"]
    ids = [panel["id"] for panel in shown["panels"]]
    assert len(ids) == len(set(ids))


def test_every_panel_asks_for_metrics_that_exist(tmp_path: Any) -> None:
    usual = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
    for one in expressions():
        assert names_in(one) <= full_names(), one
        assert names_in(one) or any(name in one for name in usual), one
    recorded = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(expressions())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    said = promtool("check", "rules", str(tmp_path / "panels.yml"))
    assert f"{len(recorded)} rules found" in said
