"""API entity of a link preview card."""

from __future__ import annotations

from microblog.model.cards import Card
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.definition import Definition, always, key, many
from microblog.render.api.schemas import COUNT, MOMENT, TEXT, URL, nullable, one_of
from microblog.render.api.site import SiteUrls, moment_or_null

AUTHOR = Definition[Card, SiteUrls](
    "",
    {
        "name": key(TEXT, lambda card, _: card.author_name),
        "url": key(TEXT, lambda card, _: card.author_url),
        "account": always(nullable(ACCOUNT), None),
    },
)
CARD = Definition[Card, SiteUrls](
    "PreviewCard",
    {
        "url": key(URL, lambda card, _: card.url),
        "title": key(TEXT, lambda card, _: card.title),
        "description": key(TEXT, lambda card, _: card.description),
        "language": key(nullable(TEXT), lambda card, _: card.language),
        "type": always(one_of("link", "photo", "video", "rich"), "link"),
        "author_name": key(TEXT, lambda card, _: card.author_name),
        "author_url": key(TEXT, lambda card, _: card.author_url),
        "provider_name": key(TEXT, lambda card, _: card.provider_name),
        "provider_url": key(TEXT, lambda card, _: card.provider_url),
        "html": always(TEXT, ""),
        "width": key(COUNT, lambda card, _: card.width),
        "height": key(COUNT, lambda card, _: card.height),
        "image": key(nullable(URL), lambda card, site: site.absolute_or_null(card.image)),
        "image_description": key(TEXT, lambda card, _: card.image_description),
        "embed_url": always(TEXT, ""),
        "blurhash": key(nullable(TEXT), lambda card, _: card.blurhash),
        "published_at": key(nullable(MOMENT), lambda card, _: moment_or_null(card.published_at)),
        "authors": many(AUTHOR, lambda card, _: [card] if card.author_name else []),
    },
)
"""PreviewCard, https://docs.joinmastodon.org/entities/PreviewCard/. `type` is always link: HTML to embed is not supported."""
