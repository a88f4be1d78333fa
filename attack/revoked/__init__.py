"""Holders of rights, the ways in which their rights end, and how they use the doors meanwhile."""
