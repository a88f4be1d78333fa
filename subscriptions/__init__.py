"""Subscriptions: one async generator per stream, and the hub that they read from."""
