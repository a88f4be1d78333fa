"""One module for each class of attacks: a function `attack`, and what it needs."""
