"""The reason why a step or a run failed, as a sentence for the person who has to act."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dagster import Failure

from coaching_assets.errors import CoachingError
from coaching_assets.postgres import errors as postgres_errors

if TYPE_CHECKING:
    from dagster import DagsterEvent

LONGEST_LINE = 300


@contextmanager
def as_failure() -> Iterator[None]:
    """Fail the step with the sentence of an error that has one; other errors keep their stack trace."""
    try:
        yield
    except Exception as error:
        sentence = str(error) if isinstance(error, CoachingError) else postgres_errors.explain(error)
        if sentence is None:
            raise
        raise Failure(description=sentence, allow_retries=False) from error


def explain_failure(event: "DagsterEvent") -> str:
    """The step's name and its failure's sentence, or the error of a run that failed outside its steps."""
    if not event.is_step_failure:
        error = event.job_failure_data.error if event.is_run_failure else None
        return first_line(error.message if error else event.message or "")
    data = event.step_failure_data
    description = data.user_failure_data.description if data.user_failure_data else None
    error = data.error.cause if data.error and data.error.cause else data.error
    # the message of this project's own errors is a sentence; the name of their class helps nobody
    sentence = re.sub(r"^coaching_assets\.[\w.]+: ", "", error.message) if error else ""
    return f"{event.step_key}: {first_line(description or sentence)}"


def first_line(text: str) -> str:
    """The first line that is not blank, cut to 300 characters."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "unknown")
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
