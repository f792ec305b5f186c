"""Parts with two users or more."""
