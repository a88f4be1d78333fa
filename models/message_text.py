"""Numbers, durations and constants as messages write them: all messages to people are in English.

Amounts of money are written by `models.money.amount_text`.
"""

SECONDS_OF_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60))


def number_text(number: float) -> str:
    """A number with separators of thousands, such as `1,000,000` or `0.25`."""
    return f"{number:,}" if isinstance(number, int) else f"{number:,.10g}"


def count_text(count: float, noun: str, plural: str = "") -> str:
    """A number of things, such as `1 try` or `1,000 units`; `plural` is the noun with an s."""
    return f"{number_text(count)} {noun if count == 1 else plural or f'{noun}s'}"


def duration_text(seconds: float) -> str:
    """A duration in the units that people use, such as `8 minutes` or `1 hour 30 minutes`."""
    parts, left = [], seconds
    for noun, length in SECONDS_OF_UNITS:
        count, left = int(left // length), left % length
        if count:
            parts.append(count_text(count, noun))
    if left or not parts:
        parts.append(count_text(left, "second"))
    return " ".join(parts)


def words_text(constant: str) -> str:
    """A constant of the graph as words in a sentence: `en route to store`."""
    return str(constant).replace("_", " ").lower()


def action_text(constant: str) -> str:
    """An action of the graph as the label of its button: `"Arrive at store"`."""
    return f'"{words_text(constant).capitalize()}"'
