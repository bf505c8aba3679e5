"""What sessions do, as operations: written once for ``Session`` and ``AsyncSession``."""
