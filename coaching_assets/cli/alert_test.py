"""`coaching alert-test`: send a test message to every recipient."""

from typing import TYPE_CHECKING

import typer

from coaching_assets.cli.terminal import Verbose, console, report_errors

if TYPE_CHECKING:
    from coaching_assets.settings import Settings

TITLE = "Test alert from coaching assets"
TEXT = "Somebody ran `coaching alert-test`. Nothing is wrong and there is nothing to do."


def alert_test(verbose: Verbose = False) -> None:
    """Send a test message to every alert recipient.

    Exits with 1 if any of them did not accept it.
    """
    from coaching_assets.settings import load_settings

    with report_errors(verbose):
        raise typer.Exit(0 if send_test(load_settings()) else 1)


def send_test(settings: "Settings") -> bool:
    """Send the message and print one line per recipient, without the secrets of its URL.

    Returns:
        Whether every recipient accepted the message.

    Raises:
        SettingError: no recipient is configured.
    """
    from coaching_assets.alerts.send import recipients
    from coaching_assets.settings import SettingError

    accepted = True
    entries = list(recipients(settings))
    if not entries:
        raise SettingError("ALERT_URLS is not set. Set it to one or more of apprise's URLs, comma-separated.")
    for recipient in entries:
        if isinstance(recipient, SettingError):
            reason: str | None = str(recipient)
            line = reason
        else:
            reason = recipient.send(TITLE, TEXT, "info")
            line = f"{recipient}: {reason or 'accepted'}"
        accepted = accepted and reason is None
        style = "red" if reason else "green"
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    return accepted
