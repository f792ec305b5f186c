"""The package's own convolutions, in C."""
