"""ActivityPub: signatures of requests, documents of other servers, and what is believed of them."""
