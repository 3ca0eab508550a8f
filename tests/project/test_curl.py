"""The gateway's pages show curl: the same commands work against the served sandbox."""

import asyncio
import json
import shutil

import pytest

from aiooctopush.sandbox import Gateway, SandboxServer


pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None, reason="needs curl: apt-get install curl"
)

HEADERS = (
    *("--header", "Content-Type: application/json"),
    *("--header", "api-key: ***"),
    *("--header", "api-login: ***"),
    *("--header", "cache-control: no-cache"),
)
DIRECT = {
    "recipients": [
        {
            "phone_number": "+33639980001",
            "first_name": "Alicia",
            "last_name": "Dupont",
            "param1": "Mrs",
            "param2": "",
            "param3": "",
        },
        {"phone_number": "+33639980002"},
    ],
    "text": "Your parcel has arrived. STOP au XXXXX",
    "type": "sms_premium",
    "purpose": "alert",
    "sender": "AnySender",
    # Long past in the pages' own sample: the gateway then sends at once.
    "send_at": "2018-10-03T07:42:39-07:00",
}
CAMPAIGN = {
    "text": "Sale until Sunday. STOP au XXXXX",
    "type": "sms_premium",
    "purpose": "wholesale",
    "sender": "AnySender",
}


@pytest.fixture
async def server():
    """A served sandbox that knows a list and a tag."""
    gateway = Gateway()
    gateway.lists["my_list"] = ["+33639980001"]
    gateway.tags["my_tag"] = ["+33639980002"]
    async with SandboxServer(gateway=gateway) as server:
        yield server


async def curl(server, method, path, body=None):
    """Run curl as the pages print it, with another host; status and JSON body."""
    data = () if body is None else ("--data", json.dumps(body))
    process = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--write-out", "\n%{http_code}", "--request", method),
        *("--url", f"{server.url}/v1/public/{path}", *HEADERS, *data),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    text, _, status = printed.decode().rpartition("\n")
    return int(status), json.loads(text) if text else None


async def test_a_direct_send(server):
    """Operation 1, with the sample's fields."""
    status, sent = await curl(server, "POST", "sms-campaign/send", DIRECT)

    assert status == 201
    assert sent["sms_ticket"].startswith("sms_")
    assert sent["number_of_contacts"] == 2
    assert set(sent) >= {"sms_ticket", "number_of_contacts", "total_cost"}
    assert server.gateway.sent_log.times("+33639980001") == 1


async def test_a_scheduled_send_is_cancelled(server):
    """Operation 3: DELETE with a JSON body."""
    later = {**DIRECT, "send_at": "2099-10-03T07:42:39-07:00"}
    _, sent = await curl(server, "POST", "sms-campaign/send", later)

    status, body = await curl(
        server,
        "DELETE",
        "sms-campaign/cancel",
        {"ticket_number": sent["sms_ticket"]},
    )

    assert (status, body) == (204, None)
    assert server.gateway.sent_log.times("+33639980001") == 0


@pytest.mark.parametrize(
    ("on", "who"),
    [("list", {"list_name": "my_list"}), ("tag", {"tag_name": "my_tag"})],
)
async def test_a_campaign_from_creation_to_confirmation(server, on, who):
    """Operations 4 to 8: create, status, draft, confirm."""
    status, created = await curl(
        server, "POST", f"sms-campaign-on-{on}/create", {**CAMPAIGN, **who}
    )
    ticket = created["ticket_number"]
    assert status == 201

    query = f"sms-campaign-on-list/status?ticket_number={ticket}"
    seen = [(await curl(server, "GET", query)) for _ in range(2)]
    status, draft = await curl(server, "GET", "sms-campaign/draft")
    assert (status, draft["ticket_number"], draft["code"]) == (200, ticket, 0)
    status, confirmed = await curl(
        server, "POST", f"sms-campaign-on-{on}/send", {"ticket_number": ticket}
    )

    assert seen[-1][1]["status"] == "ready_to_be_sent"
    assert set(seen[-1][1]) == {"number_of_contacts", "cost", "status"}
    assert (status, list(confirmed)) == (200, ["sending_date"])
    assert len(server.gateway.sent_log) == 1


async def test_a_campaign_is_dropped(server):
    """Operation 9, for a list."""
    _, created = await curl(
        server,
        "POST",
        "sms-campaign-on-list/create",
        {**CAMPAIGN, "list_name": "my_list"},
    )

    status, _ = await curl(
        server,
        "DELETE",
        "sms-campaign-on-list/cancel",
        {"ticket_number": created["ticket_number"]},
    )

    assert status == 204


async def test_a_refusal_has_a_code_and_a_message(server):
    """The documented envelope."""
    status, refused = await curl(
        server, "POST", "sms-campaign/send", {**DIRECT, "sender": "x"}
    )

    assert (status, set(refused)) == (400, {"code", "message"})
