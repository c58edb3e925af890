"""The metrics of this process for Prometheus: one module for each part of the site, and the collector that puts them together."""
