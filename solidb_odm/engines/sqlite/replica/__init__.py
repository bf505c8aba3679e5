"""A file that is a replica of a server: its edits are captured, and what arrives is mirrored."""
