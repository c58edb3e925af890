"""API entities of read markers."""

from __future__ import annotations

from collections.abc import Iterable

from microblog.model.markers import TIMELINES, Marker
from microblog.render.api.definition import Definition, Entity, key
from microblog.render.api.schemas import COUNT, ID, MOMENT, entity
from microblog.render.api.site import moment

MARKER = Definition[Marker, None](
    "Marker",
    {
        "last_read_id": key(ID, lambda marker, _: str(marker.last_read_id)),
        "version": key(COUNT, lambda marker, _: marker.version),
        "updated_at": key(MOMENT, lambda marker, _: moment(marker.updated_at)),
    },
)
MARKERS = entity("Markers", dict.fromkeys(TIMELINES, MARKER), TIMELINES)


def markers_entity(markers: Iterable[Marker]) -> Entity:
    """Return the Marker entities by timeline."""
    return {marker.timeline: MARKER(marker, None) for marker in markers}
