"""Loads the data of data/ into the database; idempotent, without GraphQL."""

from seed.loader import SeedSummary, seed

__all__ = ["SeedSummary", "seed"]
