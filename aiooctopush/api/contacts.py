"""
Contacts and their lists and tags, for campaigns on a list or a tag.

Nothing here reads: the gateway documents no way to list, search or count contacts.

Source: gateway documentation, "Add a contact", "Delete a contact", "Create a contact
list", "Delete a list"; the newer reference for several lists and tags, and for
emptying.
"""

from collections.abc import Iterable
from typing import Any, Final

import attrs
from attrs import field, frozen

from .._call import CallOptions
from .._wire import Answer, Idempotency
from ..errors import InvalidFieldError, Outcome, RefusedError, renamed
from ._chunks import (
    CONCURRENCY,
    ChunkReply,
    ItemResult,
    ManyResults,
    call_in_chunks,
    masked_numbers,
    read_items,
    read_number,
)
from ._recipients import Recipient
from ._shared import (
    MAX_LIST_NAME,
    MAX_TAG_NAME,
    Caller,
    OnUnknown,
    OnUnknownLike,
    check_switch,
    check_switches,
    check_text,
    count_only,
    delete,
    is_retried,
    post,
)


__all__ = [
    "Contacts",
    "ItemResult",
    "ManyResults",
]


MAX_DELETED: Final = 200
"""Contacts of one request to delete. Source: gateway documentation, "Delete a
contact"."""

MAX_CREATED: Final = 200
"""
Contacts of one request to create. How many are allowed is undocumented, so no more
than may be deleted; a request that is refused as too long is halved.
"""

_LIST_EXISTS = 302
_NO_SUCH_LIST = 303


# --- requests -------------------------------------------------------------------------


def _names(
    values: Iterable[str] | None, name: str, at_most: int
) -> tuple[str, ...] | None:
    if values is None:
        return None
    names = read_items(values, name, lambda value, _: value)
    if not names:
        raise InvalidFieldError(name, "must be one or more names")
    for index, value in enumerate(names):
        check_text(value, f"{name}[{index}]", at_most)
    return names


