"""The last events over HTTP, and the routes of a moment that they lead back to."""
