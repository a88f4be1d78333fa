"""Batch reads, a module per domain, and `loaders`: what one operation has read of them."""
