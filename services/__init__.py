"""Business rules: commands and reads within the caller's transaction; they never commit."""
