"""The GraphQL schema: a folder per domain, `root/` for the query, mutation and subscription."""
