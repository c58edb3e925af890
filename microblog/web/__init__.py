"""HTTP: routes that say what they need, call a service and answer. No SQL, no rules."""
