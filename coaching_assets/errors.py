"""The base class of every error whose message is written for the user, and the error of settings."""


class CoachingError(Exception):
    """An error that a person can act on.

    The message is complete: what happened, which setting, table or row, and what to do next. The command line prints
    it without a stack trace and ends with exit status 1.
    """


class SettingError(CoachingError):
    """A setting is missing or wrong; the message names it and the remedy."""
