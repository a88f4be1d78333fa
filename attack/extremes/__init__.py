"""Extremes of every input type, and the places of an operation where they can be given."""
