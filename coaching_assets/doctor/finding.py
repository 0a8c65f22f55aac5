"""The result of one check."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """The result of one check. A sync works despite warnings."""

    state: State
    message: str
    remedy: str = ""
