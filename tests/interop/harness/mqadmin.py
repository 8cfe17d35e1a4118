"""The real mqadmin 5.3.3, many commands in one JVM."""

from pathlib import Path

from harness.conversation import Conversation
from harness.fetch import JAVA_5, Peers
from harness.java import ADMIN_SHELL_MAIN, java_command

COMMAND_SECONDS = 30.0


class Mqadmin(Conversation):
    """`run("topicList", "-n", address)` returns what mqadmin prints, errors too.

    Not safe for two commands at a time: mqadmin keeps its name servers in a
    system property.
    """

    def __init__(self, home: Path, peers: Peers, properties: dict[str, str]) -> None:
        command = java_command(
            peers, JAVA_5, ADMIN_SHELL_MAIN, home, properties=properties
        )
        super().__init__("mqadmin", command, home)

    def run(self, *words: str, endless_seconds: float = COMMAND_SECONDS) -> str:
        """What the command prints; it is interrupted after `endless_seconds`."""
        return self.ask(str(int(endless_seconds * 1000)), *words)
