"""The price of one SMS: as it was given, or as the account has it."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from attrs import frozen

from ...api._shared import SmsType
from ...bulk.preview.prices import PriceUnknownError, price_per_sms
from ...errors import InvalidFieldError, OctopushError
from ...session import OctopushSession
from ..targets.gateway import GatewayOptions, connect
from ..terminal.problems import problem_of


@frozen(kw_only=True)
class Price:
    """
    Price of one SMS, for an estimate.

    Attributes:
        euros: None if it is unknown.
        is_of_account: Whether the account reported it.
        unknown: Why it is unknown, if it was requested.
    """

    euros: Decimal | None = None
    is_of_account: bool = False
    unknown: str | None = None


def asked_price(
    session: OctopushSession, countries: Mapping[str, int], kind: SmsType
) -> Price:
    """Ask the account, and fail at nothing: a look is not worth less without it."""

    async def ask() -> Decimal:
        async with session:
            return await price_per_sms(session.wallet, countries, kind)

    try:
        return Price(euros=asyncio.run(ask()), is_of_account=True)
    except PriceUnknownError as error:
        return Price(unknown=str(error))
    except OctopushError as error:
        return Price(unknown=error.problem)


def price_by(
    gateway: GatewayOptions, countries: Mapping[str, int], kind: SmsType
) -> Price:
    """Ask the account of the environment without asking a person; see `asked_price`."""
    try:
        connection = connect(gateway, asks=False)
    except InvalidFieldError as error:
        # Nor was anything to be sent.
        problem = problem_of(error).removesuffix(". Nothing was sent.")
        return Price(unknown=problem.partition(";")[0])
    return asked_price(connection.new_session(), countries, kind)
