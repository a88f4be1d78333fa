"""The error of this package."""


class LocalError(Exception):
    """Says in one sentence what is wrong with this machine and what to do about it."""
