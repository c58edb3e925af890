"""The HTML site: one module per feature of the pages that people see."""
