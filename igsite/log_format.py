"""Log lines as text, or as JSON with one object a line: IG_LOG_FORMAT, IG_LOG_FILE."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from runtime.log_context import ids

#: Control characters as escapes: a line of the log is never more than one because of what somebody sent.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), 127)} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
}


class TextLines(logging.Formatter):
    """`time LEVEL logger: message (request_id=…)`; a traceback follows on lines of its own."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the standard library's name)
        record.message = record.message.translate(_ESCAPES)
        told = ", ".join(f"{name}={value}" for name, value in ids().items())
        return super().formatMessage(record) + (f" ({told})" if told else "")


class JsonLines(logging.Formatter):
    """Objects with `time` (ISO 8601, UTC), `level`, `logger`, `message`, `pid`, the ids there are, and `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
            **ids(),
        }
        if record.exc_info or record.exc_text:
            line["exception"] = record.exc_text or self.formatException(record.exc_info)  # type: ignore[arg-type]
        if record.stack_info:
            line["stack"] = record.stack_info
        return _json(line)


def _json(line: dict[str, Any]) -> str:
    try:
        return orjson.dumps(line).decode()
    except orjson.JSONEncodeError:  # lone surrogates, as file names have them
        return orjson.dumps({name: _clean(value) for name, value in line.items()}).decode()


def _clean(value: Any) -> Any:
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def logging_settings(log_format: str, log_file: Path | None) -> dict[str, Any]:
    """Django's LOGGING: every process writes the same lines, to standard error or to the end of a file.

    The file is opened anew once its name belongs to another one, or to none, as after a rotation.
    """
    made = {"()": f"igsite.log_format.{'JsonLines' if log_format == 'json' else 'TextLines'}"}
    to: dict[str, Any] = {"class": "logging.StreamHandler"}
    if log_file is not None:
        to = {"class": "logging.handlers.WatchedFileHandler", "filename": str(log_file), "encoding": "utf-8"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": made},
        "filters": {
            "few_refusals": {"()": "igsite.log_limits.FewLines"},
            "few_outages": {"()": "igsite.log_limits.FewLines"},
            "few_unavailable": {"()": "igsite.log_limits.FewUnavailable"},
            "few_left_behind": {"()": "igsite.log_limits.FewLeftBehind"},
            "one_line_a_minute": {"()": "igsite.broker.OneLineAMinute"},
            "one_line_of_celery": {"()": "igsite.broker.OneLineOfCelery"},
        },
        "handlers": {
            "console": {**to, "formatter": "lines", "filters": ["one_line_of_celery"]},
            "refusals": {**to, "formatter": "lines", "filters": ["few_refusals"]},
            "outages": {**to, "formatter": "lines", "filters": ["few_outages"]},
        },
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            # A refused request is the client's affair; the answer says what was wrong.
            "django.request": {"level": "ERROR", "filters": ["few_unavailable"]},
            "django.security": {"handlers": ["refusals"], "propagate": False},
            "runtime.http_errors.outages": {"handlers": ["outages"], "propagate": False},
            "django.channels.server": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
            "daphne.server": {"filters": ["few_left_behind"]},
            "channels_redis.pubsub": {"filters": ["one_line_a_minute"]},
        },
    }
