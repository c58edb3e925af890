"""From committed events to connected connections: topics, hub, subscribers, feed."""
