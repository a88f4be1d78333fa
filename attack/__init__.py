"""Attacks a server of its own in production mode: `python -m attack [--short]`.

Each class of attacks is one function in `attack/classes`, which returns figures, each with a bound.
The run starts PostgreSQL, Valkey and a server on loopback, attacks that server alone, is bounded in
count and time, and ends with 1 when a figure falls short. Each class has an
address of this machine, 127.0.0.9 is a bystander who must still be served, and 127.0.0.2 is the
trusted proxy that names other clients.
"""
