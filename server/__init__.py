"""The composition root: settings, the ASGI application, the command line."""
