"""
The sandbox on a port, and schemathesis at it: it makes requests from the document.

    python tests/contract/under_schemathesis.py --max-examples=50

A failure is a 5xx, an answer otherwise than the document says, or a method that is
taken although the document does not have it. Two gateways are tried: one as by default,
one that decides everything that is open the other way. Every run makes the same
requests, in virtual time, to a gateway that starts empty.
"""

import asyncio
import shutil
import sys
import sysconfig
from decimal import Decimal
from pathlib import Path

from aiooctopush.sandbox import Gateway, GatewaySettings, SandboxServer, VirtualClock


DOCUMENT = Path(__file__).with_name("openapi.yaml")
CHECKS = (
    "not_a_server_error",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
# Nothing is refused for want of credit, which would hide the rest.
CREDIT = Decimal(10**9)
GATEWAYS = {
    "as by default": {},
    "the other way": {
        "strict_unknown_fields": True,
        "figures_as_text": True,
        "misspells_ready": True,
        "pending_as_400": True,
        "duplicate_check": "on_receipt",
        "brackets_mnp": True,
    },
}


async def attack(options, arguments):
    """Run schemathesis against a new gateway; its exit code."""
    gateway = Gateway(GatewaySettings(credit=CREDIT, **options), clock=VirtualClock())
    program = shutil.which("schemathesis", path=sysconfig.get_path("scripts"))
    async with SandboxServer(gateway=gateway) as server:
        process = await asyncio.create_subprocess_exec(
            *(program, "run", DOCUMENT, "--url", server.url),
            *("--header", "api-login: me@example.org", "--header", "api-key: key"),
            *("--checks", ",".join(CHECKS), "--request-timeout", "10"),
            *("--phases", "examples,coverage,fuzzing"),
            # How many of the requests are accepted is not what is asked here.
            *("--generation-deterministic", "--warnings", "off", "--no-color"),
            *arguments,
        )
        return await process.wait()


async def main():
    """Attack each of the gateways; fail if one of them did."""
    failed = False
    for name, options in GATEWAYS.items():
        print(f"---- a gateway {name}", flush=True)  # noqa: T201 - a script
        failed |= await attack(options, sys.argv[1:]) != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
