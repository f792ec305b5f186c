"""Complete descriptions of training runs."""
