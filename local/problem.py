"""The one error of this room: a sentence for a person."""


class Problem(Exception):
    """Says in one sentence what is wrong with this machine and what to do about it."""
