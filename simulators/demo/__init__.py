"""One order, played end to end, with a transcript."""