def _to_list_names(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return _names(values, "list_names", MAX_LIST_NAME)


def _to_tag_names(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return _names(values, "tag_names", MAX_TAG_NAME)


_SWITCHES: Final = (
    "un_list",
    "un_tag",
    "auto_remove_blacklisted_numbers",
    "do_not_overwrite",
)


@frozen(kw_only=True)
class ContactSettings:
    """Destination of contacts, shared by all requests of one `Contacts.create`."""

    list_name: str | None = None
    list_names: tuple[str, ...] | None = field(default=None, converter=_to_list_names)
    un_list: bool | None = None
    tag_name: str | None = None
    tag_names: tuple[str, ...] | None = field(default=None, converter=_to_tag_names)
    un_tag: bool | None = None
    auto_remove_blacklisted_numbers: bool | None = None
    # The newer reference words it the other way round. The name and the older pages
    # agree with each other.
    # Source: gateway documentation, "Add a contact", conflict 18.
    do_not_overwrite: bool | None = None

    def __attrs_post_init__(self) -> None:
        if self.list_name is not None:
            check_text(self.list_name, "list_name", MAX_LIST_NAME)
        if self.tag_name is not None:
            check_text(self.tag_name, "tag_name", MAX_TAG_NAME)
        # Which of the two would count is undocumented.
        if self.list_name is not None and self.list_names is not None:
            raise InvalidFieldError("list_names", "cannot be combined with list_name")
        if self.tag_name is not None and self.tag_names is not None:
            raise InvalidFieldError("tag_names", "cannot be combined with tag_name")
        check_switches(self, _SWITCHES)


@frozen(kw_only=True)
class CreateContactsRequest(ContactSettings):
    """One request of `Contacts.create`, which documents the fields."""

    contacts: tuple[Recipient, ...] = field(repr=count_only)


@frozen(kw_only=True)
class DeleteContactsRequest:
    """One request of `Contacts.delete`, which documents the fields."""

    phone_numbers: tuple[str, ...] = field(repr=masked_numbers)
    list_name: str | None = None


@frozen(kw_only=True)
class ListRequest:
    """
    A list, to be created or deleted.

    Raises:
        InvalidFieldError: The name has not 1 to 30 characters.
    """

    list_name: str

    def __attrs_post_init__(self) -> None:
        check_text(self.list_name, "list_name", MAX_LIST_NAME)


@frozen(kw_only=True)
class EmptyListRequest(ListRequest):
    """
    A list, to be emptied; `Contacts.empty_list` documents the fields.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    delete_contacts: bool | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        check_switch("delete_contacts", self.delete_contacts)


# --- endpoints ------------------------------------------------------------------------

# No page documents the body of a success: `Answer` accepts any body, or none.

# A contact is its number: a repeat finds it there (inferred).
CREATE: Final = post("/v1/public/contact/create", Answer, Idempotency.IDEMPOTENT)
DELETE: Final = delete("/v1/public/contact/delete")
# The effect of a second list of one name is undocumented on its page.
CREATE_LIST: Final = post("/v1/public/contact-list/create", Answer, Idempotency.NONE)
EMPTY_LIST: Final = post(
    "/v1/public/contact-list/empty", Answer, Idempotency.IDEMPOTENT
)
DELETE_LIST: Final = delete("/v1/public/contact-list/delete")


# --- calls ----------------------------------------------------------------------------


def _read_contact(item: Any, place: str) -> Recipient:
    if isinstance(item, Recipient):
        return item
    try:
        return Recipient(item)
    except InvalidFieldError as error:
        raise renamed(error, f"{place}.{error.field}") from None


def _presumed(error: RefusedError, code: int) -> Answer:
    """
    Return the result, if a refusal proves that a timed-out attempt was executed.

    Raises:
        RefusedError: It shows nothing of the kind.
    """
    if error.code != code or not error.maybe_sent:
        raise error
    return Answer(
        outcome=Outcome.PRESUMED,
        attempts=error.attempts,
        status=error.status,
        headers=error.headers,
    )


@frozen
class Contacts:
    """The namespace of contacts and lists, as ``octopush.contacts``."""

    _call: Caller

    async def create(
        self,
        contacts: Iterable[str | Recipient],
        *,
        list_name: str | None = None,
        list_names: Iterable[str] | None = None,
        un_list: bool | None = None,
        tag_name: str | None = None,
        tag_names: Iterable[str] | None = None,
        un_tag: bool | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        do_not_overwrite: bool | None = None,
        concurrency: int = CONCURRENCY,
        timeout: float | None = None,
    ) -> ManyResults[Recipient, None]:
        """
        Add or update any number of contacts, and put them into lists and tags.

        They are read and checked as a whole, and then leave 200 in a request; a
        request that the gateway finds too long is halved. A repeat after a timeout is
        harmless, since a number names its contact, and is made. A list or a tag that
        does not exist is probably created. A number that is given twice has no
        certain last word, unless ``concurrency`` is 1.

        Args:
            contacts: Numbers in international form, or Recipients.
            list_name: Put them into this list; 1 to 30 characters.
            list_names: Names of several lists; not together with ``list_name``.
            un_list: Take them out of all lists. The order of both steps is
                undocumented if lists are named, too.
            tag_name: Give them this tag; 1 to 20 characters.
            tag_names: Names of several tags; not together with ``tag_name``.
            un_tag: Take all tags from them.
            auto_remove_blacklisted_numbers: Leave out the numbers on your stop list.
                The price is undocumented.
            do_not_overwrite: Leave contacts as they are that exist already.
            concurrency: Requests in flight at once.
            timeout: Seconds for each request, retries included.

        Returns:
            A result for each contact, in order. No error is raised for a request that
            failed: look at its items, at ``is_complete``, or call ``raise_error``.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was sent.

        Source: gateway documentation, "Add a contact"; ``list_names``, ``tag_names``,
        ``un_list`` and ``un_tag`` from the newer reference (documented, unseen).
        """
        settings = ContactSettings(
            list_name=list_name,
            list_names=list_names,
            un_list=un_list,
            tag_name=tag_name,
            tag_names=tag_names,
            un_tag=un_tag,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
            do_not_overwrite=do_not_overwrite,
        )
        shared = attrs.asdict(settings, recurse=False)

        async def send_chunk(chunk: tuple[Recipient, ...]) -> ChunkReply[None]:
            request = CreateContactsRequest(contacts=chunk, **shared)
            answer = await self._call(
                CREATE, CallOptions(body=request, timeout=timeout)
            )
            return ChunkReply(outcome=answer.outcome)

        return await call_in_chunks(
            send_chunk,
            read_items(contacts, "contacts", _read_contact),
            size=MAX_CREATED,
            concurrency=concurrency,
        )

    async def delete(
        self,
        phone_numbers: Iterable[str],
        *,
        list_name: str | None = None,
        concurrency: int = CONCURRENCY,
        timeout: float | None = None,
    ) -> ManyResults[str, None]:
        """
        Remove any number of contacts from one list, or **from the whole account**.

        They are read and checked as a whole, and then leave 200 in a request. A
        repeat after a timeout is harmless, and is made.

        Args:
            phone_numbers: Numbers in international form.
            list_name: Remove them from this list only. Without it they leave the
                account, and so every list and tag.
            concurrency: Requests in flight at once.
            timeout: Seconds for each request, retries included.

        Returns:
            A result for each number, in order. No error is raised for a request that
            failed: look at its items, at ``is_complete``, or call ``raise_error``.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was removed.

        Source: gateway documentation, "Delete a contact" (documented, unseen).
        """
        if list_name is not None:
            check_text(list_name, "list_name", MAX_LIST_NAME)

        async def send_chunk(chunk: tuple[str, ...]) -> ChunkReply[None]:
            request = DeleteContactsRequest(phone_numbers=chunk, list_name=list_name)
            answer = await self._call(
                DELETE, CallOptions(body=request, timeout=timeout)
            )
            return ChunkReply(outcome=answer.outcome)

        return await call_in_chunks(
            send_chunk,
            read_items(phone_numbers, "phone_numbers", read_number),
            size=MAX_DELETED,
            concurrency=concurrency,
        )

    async def create_list(
        self,
        list_name: str,
        *,
        on_unknown: OnUnknownLike = OnUnknown.RAISE,
        timeout: float | None = None,
    ) -> Answer:
        """
        Create an empty list.

        After a timeout it is not repeated, unless requested. A repeat is harmless: an
        existing name is refused, with code 302.

        Args:
            list_name: 1 to 30 characters.
            on_unknown: ``retry`` to repeat it after a timeout.
            timeout: Seconds for the whole call, retries included.

        Returns:
            A response with the ``outcome`` ``accepted``, or ``presumed`` if the name
            existed when the call was repeated after a timeout.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was created.
            RefusedError: The gateway refused: code 301 if there are too many lists,
                302 if there is one of this name.
            UnknownOutcomeError: It may have been created.

        Source: gateway documentation, "Create a contact list"; the codes from "Return
        codes" (documented, unseen).
        """
        repeat = is_retried(on_unknown)
        try:
            return await self._call(
                CREATE_LIST,
                CallOptions(
                    body=ListRequest(list_name=list_name),
                    timeout=timeout,
                    repeat_unknown=repeat,
                ),
            )
        except RefusedError as error:
            return _presumed(error, _LIST_EXISTS)

    async def empty_list(
        self,
        list_name: str,
        *,
        delete_contacts: bool | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """
        Take all contacts out of a list; the list stays.

        Args:
            list_name: 1 to 30 characters.
            delete_contacts: True to delete the contacts **from the account**, too.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: An argument is malformed; the list is as it was.
            RefusedError: The gateway refused: code 303 if there is no such list.
            UnknownOutcomeError: It may have been emptied; asking again is harmless.

        Source: newer reference, "Empty a list" (documented, unseen).
        """
        request = EmptyListRequest(list_name=list_name, delete_contacts=delete_contacts)
        return await self._call(EMPTY_LIST, CallOptions(body=request, timeout=timeout))

    async def delete_list(
        self, list_name: str, *, timeout: float | None = None
    ) -> Answer:
        """
        Delete a list. Its contacts stay in the account, as far as documented.

        Args:
            list_name: 1 to 30 characters.
            timeout: Seconds for the whole call, retries included.

        Returns:
            A response with the ``outcome`` ``accepted``, or ``presumed`` if the list
            did not exist when the call was repeated after a timeout.

        Raises:
            InvalidFieldError: The name is malformed; nothing was deleted.
            RefusedError: The gateway refused: code 303 if there is no such list.
            UnknownOutcomeError: It may have been deleted; asking again is harmless.

        Source: gateway documentation, "Delete a list" (documented, unseen).
        """
        request = ListRequest(list_name=list_name)
        try:
            return await self._call(
                DELETE_LIST, CallOptions(body=request, timeout=timeout)
            )
        except RefusedError as error:
            return _presumed(error, _NO_SUCH_LIST)
