"""Delivery of committed events to connected clients: event log, broadcaster, subscriptions and delivery rules."""
