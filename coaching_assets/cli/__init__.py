"""What the `coaching` command does, a module a command."""
