"""The sensor `alerts`: checks for failures every minute, and notifies each recipient once."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    RepositoryDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from coaching_assets.alerts.decide import Message, State, decide
from coaching_assets.alerts.problem import Problem
from coaching_assets.alerts.send import Importance, Recipient, recipients
from coaching_assets.alerts.wording import body, title
from coaching_assets.defs.problems import current_problems
from coaching_assets.defs.resources import SettingsResource
from coaching_assets.settings import SettingError, Settings


def alerts(settings: Settings) -> SensorDefinition:
    """Build the sensor. It is on by default; without ALERT_URLS it skips every tick."""

    @sensor(
        name="alerts",
        minimum_interval_seconds=settings.alert_interval_seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="Sends a message when a check or a job fails, and when it works again.",
    )
    def sense(context: SensorEvaluationContext, settings: SettingsResource) -> SensorResult | SkipReason:
        assert context.repository_def is not None
        origin = context.code_location_origin
        return tick(
            context.instance,
            context.repository_def,
            settings.load_usable(),
            State.read(context.cursor),
            datetime.now(UTC),
            context.log,
            origin.location_name if origin else None,
        )

    return sense


def tick(
    instance: DagsterInstance,
    repository: RepositoryDefinition,
    settings: Settings,
    state: State,
    now: datetime,
    log: logging.Logger,
    location: str | None = None,
) -> SensorResult | SkipReason:
    """Check once for failures, and send the resulting messages.

    A message that is not accepted is logged and stays pending: the state of its recipient does not advance.
    """
    if not settings.alert_urls and not settings.alert_page_urls:
        return SkipReason("ALERT_URLS is not set, so no alerts are sent. Set it to apprise's URLs, comma-separated.")
    problems = state.observe(current_problems(instance, repository, location))
    new_state, wrong, accepted, unsent = {}, [], 0, 0
    for recipient in recipients(settings):
        if isinstance(recipient, SettingError):
            log.error(str(recipient))
            wrong.append(str(recipient))
            continue
        sent = new_state[recipient.known_as] = dict(state.sent.get(recipient.known_as, {}))
        pending = _pending(recipient, problems, state, settings, now)
        for done, message in enumerate(pending):
            if failure := _send(recipient, message, settings, now):
                log.error(f"{recipient} did not get {title(message)!r}: {failure} The next tick sends it again.")
                unsent += len(pending) - done
                break
            message.record(sent, now)
            accepted += 1
    state.sent = new_state
    summary = f"{len(problems)} problems, {accepted} messages sent, {unsent} to send again."
    return SensorResult(skip_reason=" ".join([summary, *wrong]), cursor=state.write())


def _pending(
    recipient: Recipient, problems: Sequence[Problem], state: State, settings: Settings, now: datetime
) -> list[Message]:
    sent = state.sent.get(recipient.known_as, {})
    if recipient.setting == "ALERT_PAGE_URLS":
        return decide([problem for problem in problems if problem.kind == "page"], sent, now)
    others = [problem for problem in problems if problem.kind != "page"]
    return decide(others, sent, now, least=settings.alert_level, repeat_after=settings.alert_repeat)


def _send(recipient: Recipient, message: Message, settings: Settings, now: datetime) -> str | None:
    importance: Importance = "warning" if message.level == "warning" else "failure"
    if message.change == "recovered":
        importance = "success"
    text = body(message, now, settings.dagster_ui_url)
    return recipient.send(title(message), text, importance)
