"""Tickets: a customer and support speak about one order, and money goes back where it is due."""
