"""The parts that people play in an order: customer, picker, rider, agent; as their apps would."""
