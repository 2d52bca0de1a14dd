"""One chain port, two engines."""
