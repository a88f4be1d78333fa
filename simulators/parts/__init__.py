"""API clients of the roles in an order: customer, picker, rider, agent."""
