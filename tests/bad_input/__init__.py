"""Wrong and hostile queries: a clear error or a bound, never a hang or a crash."""
