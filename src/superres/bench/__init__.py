"""Measuring: protocols, suites, statistics and reports."""
