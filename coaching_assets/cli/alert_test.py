"""`coaching alert-test`: one message to everybody who is to be alerted, and whether each accepted it."""

from rich.console import Console

from coaching_assets.alerts.send import recipients
from coaching_assets.settings import SettingError, Settings

TITLE = "A test of the coaching assets' alerts"
TEXT = "Somebody ran `coaching alert-test`. Nothing is wrong, and there is nothing to do."


def send_test(console: Console, settings: Settings) -> bool:
    """Send the message, and print a line an entry of the settings: by scheme and host, never by its secrets.

    Returns:
        Whether all of them accepted it.

    Raises:
        SettingError: nobody is to be alerted.
    """
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
