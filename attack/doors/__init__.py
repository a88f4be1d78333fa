"""The doors to rows: documents of every root field, node, nested path, mutation and stream."""
