"""Events of this run, kept for readers that come later."""
