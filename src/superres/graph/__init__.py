"""A network as plain data, and what can be known of it without running it."""
