"""The public shape of the graph: one file per noun, `root/` for what can be asked."""
