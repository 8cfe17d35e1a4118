"""The console: pages for operators, and the endpoints that only they need."""
