"""What a partition a day costs the event log, and what it saves."""
