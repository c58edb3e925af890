"""E-mails: texts in each language, and RFC 5322 messages."""
