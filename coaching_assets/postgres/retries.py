"""Retries of what Postgres rejected for a transient reason."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from coaching_assets.postgres.errors import error_rule_for, is_transient
from coaching_assets.settings import Settings

Result = TypeVar("Result")

LONGEST_PAUSE = 30.0
"""Longest pause between two attempts, in seconds."""


def retried(
    settings: Settings,
    action: Callable[[], Result],
    notify: Callable[[str], object] | None = None,
    when: Callable[[BaseException], bool] = is_transient,
) -> Result:
    """Run an action, and repeat it after a pause if it fails for a transient reason.

    Args:
        settings: the number of retries and the first pause; each pause is twice the one before, with jitter.
        action: must be safe to repeat from its beginning.
        notify: is called with a sentence before each pause.
        when: the errors after which the action is repeated.
    """

    def announce(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if notify is not None and error is not None and state.next_action is not None:
            rule = error_rule_for(error)
            reason = rule.texts[0] if rule else type(error).__name__
            notify(f"Postgres: {reason}. Trying again in {state.next_action.sleep:.1f} s.")

    first = settings.postgres_retry_seconds
    return Retrying(
        stop=stop_after_attempt(settings.postgres_retries + 1),
        wait=wait_exponential_jitter(initial=first, max=LONGEST_PAUSE, jitter=first),
        retry=retry_if_exception(when),
        before_sleep=announce,
        reraise=True,
    )(action)
