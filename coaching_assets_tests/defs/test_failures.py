"""Errors as the sentences of failed steps and runs."""

import pytest
from dagster import DagsterInstance, Failure, job, op
from psycopg2 import errors

from coaching_assets.bigquery.errors import TableNotFound
from coaching_assets.defs.failures import as_failure, explain_failure, first_line

SENTENCE = "acme.gongio_ft.call does not exist in BigQuery."


def test_an_error_with_a_sentence_fails_the_step_with_it_and_without_a_retry() -> None:
    with pytest.raises(Failure) as failed, as_failure():
        raise TableNotFound(SENTENCE)
    assert failed.value.description == SENTENCE
    assert not failed.value.allow_retries


def test_an_error_of_postgres_fails_the_step_with_its_remedy() -> None:
    with pytest.raises(Failure) as failed, as_failure():
        raise errors.DiskFull("could not extend file")
    assert "no disk space left" in str(failed.value.description)


def test_other_errors_keep_their_stack_trace() -> None:
    with pytest.raises(KeyError), as_failure():
        raise KeyError("calls")


LINES = {
    "one line": ("It broke.", "It broke."),
    "blank lines before it": ("\n  \n  It broke.\nThere.", "It broke."),
    "300 characters": ("x" * 300, "x" * 300),
    "301 characters": ("x" * 301, "x" * 299 + "…"),
    "nothing": ("", "unknown"),
    "blanks": (" \n ", "unknown"),
}


@pytest.mark.parametrize("case", LINES)
def test_the_first_line(case: str) -> None:
    text, expected = LINES[case]
    assert first_line(text) == expected


def failing(error: Exception) -> list[str]:
    """How the failures of a run whose step raises the error are explained."""

    @op
    def publish_calls() -> None:
        raise error

    @job
    def sync() -> None:
        publish_calls()

    with DagsterInstance.ephemeral() as instance:
        result = sync.execute_in_process(instance=instance, raise_on_error=False)
        return [explain_failure(event) for event in result.all_events if event.is_step_failure]


EXPLAINED = {
    "a failure's description": (Failure(description=SENTENCE), f"publish_calls: {SENTENCE}"),
    "our own error": (TableNotFound(SENTENCE), f"publish_calls: {SENTENCE}"),
    "another error": (KeyError("calls"), "publish_calls: KeyError: 'calls'"),
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_a_failed_step_is_explained_by_its_name_and_a_sentence(case: str) -> None:
    error, expected = EXPLAINED[case]
    assert failing(error) == [expected]
