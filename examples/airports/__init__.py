"""The airports and airline routes of the United States: one program for a file and for a server."""
