"""What happens to a picture before we see it: a draw of parameters, and the deed."""
