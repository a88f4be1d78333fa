"""Compares two commits of our server in one run."""
