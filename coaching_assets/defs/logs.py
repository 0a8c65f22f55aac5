"""Loggers of a run: one line per message for a terminal, one JSON object per line for a log collector."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dagster import DagsterEvent, DagsterEventType, InitLoggerContext, logger

from coaching_assets.defs.failures import explain_failure
from coaching_assets.settings import Settings, usable_settings

STYLES = {logging.WARNING: "\033[33m", logging.ERROR: "\033[31m", logging.CRITICAL: "\033[31m"}

RUN_ENDS = frozenset({DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED})
"""Dagster's own events that the JSON log prints, besides the failure of a step."""


class TerminalHandler(logging.Handler):
    """Prints the messages of the steps, without Dagster's own events."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        meta = getattr(record, "dagster_meta", None) or {}
        if meta.get("dagster_event") is not None:
            return
        line = str(meta.get("orig_message", record.getMessage()))
        style = STYLES.get(record.levelno)
        print(f"{style}{line}\033[0m" if style and sys.stdout.isatty() else line, flush=True)


class JsonLineHandler(logging.Handler):
    """Prints one JSON object per line: messages of the steps, failures, and the end of the run."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        meta: Mapping[str, Any] = getattr(record, "dagster_meta", None) or {}
        event: DagsterEvent | None = meta.get("dagster_event")
        if event is None and record.levelno < logging.INFO:
            return
        if event is not None and not event.is_step_failure and event.event_type not in RUN_ENDS:
            return
        message = meta.get("orig_message", record.getMessage())
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": logging.getLevelName(max(record.levelno, logging.INFO)).lower(),
            "message": explain_failure(event) if event is not None and event.is_failure else message,
            "run_id": meta.get("run_id"),
            "job": meta.get("job_name"),
            "step": meta.get("step_key"),
            "table": getattr(record, "table", None),
            **getattr(record, "figures", {}),
        }
        print(json.dumps({name: value for name, value in line.items() if value is not None}, default=str), flush=True)


@logger(
    config_schema={}, description="The messages of the steps, as text or (LOG_FORMAT=json) as one JSON object per line."
)
def terminal_logger(context: InitLoggerContext) -> logging.Logger:
    """A logger that prints to the terminal."""
    as_json = usable_settings()[0].log_format == "json"
    # Dagster logs the end of a successful run at level DEBUG
    terminal = logging.Logger("coaching_terminal", logging.DEBUG if as_json else logging.INFO)
    terminal.addHandler(JsonLineHandler() if as_json else TerminalHandler())
    return terminal


def run_logging(settings: Settings) -> Mapping[str, Any] | None:
    """The run configuration for LOG_FORMAT; None: Dagster's default."""
    return {"loggers": {"terminal": {}}} if settings.log_format == "json" else None
