"""Sending by apprise, without ever showing a URL's secrets: a recipient is its scheme, and its host if it has one."""

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
"""The levels at which apprise says why."""

LONG_ENOUGH_TO_TELL = 3
"""A part of a URL that is this long may be a secret, and a text that has it in it is not shown."""


@dataclass(frozen=True)
class Recipient:
    """An entry of one of the settings. `known_as` tells it from the others between ticks."""

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
            None where it was accepted, else why it was not, in a line that holds nothing of the URL.
        """
        from apprise import Apprise, NotifyFormat

        sender = Apprise()
        sender.add(self.service)
        try:
            result = sender.notify(body=body, title=title, notify_type=importance, body_format=NotifyFormat.TEXT)
        except Exception as error:  # whatever a plug-in stumbles over must not keep the others from being told
            return type(error).__name__
        if result:
            return None
        reasons = [entry.message for entry in result.logs() if entry.level in NOT_ACCEPTED]
        return next((reason for reason in reasons if self._may_be_shown(reason)), "It was not accepted.")

    def _may_be_shown(self, text: str) -> bool:
        return not any(part in text.lower() for part in self.private_parts)


def recipients(settings: Settings) -> Iterator[Recipient | SettingError]:
    """Each entry of ALERT_URLS and ALERT_PAGE_URLS: whom to tell, or what is wrong with the entry."""
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

    # what apprise logs may hold parts of the URL; what matters of it is passed on above
    logging.getLogger("apprise").propagate = False
    service = Apprise.instantiate(url, asset=AppriseAsset(app_id="Coaching assets", app_desc="Coaching assets"))
    if service is None:
        raise SettingError(
            f"{setting}: entry {position} is no URL that apprise knows. Correct it as in"
            " https://appriseit.com/services/ (a comma inside a URL is written %2C); its text is not shown here,"
            " since it may hold a secret."
        )
    if "overflow=" not in url:
        # a service that takes short messages only would else refuse a long one at every tick
        service.overflow_mode = OverflowMode.TRUNCATE
    scheme = url.partition("://")[0].lower()
    # what stands at the host's place is a token, where the service is a fixed one
    templates: tuple[str, ...] = service.templates
    has_host = all("{host}" in template for template in templates) and bool(service.host)
    address = f"{scheme}://{service.host}" if has_host else f"{scheme}://"
    seen[address] = seen.get(address, 0) + 1
    parts = re.split(r"[^\w.-]+", url.partition("://")[2].lower())
    private = frozenset(
        part for part in parts if len(part) >= LONG_ENOUGH_TO_TELL and part != str(service.host).lower()
    )
    return Recipient(setting, position, address, f"{setting} {address} {seen[address]}", service, private)
