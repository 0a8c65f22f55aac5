"""Durations in words."""

from datetime import timedelta


def readable_age(age: timedelta) -> str:
    """The duration in its two largest units, rounded down: `3 days and 4 hours`, `2 hours and 5 minutes`."""
    from humanize import precisedelta

    if age < timedelta(0):
        return "in the future"
    smallest = "hours" if age >= timedelta(days=1) else "minutes" if age >= timedelta(hours=1) else "seconds"
    return precisedelta(age, minimum_unit=smallest, suppress=("months", "years"), format="%d")
