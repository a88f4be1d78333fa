"""Audits of stock rows, batches and orders."""
