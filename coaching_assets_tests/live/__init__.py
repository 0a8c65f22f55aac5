"""The suite for your own Google Cloud project: `make test-live`. Against the emulator, it is a slow test."""
