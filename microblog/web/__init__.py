"""The HTTP layer: routes declare what they need, call a domain service and build the response. No SQL, no business rules."""
