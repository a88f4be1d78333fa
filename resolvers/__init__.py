"""Thin functions between the graph and the services: arguments in, rows or outcomes out."""
