"""What a run happens in: packages, interpreter, system, hardware, and which machine it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._describing import Environment, describe_environment
    from ._host import describe_host
    from ._interpreters import find_interpreter

__all__ = ["Environment", "describe_environment", "describe_host", "find_interpreter"]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Environment": "._describing",
        "describe_environment": "._describing",
        "describe_host": "._host",
        "find_interpreter": "._interpreters",
    },
)
