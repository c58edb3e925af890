"""Domain values: frozen classes, enums and NewTypes. No I/O, no clock."""
