"""Contracts that anybody's degradation, metric or network can be held to."""
