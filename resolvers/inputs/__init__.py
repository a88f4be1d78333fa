"""What mutations take: input types, decoded by the services."""
