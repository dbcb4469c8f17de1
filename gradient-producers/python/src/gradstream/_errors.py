"""Mistakes of a script, as one sentence for the person who wrote it."""


class ScriptError(Exception):
    """The script hands over something that cannot be trained; the message says what, and what to do."""
