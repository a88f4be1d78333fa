"""A mail server on loopback: what is sent is kept in a mailbox that people and programs read."""
