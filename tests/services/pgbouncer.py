"""A PgBouncer of our own in front of a PostgreSQL of our own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from services import postgres
from services.rabbitmq import free_port


HOW_TO_GET_IT = "needs PgBouncer: apt-get install pgbouncer, brew install pgbouncer"


@contextmanager
def pgbouncer(server, *, mode, pool_size=20):
    """
    The address of a bouncer in front of a server, as Debian sets it up.

    Args:
        server: Where it leads to.
        mode: Its ``pool_mode``.
        pool_size: Connections to the server at most.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(HOW_TO_GET_IT)
    folder, port = Path(tempfile.mkdtemp(prefix="octo-pb-")), free_port()
    (folder / "users.txt").write_text(f'"{postgres.USER}" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={server.folder}\n"
        "[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {folder / 'users.txt'}\n"
        f"pool_mode = {mode}\ndefault_pool_size = {pool_size}\n"
    )
    folder.chmod(0o755)
    process = subprocess.Popen(
        [*postgres.as_somebody_else(), program, "-q", folder / "pgbouncer.ini"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not answers(port):
            assert process.poll() is None, "PgBouncer does not start"
            time.sleep(0.02)
        yield f"postgresql://{postgres.USER}@127.0.0.1:{port}/postgres?sslmode=disable"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def answers(port):
    """Whether somebody listens at a port of this machine."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
            return True
    except OSError:
        return False
