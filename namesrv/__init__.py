"""A RocketMQ NameServer in Python.

The names in `__all__` are public: CHANGELOG.md says what is promised about them.
"""

__all__ = ("__version__",)

__version__ = "0.1.0"
