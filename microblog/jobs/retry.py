"""When a job that failed is tried again. Pure: the random number comes in."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, gt


@frozen
class RetryPolicy:
    """How often a job is tried, how long one try may take, and how the pauses grow. All times in seconds.

    The first pause is about `first`, each further one twice as long, none above `longest`. Every pause is spread by +-25 %, so that jobs
    that failed together do not come back together. With the defaults a job is dead after 12 tries in about 4 hours.
    """

    tries: int = field(default=12, validator=ge(1))
    first: float = field(default=5.0, validator=gt(0))
    longest: float = field(default=3600.0, validator=gt(0))
    limit: float = field(default=300.0, validator=gt(0))

    def pause(self, tries: int, chance: float) -> float | None:
        """How long to wait after so many tries (1 or more), or None when that was the last. `chance` is uniform in [0, 1)."""
        if tries >= self.tries:
            return None
        doublings = min(tries - 1, 64)  # beyond that only `longest` matters
        return min(self.first * 2.0**doublings, self.longest) * (0.75 + chance / 2)
