"""Streams to connected clients: server-sent events, WebSocket, and the transports below them."""
