"""Ids in the formats of Gong and Salesforce: unique, and the same in every run."""

from typing import Literal

_PRIME = 2**61 - 1
_GONG_FACTORS = {
    "call": 1_152_921_504_606_846_883,
    "speaker": 982_451_653_771_204_411,
    "participant": 715_827_882_912_345_677,
    "user": 1_610_612_741_912_345_671,
    "email": 433_494_437_433_494_437,
    "message": 1_298_074_214_633_706_811,
}
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

SalesforcePrefix = Literal["001", "005", "006", "008", "017"]

WORKSPACES = ("4819025533070110832", "623457276584334100")


def gong_id(kind: str, number: int) -> str:
    """The id of object `number` (from 0) of a kind: 17 to 19 digits."""
    return str(10**16 + (number + 1) * _GONG_FACTORS[kind] % _PRIME)


def salesforce_id(prefix: SalesforcePrefix, number: int) -> str:
    """An id of 18 characters: kind, organization, number in base 62, and a checksum of the letters' case."""
    rest, digits = number + 48_271, ""
    while rest:
        rest, digit = divmod(rest, 62)
        digits = _DIGITS[digit] + digits
    short = f"{prefix}5g0000{digits:0>6}"
    return short + "".join(_case_check(short[start : start + 5]) for start in (0, 5, 10))


def _case_check(part: str) -> str:
    return _ALPHABET[sum(1 << place for place, character in enumerate(part) if character.isupper())]
