"""A failure of a command, as a sentence for the person who runs it."""

import asyncpg
from alembic.util import CommandError


def error_sentence(error: Exception) -> str:
    """Explain a failure, of the database above all."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).strip().split("\n", 1)[0] or type(cause).__name__
    if isinstance(error, OSError | asyncpg.CannotConnectNowError):
        return f"the database can't be reached ({text}): is it up, and is DATABASE_URL right?"
    if isinstance(error, CommandError):
        return f"{text}: the database is of another release than this code."
    return f"{text}."
