"""Who may do what, and what follows: rules, one transaction per command."""
