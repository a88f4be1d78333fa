"""Loads the data of data/ into the database, once; no GraphQL here."""

from seed.loading import Summary, seed

__all__ = ["Summary", "seed"]
