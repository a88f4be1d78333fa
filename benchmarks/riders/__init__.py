"""Ten thousand riders who say where they are, and stores that look for the nearest of them."""
