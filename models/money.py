from decimal import Decimal
from typing import NamedTuple

from babel.numbers import format_currency, get_currency_precision


class Money(NamedTuple):
    """An amount in minor units (cents) of an ISO 4217 currency."""

    minor_units: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """The exact amount in major units, with the digits that the currency has."""
        return Decimal(self.minor_units).scaleb(-get_currency_precision(self.currency))

    def formatted(self, locale: str) -> str:
        """The amount as people write it in a locale of Babel, such as `en` or `pt_PT`."""
        return format_currency(self.amount, self.currency, locale=locale)


def amount_text(minor: int, currency: str) -> str:
    """Return an amount (minor units) for a message to people; all such messages are in English."""
    return Money(minor, currency).formatted("en")
