"""Background work without GraphQL. `table.JOBS` says what is done and how often."""
