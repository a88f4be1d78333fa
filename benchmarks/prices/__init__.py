"""What each kind of work takes of the server's CPU for each unit of the rate limits."""
