"""Executes a plan: resolves fields, completes values, reports errors."""
