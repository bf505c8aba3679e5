"""Who can log in, and what they may do: roles, users and API keys.

Over HTTP: the commands of the driver protocol leave rows behind, or do nothing.
"""
