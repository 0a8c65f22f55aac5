"""Sends messages through apprise, and never shows the secrets of a URL: at most its scheme and host."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from coaching_assets.settings import SettingError, Settings

if TYPE_CHECKING:
    from apprise import NotifyBase

Setting = Literal["ALERT_URLS", "ALERT_PAGE_URLS"]
Importance = Literal["info", "success", "warning", "failure"]

NOT_ACCEPTED = frozenset({"WARNING", "ERROR", "CRITICAL"})
"""The log levels at which apprise gives the reason."""

NO_REASON = "The service did not accept the message."

MINIMUM_SECRET_LENGTH = 3
"""A part of a URL that is at least this long may be a secret. Text that contains such a part is not shown."""


@dataclass(frozen=True)
class Recipient:
    """An entry of ALERT_URLS or ALERT_PAGE_URLS. `known_as` identifies it between ticks, without secrets."""

    setting: Setting
    position: int
    address: str
    known_as: str
    service: "NotifyBase"
    private_parts: frozenset[str]

    def __str__(self) -> str:
        return f"{self.setting} entry {self.position} ({self.address})"

    def send(self, title: str, body: str, importance: Importance) -> str | None:
        """Send a message.

        Returns:
            None if the message was accepted, otherwise the reason, in one line without any part of the URL.
        """
        from apprise import Apprise, NotifyFormat

        sender = Apprise()
        sender.add(self.service)
        try:
            result = sender.notify(body=body, title=title, notify_type=importance, body_format=NotifyFormat.TEXT)
        except Exception as error:  # a failing plug-in must not stop the other recipients
            return type(error).__name__
        if result:
            return None
        reasons = [entry.message for entry in result.logs() if entry.level in NOT_ACCEPTED]
        return next(
            (reason for reason in reasons if self._may_be_shown(reason)), "The service did not accept the message."
        )

    def _may_be_shown(self, text: str) -> bool:
        return not any(part in text.lower() for part in self.private_parts)


def recipients(settings: Settings) -> Iterator[Recipient | SettingError]:
    """Parse each entry of ALERT_URLS and ALERT_PAGE_URLS; a wrong entry yields its error."""
    entries: tuple[tuple[Setting, Sequence[SecretStr]], ...] = (
        ("ALERT_URLS", settings.alert_urls),
        ("ALERT_PAGE_URLS", settings.alert_page_urls),
    )
    for setting, urls in entries:
        seen: dict[str, int] = {}
        for position, url in enumerate(urls, 1):
            try:
                yield _recipient(setting, position, url.get_secret_value(), seen)
            except SettingError as error:
                yield error


def _recipient(setting: Setting, position: int, url: str, seen: dict[str, int]) -> Recipient:
    from apprise import Apprise, AppriseAsset
    from apprise.common import OverflowMode

    # apprise logs parts of the URL; `send` returns the safe part of its messages
    logging.getLogger("apprise").propagate = False
    service = Apprise.instantiate(url, asset=AppriseAsset(app_id="Coaching assets", app_desc="Coaching assets"))
    if service is None:
        raise SettingError(
            f"{setting}: entry {position} is not a URL that apprise knows. See https://appriseit.com/services/ for the"
            " formats, and write a comma inside a URL as %2C. The entry is not shown, because it may contain a secret."
        )
    if "overflow=" not in url:
        # otherwise a service with a length limit would reject a long message at every tick
        service.overflow_mode = OverflowMode.TRUNCATE
    scheme = url.partition("://")[0].lower()
    # services with a fixed address have a token in place of the host
    templates: tuple[str, ...] = service.templates
    has_host = all("{host}" in template for template in templates) and bool(service.host)
    address = f"{scheme}://{service.host}" if has_host else f"{scheme}://"
    seen[address] = seen.get(address, 0) + 1
    parts = re.split(r"[^\w.-]+", url.partition("://")[2].lower())
    private = frozenset(
        part for part in parts if len(part) >= MINIMUM_SECRET_LENGTH and part != str(service.host).lower()
    )
    return Recipient(setting, position, address, f"{setting} {address} {seen[address]}", service, private)
