"""Cards of links as the API tells them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from microblog.model.cards import Card


def card(card: Card | None, absolute: Callable[[str], str]) -> dict[str, Any] | None:
    """PreviewCard (8.15). Always a link: what other sites send to be embedded is not passed on."""
    if card is None:
        return None
    published = card.published_at
    return {
        "url": card.url,
        "title": card.title,
        "description": card.description,
        "language": card.language,
        "type": "link",
        "author_name": card.author_name,
        "author_url": card.author_url,
        "provider_name": card.provider_name,
        "provider_url": card.provider_url,
        "html": "",
        "width": card.width,
        "height": card.height,
        "image": absolute(card.image) if card.image else None,
        "image_description": card.image_description,
        "embed_url": "",
        "blurhash": card.blurhash,
        "published_at": published and published.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "authors": [{"name": card.author_name, "url": card.author_url, "account": None}] if card.author_name else [],
    }
