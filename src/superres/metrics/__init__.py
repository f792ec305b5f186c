"""One metric a file; :data:`superres.metrics.names.METRICS` names them all."""
