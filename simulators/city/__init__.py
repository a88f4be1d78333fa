"""A city that keeps orders flowing: customers, pickers and riders, seeded."""
