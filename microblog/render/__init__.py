"""Values to bytes, pure: API JSON, HTML, mails and charts are encoded here, once."""
