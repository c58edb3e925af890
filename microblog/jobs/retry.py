"""Retry policies of failed jobs. Pure: the random number is an argument."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, gt


@frozen
class RetryPolicy:
    """Maximum number of tries, time limit of one try, and pauses between tries, in seconds.

    The first pause is about `first_pause`; each further one doubles, up to `max_pause`. Each pause varies by 25 % in both directions, so
    that jobs that failed together are not retried together. With the defaults a job is dead after 12 tries in about 4 hours.
    """

    tries: int = field(default=12, validator=ge(1))
    first_pause: float = field(default=5.0, validator=gt(0))
    max_pause: float = field(default=3600.0, validator=gt(0))
    time_limit: float = field(default=300.0, validator=gt(0))

    def pause(self, tries: int, chance: float) -> float | None:
        """Return the pause after this number of tries (1 or more), or None after the last. `chance` is uniform in [0, 1)."""
        if tries >= self.tries:
            return None
        doublings = min(tries - 1, 64)  # beyond that only `max_pause` matters
        return min(self.first_pause * 2.0**doublings, self.max_pause) * (0.75 + chance / 2)
