"""
A Django management command: sends to a queryset in bulk, and survives a crash.

    pip install aiooctopush django
    python examples/django_bulk.py summer-sale

In a project of yours the model stands in ``models.py``, and the command in
``management/commands/send_campaign.py``; what is marked below makes a project of this
one file. Which account it is, account.py says.
"""

import asyncio
import sys
from argparse import ArgumentParser
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import django
from account import open_session
from django.conf import settings
from django.core.management import BaseCommand, CommandError

from aiooctopush import BulkReport, Purpose, Recipient


if not settings.configured:  # a project of one file
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "django-example.db",
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()

from django.db import connection, models  # wants the settings


class Customer(models.Model):
    """Somebody who may want to hear from us."""

    phone_number = models.CharField(max_length=20)
    first_name = models.CharField(max_length=50)
    wants_offers = models.BooleanField(default=False)

    class Meta:
        """Where it belongs."""

        app_label = "shop"

    def __str__(self) -> str:
        return f"customer {self.pk}"


async def recipients() -> AsyncGenerator[Recipient, None]:
    """
    Yield who is sent to, read as fast as requests leave.

    By primary key: a run that goes on reads them again, and they must come in the same
    order.
    """
    chosen = Customer.objects.filter(wants_offers=True).order_by("pk")
    async for one in chosen.aiterator(chunk_size=1_000):
        yield Recipient(one.phone_number, first_name=one.first_name)


async def send(key: str, ledger: Path) -> BulkReport:
    """Start the campaign of that key, or go on with it where it stood."""
    async with open_session() as octopush:
        run = octopush.bulk(
            key,
            text="Hi {first_name}, 20 % off until Sunday. STOP au XXXXX",
            sender="Acme",
            purpose=Purpose.WHOLESALE,
            ledger=ledger,
        )
        return await run.send(recipients())


class Command(BaseCommand):
    """``manage.py send_campaign KEY``; the same again goes on where it stood."""

    help = "Send the offer to all customers who want to hear of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take a key, and where the ledger is."""
        parser.add_argument("key", help="names the campaign")
        parser.add_argument("--ledger", type=Path, default="campaigns.db")

    def handle(self, *_: Any, **options: Any) -> None:
        """Send, and say what became of everyone."""
        report = asyncio.run(send(options["key"], options["ledger"]))
        self.stdout.write(
            f"accepted {report.accepted} of {report.planned}, "
            f"in doubt {report.unknown}, rejected {report.rejected}, "
            f"cost {report.cost} EUR"
        )
        if not report.is_complete:
            raise CommandError(f"not complete: {report.paused or 'see the ledger'}")


if __name__ == "__main__":  # a project of one file
    if "shop_customer" not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Customer)
        Customer.objects.bulk_create(
            Customer(
                phone_number=f"+3363998{number:04}",
                first_name="Ada",
                wants_offers=number % 2 == 0,
            )
            for number in range(1_000)
        )
    Command().run_from_argv(["manage.py", "send_campaign", *sys.argv[1:]])
