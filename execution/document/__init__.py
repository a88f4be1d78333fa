"""Reads documents: text to a valid, measured operation."""
