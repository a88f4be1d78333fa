"""One file per command, each with `main(arguments, environment) -> exit status`."""
