"""How runs log: in full for Dagster, tersely for someone at a terminal."""

import logging
import sys

from dagster import InitLoggerContext, logger

STYLES = {logging.WARNING: "\033[33m", logging.ERROR: "\033[31m", logging.CRITICAL: "\033[31m"}


class TerminalHandler(logging.Handler):
    """Prints what the steps say, a line each, without Dagster's own events."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        meta = getattr(record, "dagster_meta", None) or {}
        if meta.get("dagster_event") is not None:
            return
        line = str(meta.get("orig_message", record.getMessage()))
        style = STYLES.get(record.levelno)
        print(f"{style}{line}\033[0m" if style and sys.stdout.isatty() else line, flush=True)


@logger(config_schema={}, description="What the steps say, tersely.")
def terminal_logger(context: InitLoggerContext) -> logging.Logger:
    """A logger that prints to the terminal."""
    terminal = logging.Logger("coaching_terminal", logging.INFO)
    terminal.addHandler(TerminalHandler())
    return terminal
