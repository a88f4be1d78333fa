"""What the limits cost a request that keeps to them, and what they spare us of the others."""
