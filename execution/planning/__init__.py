"""Compiles an operation into an execution plan."""
