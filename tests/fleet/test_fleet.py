"""Fleets of real processes on a real broker and a real database."""

from fleet.rig import MESSAGE, Rig, numbers


async def test_each_gets_one_message():
    """Workers send what a client submitted, and the client learns of it."""
    with Rig() as rig:
        rig.hire(2)
        async with rig.client() as fleet:
            await fleet.submit("run", MESSAGE, numbers(200), batch_size=10)
            report = await fleet.wait("run", every=0.1)
        times = await rig.times()

    assert report.is_complete
    assert report.accepted == 200
    assert times == dict.fromkeys(numbers(200), 1)
