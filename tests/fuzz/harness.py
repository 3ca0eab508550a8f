"""What has to hold for any bytes at all, and a seeded mutator that makes them."""

from decimal import Decimal
from random import Random

from aiooctopush import Audience, HttpResponse, OctopushError, Outcome
from aiooctopush._responses import decode, read, retry_after
from aiooctopush.api import sms, sms_campaigns


ENDPOINTS = (
    sms.SEND,
    sms_campaigns.ENDPOINTS.draft,
    sms_campaigns.ENDPOINTS.cancel_send,
    sms_campaigns.ENDPOINTS.create_on_list,
    sms_campaigns.ENDPOINTS.status,
    sms_campaigns.ENDPOINTS.confirm[Audience.LIST],
)
STATUSES = (200, 201, 204, 307, 400, 401, 402, 403, 404, 408, 409, 413, 425, 429, 500)

# Answers as the documents print them, and as faults spoil them.
BODIES = (
    b"""{"sms_ticket":"sms_5f3fbce61266e","number_of_contacts":1,"total_cost":0.05,
    "number_of_sms_needed":1,"residual_credit":"42.500"}""",
    b"""{"ticket_number":"sms_5f3","number_of_contacts":2,"number_of_sms_needed":2,
    "residual_credit":1e2,"total_cost":0.1,"status":"validated","message":"","code":0}
    """,
    b'{"ticket_number":"sms_5f3fbce61266e"}',
    b'{"number_of_contacts":"2","cost":"NULL","status":"ready_to_be_send"}',
    b'{"sending_date":"2026-01-05T10:00:00+01:00"}',
    b'{"code":120,"message":"This request_id was already used"}',
    b'{"code":"438","message":"Too fast","data":{"retry":[1,2.5,null,true]}}',
    b"<!doctype html><title>Bad gateway</title>",
    b"",
)
RETRY_AFTERS = (
    "0",
    "2",
    "3600",
    "3601",
    "-1",
    "1.5",
    "Mon, 05 Jan 2026 10:00:30 GMT",
    "Mon, 05-Jan-26 10:00:30 GMT",
    "Mon Jan  5 10:00:30 2026",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
)
DATE = "Mon, 05 Jan 2026 10:00:00 GMT"

NASTY = (
    *(b"NaN", b"Infinity", b"-Infinity", b"null", b"true", b"-0", b"1e400", b"0.0e-99"),
    *(b"1e999999999", b"1e99999999999999999999", b"9" * 31, b"9" * 5_000),
    *(b"[" * 3_000, b'{"a":' * 3_000, b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(
        b'"\\ud800"',
        b"\\u0000",
        b"\x00",
        b"\r\n",
        b"\xc2\xb2",
        b"\xd9\xa3",
        b'"',
        b"{}",
    ),
    *(b"sms_ticket", b"code", b"message", b"status", b"Content-Length: -1", b" " * 99),
)
LONGEST = 20_000


class Mutator:
    """Makes odd bytes of documented ones; the same seed makes the same."""

    def __init__(self, seed):
        self.random = Random(seed)

    def body(self):
        """Bytes of an answer, with some mutations in a row."""
        return self._mutated(self.random.choice(BODIES))

    def header(self):
        """A value of ``Retry-After`` or ``Date``, as text."""
        value = self.random.choice(RETRY_AFTERS).encode()
        return self._mutated(value).decode("utf-8", "replace")

    def _mutated(self, data):
        for _ in range(self.random.choice((0, 1, 1, 2, 3, 8))):
            data = self.random.choice(_MUTATIONS)(self.random, data)[:LONGEST]
        return data


def _flip(random, data):
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _cut(random, data):
    first, last = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
    return data[:first] + data[last:]


def _repeat(random, data):
    first, last = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
    return data[:last] + data[first:last] * random.choice((1, 2, 50)) + data[last:]


def _insert(random, data):
    at = random.randint(0, len(data))
    return data[:at] + random.choice(NASTY) + data[at:]


def _replace(random, data):
    # A value for a value: what is odd, but still JSON.
    start = data.find(b":", random.randint(0, len(data)))
    end = data.find(b",", start)
    if start < 0 or end < 0:
        return data
    return data[: start + 1] + random.choice(NASTY) + data[end:]


def _splice(random, data):
    other = random.choice(BODIES)
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _noise(random, data):
    return data + random.randbytes(random.randrange(20))


_MUTATIONS = (_flip, _flip, _cut, _repeat, _insert, _replace, _replace, _splice, _noise)


# --- laws -----------------------------------------------------------------------------


def check_decode(body):
    """JSON, without a binary float in it, or ValueError."""
    try:
        found = decode(body)
    except ValueError:
        return
    waiting = [found]
    while waiting:
        one = waiting.pop()
        assert not isinstance(one, float), one
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def check_read(body, endpoint, status):
    """A result whose figures are sane, or an error of ours that can be shown."""
    response = HttpResponse(status=status, body=body)
    failure = None
    try:
        answer = read(endpoint, response, {"request_id": "id", "attempts": 2})
    except OctopushError as error:
        failure = error
    if failure is not None:
        assert failure.outcome in {Outcome.REFUSED, Outcome.UNKNOWN}
        assert len(str(failure)) < 1_000
        assert repr(failure)
        return
    assert 200 <= status < 300
    assert type(answer) is endpoint.answer
    assert (answer.outcome, answer.attempts) == (Outcome.ACCEPTED, 2)
    _check_figures(answer)
    assert repr(answer)


def _check_figures(answer):
    for name in ("total_cost", "residual_credit", "cost", "number_of_contacts"):
        figure = getattr(answer, name, None)
        assert figure is None or type(figure) in {int, Decimal}
        assert figure is None or abs(figure) < 10**31


def check_retry_after(value, date):
    """Seconds that we would really wait, or None."""
    seconds = retry_after({"retry-after": value, "date": date})

    assert seconds is None or 0 <= seconds <= 3_600


def execute(runs, seed=0):
    """Check that many times, each law in turn."""
    mutator = Mutator(seed)
    choose = mutator.random.choice
    for run in range(runs):
        match run % 3:
            case 0:
                check_decode(mutator.body())
            case 1:
                check_read(mutator.body(), choose(ENDPOINTS), choose(STATUSES))
            case _:
                date = choose((DATE, mutator.header()))
                check_retry_after(mutator.header(), date)
