"""From committed events to connected readers: topics, hub, subscribers, feed."""
