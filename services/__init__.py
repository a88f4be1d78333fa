"""The business verbs. They take a session and plain values, raise `Refused`, and never commit."""
