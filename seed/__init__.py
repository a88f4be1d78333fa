"""Loads the data of data/ into the database, once; no GraphQL here."""
