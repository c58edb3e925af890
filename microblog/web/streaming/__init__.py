"""Streams to connected clients: server-sent events and WebSocket, and how they are sent."""
