"""Things named by ``package.module:Name``: metrics, networks and the exporter."""

import importlib
from typing import Any

from superres.types import BadRequest


def opened(target: str) -> Any:
    """What stands at ``package.module:Name``. BadRequest, saying which part is missing, where nothing does."""
    module, _, name = target.partition(":")
    if not module or not name:
        raise BadRequest(f"{target!r} names nothing; wanted package.module:Name")
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise BadRequest(f"{target}: {module} cannot be imported ({error}); is it on PYTHONPATH?") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise BadRequest(f"{target}: {module} has no {part!r}")
        found = getattr(found, part)
    return found
