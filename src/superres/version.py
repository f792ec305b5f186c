"""The version, for who may import nothing that stands higher."""

VERSION = "0.1.0"
