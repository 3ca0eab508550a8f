"""
A RabbitMQ server of our own: name, ports and data are its own, whatever else runs here.

It is started at its first use in a process, and forgets everything with it.
"""

import asyncio
import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import aio_pika
import pytest


HOW_TO_GET_IT = (
    "needs RabbitMQ: apt-get install rabbitmq-server, brew install rabbitmq, or put "
    "rabbitmq-server and epmd on the PATH"
)
# Debian's /usr/sbin/rabbitmq-server is another one, for root and the system's own.
OF_DEBIAN = "/usr/lib/rabbitmq/bin"
USER, PASSWORD = "tests", "tests"
VHOSTS = ("one", "two")
QUEUE = "taskiq"

# Schedulers that wait busily take what the rest of a small machine needs.
ERLANG = "+sbwt none +sbwtdcpu none +sbwtdio none"
# Three seconds, or minutes where everything else takes the processor.
STARTS_WITHIN = 240.0


def program(name):
    """Where a program is; None if it is not there."""
    return shutil.which(name, path=os.pathsep.join([OF_DEBIAN, os.environ["PATH"]]))


def free_port():
    """A port that nobody uses now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return listening.getsockname()[1]


def definitions():
    """Who may use what: one user, and all virtual hosts."""
    salt = b"salt"
    digest = hashlib.sha256(salt + PASSWORD.encode()).digest()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [
            {
                "name": USER,
                "password_hash": base64.b64encode(salt + digest).decode(),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",
            }
        ],
        "vhosts": [{"name": name} for name in VHOSTS],
        "permissions": [{"user": USER, "vhost": name, **everything} for name in VHOSTS],
    }


class Server:
    """
    One server, and a thread with a loop that does what must not wait for a test's.

    Attributes:
        folder: Of all its data.
        port: Where it listens on 127.0.0.1.
    """

    def __init__(self, server, epmd):
        self.program = server
        self.folder = Path(tempfile.mkdtemp(prefix="octo-mq-"))
        self.port = free_port()
        self.epmd_port = free_port()
        self.environment = self.settled()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        # In the foreground: the one that Erlang starts would outlive us.
        self.epmd = subprocess.Popen(
            [epmd, "-port", str(self.epmd_port), "-address", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.process = None
        with ExitStack() as if_it_does_not:
            if_it_does_not.callback(self.remove)
            self.start()
            if_it_does_not.pop_all()

    def settled(self):
        """Write its settings down; gives the environment that it is started in."""
        folder = self.folder
        (folder / "definitions.json").write_text(json.dumps(definitions()))
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "conf_env").touch()
        (folder / "rabbitmq.conf").write_text(
            f"load_definitions = {folder / 'definitions.json'}\n"
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            # Some full disk of somebody must not stop us.
            "disk_free_limit.absolute = 1MB\n"
        )
        ours = {
            "HOME": folder,  # of the cookie
            "ERL_EPMD_PORT": self.epmd_port,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"octo-{self.port}@localhost",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": free_port(),
            "RABBITMQ_BASE": folder,
            "RABBITMQ_MNESIA_BASE": folder / "data",
            "RABBITMQ_LOG_BASE": folder / "logs",
            "RABBITMQ_PID_FILE": folder / "pid",
            "RABBITMQ_CONF_ENV_FILE": folder / "conf_env",
            "RABBITMQ_CONFIG_FILE": folder / "rabbitmq",
            "RABBITMQ_GENERATED_CONFIG_DIR": folder / "generated",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
            # So the shell becomes Erlang, and our signals reach it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
        theirs = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RABBITMQ_", "ERL_"))
        }
        return theirs | {name: str(value) for name, value in ours.items()}

    def start(self):
        """Start it on what it knows already, and wait until it answers."""
        self.process = subprocess.Popen(
            [self.program],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        late = time.monotonic() + STARTS_WITHIN
        while not self.answers():
            assert self.process.poll() is None, "RabbitMQ does not start"
            assert time.monotonic() < late, "RabbitMQ takes too long to start"
            time.sleep(0.1)

    def answers(self):
        """Whether all of its virtual hosts can be used."""
        try:
            # Asked by its own, the client would log that nobody is there.
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            for vhost in VHOSTS:
                self.wait_for(self.with_channel(vhost, declared_nothing))
        except (OSError, aio_pika.exceptions.AMQPError):
            return False
        return True

    def stop(self):
        """Have it shut down in good order."""
        self.process.terminate()
        self.process.wait()

    def kill(self):
        """Kill it, as a crash would."""
        self.process.kill()
        self.process.wait()

    def alarm(self, *, rings):
        """Have the alarm of its memory block whoever publishes, or be over."""
        share = "0.00001" if rings else "0.6"
        subprocess.run(
            [
                *(program("rabbitmqctl"), "-n", self.environment["RABBITMQ_NODENAME"]),
                *("set_vm_memory_high_watermark", share),
            ],
            env=self.environment,
            cwd=self.folder,
            check=True,
            capture_output=True,
            timeout=STARTS_WITHIN,
        )

    def remove(self):
        """Stop it for good, and leave nothing behind."""
        self.kill()
        self.epmd.kill()
        self.epmd.wait()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        # What Erlang's helpers still write a moment later must not matter.
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, vhost=VHOSTS[0]):
        """How a virtual host is reached."""
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{vhost}"

    def wait_for(self, call):
        """Wait for a coroutine, in a loop that is not the caller's."""
        return asyncio.run_coroutine_threadsafe(call, self.loop).result()

    async def with_channel(self, vhost, use):
        """What somebody makes of a channel that is closed after it."""
        connection = await aio_pika.connect(self.url(vhost), timeout=5)
        async with connection:
            return await use(await connection.channel())

    def ready(self, vhost=VHOSTS[0]):
        """How many messages wait in the queue of taskiq."""

        async def use(channel):
            queue = await channel.declare_queue(QUEUE, passive=True)
            return queue.declaration_result.message_count

        return self.wait_for(self.with_channel(vhost, use))

    def message_bytes(self, vhost=VHOSTS[0]):
        """How large the next message is; it stays where it is."""

        async def use(channel):
            queue = await channel.get_queue(QUEUE)
            message = await queue.get()
            properties = message.properties.marshal()
            await message.nack()
            return {"body": len(message.body), "properties": len(properties)}

        return self.wait_for(self.with_channel(vhost, use))

    def purge(self, vhost=VHOSTS[0]):
        """Lose all messages that wait; gives their number."""

        async def use(channel):
            queue = await channel.declare_queue(QUEUE, passive=True)
            return (await queue.purge()).message_count

        return self.wait_for(self.with_channel(vhost, use))

    def forget(self):
        """Delete the queue of taskiq everywhere, so that the next test finds none."""

        async def use(channel):
            await channel.queue_delete(QUEUE)

        for vhost in VHOSTS:
            with suppress(aio_pika.exceptions.AMQPError):
                self.wait_for(self.with_channel(vhost, use))


async def declared_nothing(channel):
    """Ask for nothing: that the channel is there says enough."""


class Running:
    """The one of this process, once somebody has needed it."""

    server = None


def server():
    """The server of this process; the test is skipped where there can be none."""
    if Running.server is None:
        programs = program("rabbitmq-server"), program("epmd")
        if None in programs:
            pytest.skip(HOW_TO_GET_IT)
        Running.server = Server(*programs)
    return Running.server


def remove():
    """Leave nothing behind; for the end of the session."""
    if Running.server is not None:
        Running.server.remove()
        Running.server = None
