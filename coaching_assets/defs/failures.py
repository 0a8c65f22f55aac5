"""Why a step or a run failed, in a line that people can do something with."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterEvent

LONGEST_LINE = 300


def explain_failure(event: "DagsterEvent") -> str:
    """The sentence of a step's failure, with the step's name; or of a run that failed outside its steps."""
    if not event.is_step_failure:
        error = event.job_failure_data.error if event.is_run_failure else None
        return first_line(error.message if error else event.message or "")
    data = event.step_failure_data
    description = data.user_failure_data.description if data.user_failure_data else None
    error = data.error.cause if data.error and data.error.cause else data.error
    # the message of an error of this project's own is a sentence; which class it is of is of no use to who reads it
    sentence = re.sub(r"^coaching_assets\.[\w.]+: ", "", error.message) if error else ""
    return f"{event.step_key}: {first_line(description or sentence)}"


def first_line(text: str) -> str:
    """The first line of a text, shortened where it is long."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "unknown")
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
