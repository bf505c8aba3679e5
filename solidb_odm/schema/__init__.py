"""What models declare, compared with what a database has, and created there."""
