"""Holders of rights, the ways in which rights end, and how the holders use the entry points."""
