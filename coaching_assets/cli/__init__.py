"""The `coaching` command: one module per subcommand, with its options and its output.

The engine is imported inside each command's function, so that `coaching --help` and every command load only the
modules that they need.
"""
