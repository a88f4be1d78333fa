"""Background jobs, without GraphQL; `schedule.JOBS` lists them with their intervals."""
