"""Access control: roles, users and API keys.

All calls use HTTP: the corresponding commands of the driver protocol have no effect, or leave rows behind.
"""
