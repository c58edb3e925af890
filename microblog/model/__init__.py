"""Frozen values, enums and NewTypes. No I/O, no clock."""
