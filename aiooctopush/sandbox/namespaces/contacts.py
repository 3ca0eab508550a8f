"""
Operations 21 to 25: contacts, and the lists and tags that hold them.

Campaigns are sent to these lists and tags.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from ..._wire import HttpResponse
from ..state import AdmittedRequest, Contacts, Operations, Routes
from ..validation import (
    MAX_MERGED_FIELD,
    MERGE_FIELDS,
    NUMBER,
    RefusalError,
    read_name,
)


MAX_DELETED: Final = 200
MAX_LIST_NAME: Final = 30
MAX_TAG_NAME: Final = 20

_FLAGS: Final = (
    "un_list",
    "un_tag",
    "auto_remove_blacklisted_numbers",
    "do_not_overwrite",
)
_CREATE_FIELDS: Final = frozenset(
    {"contacts", "list_name", "list_names", "tag_name", "tag_names", *_FLAGS}
)
_DELETE_FIELDS: Final = frozenset({"phone_numbers", "list_name"})
_LIST_FIELDS: Final = frozenset({"list_name"})
_EMPTY_FIELDS: Final = frozenset({"list_name", "delete_contacts"})

Contact = Mapping[str, Any]


def number_of(contact: str | Contact) -> str:
    """The number of a contact, however it is kept."""
    given = contact if isinstance(contact, str) else contact.get("phone_number")
    return str(given).replace(" ", "")


def read_numbers(body: Mapping[str, Any], *, at_most: int, code: int) -> list[str]:
    """
    Read ``phone_numbers``; one that is malformed refuses all of them.

    Args:
        body: The JSON of the call.
        at_most: How many there may be.
        code: Code of the refusal if there are more.
    """
    given = body.get("phone_numbers")
    if not isinstance(given, list) or not given:
        raise RefusalError(400, "phone_numbers: this field is missing")
    if len(given) > at_most:
        raise RefusalError(code, f"phone_numbers: more than {at_most} were given")
    numbers = [str(one).replace(" ", "") for one in given]
    for position, number in enumerate(numbers):
        if not NUMBER.fullmatch(number):
            raise RefusalError(400, f"phone_numbers.{position}: not a phone number")
    return numbers


class ContactOperations(Operations):
    """The namespace of contacts and lists of the documents."""

    @property
    def routes(self) -> Routes:
        """Method and path, without its common start, of each operation."""
        return {
            ("POST", "contact/create"): self._create,
            ("DELETE", "contact/delete"): self._delete,
            ("POST", "contact-list/create"): self._create_list,
            ("POST", "contact-list/empty"): self._empty_list,
            ("DELETE", "contact-list/delete"): self._delete_list,
        }

    # --- operations 21 and 22: contacts -------------------------------------------

    def _create(self, request: AdmittedRequest) -> HttpResponse:
        self._state.refuse_unknown(request.body, _CREATE_FIELDS)
        contacts = self._read_contacts(request.body)
        lists = _read_names(request.body, "list", MAX_LIST_NAME)
        tags = _read_names(request.body, "tag", MAX_TAG_NAME)
        if request.body.get("auto_remove_blacklisted_numbers") is True:
            contacts = {
                number: contact
                for number, contact in contacts.items()
                if number not in self._state.blacklist
            }
        self._check_room(lists, contacts)
        # Out of the old ones first: undocumented, our choice.
        if request.body.get("un_list") is True:
            _leave(self._state.lists, contacts)
        if request.body.get("un_tag") is True:
            _leave(self._state.tags, contacts)
        keeps = request.body.get("do_not_overwrite") is True
        self._store(
            {
                number: contact
                for number, contact in contacts.items()
                if not keeps or number not in self._state.contacts
            }
        )
        known = [self._state.contacts[number] for number in contacts]
        # A list or tag that is unknown is made: the newer reference reads like that.
        for group, names in ((self._state.lists, lists), (self._state.tags, tags)):
            for name in names:
                _join(group, name, known)
        return self._state.answer(201, {})

    def _delete(self, request: AdmittedRequest) -> HttpResponse:
        self._state.refuse_unknown(request.body, _DELETE_FIELDS)
        numbers = read_numbers(request.body, at_most=MAX_DELETED, code=305)
        # A number that is not there is no mistake: undocumented, our choice.
        if request.body.get("list_name") is None:
            self._forget(numbers)
        else:
            name = self._known_list(request)
            _leave(self._state.lists, numbers, only=name)
        return self._state.answer(204)

    # --- operations 23 to 25: lists -----------------------------------------------

    def _create_list(self, request: AdmittedRequest) -> HttpResponse:
        self._state.refuse_unknown(request.body, _LIST_FIELDS)
        name = read_name(request.body, "list_name")
        _check_length(name, "list_name", MAX_LIST_NAME)
        if name in self._state.lists:
            raise RefusalError(302, "The name of the list exists already")
        self._check_room([name], {})
        self._state.lists[name] = []
        return self._state.answer(201, {})

    def _empty_list(self, request: AdmittedRequest) -> HttpResponse:
        self._state.refuse_unknown(request.body, _EMPTY_FIELDS)
        name = self._known_list(request)
        if request.body.get("delete_contacts") is True:
            self._forget([number_of(one) for one in self._state.lists[name]])
        self._state.lists[name] = []
        return self._state.answer(200, {})

    def _delete_list(self, request: AdmittedRequest) -> HttpResponse:
        self._state.refuse_unknown(request.body, _LIST_FIELDS)
        # Its contacts stay in the account: undocumented, our choice.
        del self._state.lists[self._known_list(request)]
        return self._state.answer(204)

    # --- shared -------------------------------------------------------------------

    def _read_contacts(self, body: Mapping[str, Any]) -> dict[str, Contact]:
        given = body.get("contacts")
        if not isinstance(given, list) or not given:
            raise RefusalError(400, "contacts: this field is missing")
        most = self._state.settings.most_contacts_per_call
        if len(given) > most:
            # The code is that of the legacy table; the limit is undocumented.
            raise RefusalError(305, f"contacts: more than {most} were given")
        read = [_read_contact(one, position) for position, one in enumerate(given)]
        return {number_of(one): one for one in read}

    def _check_room(self, names: Iterable[str], contacts: Collection[str]) -> None:
        """Refuse what would be too many lists, or too many contacts in one."""
        lists, settings = self._state.lists, self._state.settings
        if len(lists.keys() | names) > settings.most_lists:
            raise RefusalError(301, "The maximum number of lists is reached")
        for name in names:
            held = {number_of(one) for one in lists.get(name, ())}
            if len(held.union(contacts)) > settings.most_contacts_of_list:
                raise RefusalError(304, "The list is full")

    def _known_list(self, request: AdmittedRequest) -> str:
        name = read_name(request.body, "list_name")
        if name not in self._state.lists:
            raise RefusalError(303, "list_name: unknown")
        return name

    def _store(self, contacts: Mapping[str, Contact]) -> None:
        """Store contacts, and update them in the lists and tags that hold them."""
        self._state.contacts.update(contacts)
        for group in (self._state.lists, self._state.tags):
            for name, held in group.items():
                group[name] = [contacts.get(number_of(one), one) for one in held]

    def _forget(self, numbers: Collection[str]) -> None:
        """Delete contacts from the account, and so from every list and tag."""
        for number in numbers:
            self._state.contacts.pop(number, None)
        _leave(self._state.lists, numbers)
        _leave(self._state.tags, numbers)


def _read_contact(one: Any, position: int) -> Contact:
    where = f"contacts.{position}"
    if not isinstance(one, dict) or not isinstance(one.get("phone_number"), str):
        raise RefusalError(400, f"{where}.phone_number: this field is missing")
    if not NUMBER.fullmatch(number_of(one)):
        raise RefusalError(400, f"{where}.phone_number: not a phone number")
    fields = {
        name: str(one[name]) for name in MERGE_FIELDS if one.get(name) is not None
    }
    for name, value in fields.items():
        if len(value) > MAX_MERGED_FIELD:
            raise RefusalError(
                400, f"{where}.{name}: over {MAX_MERGED_FIELD} characters"
            )
    return {"phone_number": number_of(one), **fields}


def _read_names(body: Mapping[str, Any], kind: str, at_most: int) -> list[str]:
    """Names of lists or tags: one, or several, or both; each once."""
    one, several = body.get(f"{kind}_name"), body.get(f"{kind}_names")
    if several is not None and not isinstance(several, list):
        raise RefusalError(400, f"{kind}_names: this field is not a list")
    given = [*([] if one is None else [one]), *(several or [])]
    for name in given:
        if not isinstance(name, str) or not name:
            raise RefusalError(400, f"{kind}_name: this field is empty")
        _check_length(name, f"{kind}_name", at_most)
    return list(dict.fromkeys(given))


def _check_length(name: str, field: str, at_most: int) -> None:
    if len(name) > at_most:
        raise RefusalError(400, f"{field}: over {at_most} characters")


def _leave(
    group: dict[str, Contacts], numbers: Collection[str], *, only: str | None = None
) -> None:
    """Take contacts out of all lists or tags, or of one."""
    gone = frozenset(numbers)
    for name in list(group) if only is None else [only]:
        group[name] = [one for one in group[name] if number_of(one) not in gone]


def _join(group: dict[str, Contacts], name: str, contacts: Sequence[Contact]) -> None:
    """Put contacts into a list or tag; one that is there already keeps its place."""
    held = group.get(name, ())
    there = {number_of(one) for one in held}
    group[name] = [*held, *(one for one in contacts if number_of(one) not in there)]
