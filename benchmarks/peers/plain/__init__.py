"""Plain Strawberry as its manual has it: types, resolvers, DataLoaders, its own application."""
