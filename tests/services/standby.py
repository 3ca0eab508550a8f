"""Servers that follow a PostgreSQL of ours, and replace it."""

import subprocess
import time

from services.postgres import USER, Server, as_somebody_else


class Primary(Server):
    """A server that another one follows."""

    def follow_nobody(self):
        """Become a server that can only be read, as a primary that was replaced."""
        self.stop()
        signal_file = self.folder / "data" / "standby.signal"
        signal_file.touch()
        self.start()


class Standby(Server):
    """
    A second server that follows a first one, until it is promoted.

    Args:
        primary: The server that it copies, and follows.
    """

    def __init__(self, primary):
        self.primary = primary
        super().__init__(primary.programs)

    def make_data(self):
        """Copy the first server's."""
        subprocess.run(
            [
                *(*as_somebody_else(), self.programs / "pg_basebackup"),
                *("-h", self.primary.folder, "-U", USER, "-D", self.folder / "data"),
                *("-R", "-X", "stream", "-c", "fast", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )

    def promote(self):
        """Make it the one that can be written, with all that the first one has."""
        written = self.primary.do("SELECT pg_current_wal_lsn()::text")[0][0]
        while not self.do(f"SELECT pg_last_wal_replay_lsn() >= '{written}'")[0][0]:
            time.sleep(0.01)
        subprocess.run(
            [
                *(*as_somebody_else(), self.programs / "pg_ctl", "promote", "-w"),
                *("-D", self.folder / "data"),
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )
