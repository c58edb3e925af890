"""Business rules: permissions, validation and side effects. Each command runs in one transaction."""
