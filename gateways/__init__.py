"""Third parties behind Protocols; provider types never leave this room."""
