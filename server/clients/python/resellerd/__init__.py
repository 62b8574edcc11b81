"""Asks resellerd what a user of a panel may see and do.

A denial is a value, and a failure is an exception: show nothing then, and never fall
back to the panel's own data.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

from . import api

Row = TypeVar("Row")


class Refused(Exception):
    """resellerd refused a request. The status 404 is a row that does not exist for this user."""

    def __init__(self, status: int, document: api.Problem) -> None:
        super().__init__(document.get("detail") or document.get("title"))
        self.status = status
        self.document = document
        self.problem = document.get("type", "").rsplit(":", 1)[-1]  # such as not_found
        self.reasons = document.get("reasons", [])  # codes of the policy


class Unavailable(Exception):
    """There is no answer."""


@dataclass(frozen=True)
class Question:
    """May the user do this? About an area if there is no id, else about a row."""

    action: str
    of: str  # an area such as cdr, or the type of a row such as customer
    id: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)  # of a row of the panel's own, account_id is its owner
    panel: bool | None = None  # what the panel itself decided, for the report of disagreements

    def evaluation(self) -> dict[str, Any]:
        """The question as AuthZEN writes it, without the subject."""
        row = {"type": "area", "id": self.of} if self.id is None else {"type": self.of, "id": self.id}
        if self.properties:
            row["properties"] = dict(self.properties)  # type: ignore[assignment]
        context = {} if self.panel is None else {"context": {"panel_decision": self.panel}}
        return {"action": {"name": self.action}, "resource": row, **context}


@dataclass(frozen=True)
class Decision:
    """A denial has the codes of its reasons, and none if the row does not exist for the user."""

    allowed: bool
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """An answer of any status, with headers by names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> Any:
        """The document of an answer that succeeded. A 204 has none: {}."""
        try:
            document = json.loads(self.body) if self.body else {}
        except ValueError as error:
            raise Unavailable(f"the answer with status {self.status} is not JSON") from error
        if self.status >= 500 or self.status in (408, 429):
            raise Unavailable(f"resellerd answered {self.status}: {document.get('detail') or document.get('title')}")
        if self.status >= 300:
            raise Refused(self.status, document)
        return document


class Client:
    """resellerd, as a panel calls it with its token.

    A client keeps one connection. Each thread needs a client of its own.
    """

    def __init__(self, url: str, token: str, timeout: float = 2.0) -> None:
        """The url is http://127.0.0.1:8080 or unix:/run/resellerd.sock. The timeout is in seconds."""
        self._token = token
        parts = urlsplit(url)
        if parts.scheme == "unix":
            self._connection: http.client.HTTPConnection = _UnixConnection(parts.path, timeout)
        else:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(parts.hostname or "", parts.port, timeout=timeout)

    def as_user(self, user: str, ip: str | None = None, jwt: str | None = None) -> User:
        """The user who is signed in to the panel, by its id or external id.

        Take it from the panel's session, never from a value that a browser sent. The ip
        is the address that the user acts from, and jwt the user's own token.
        """
        headers = {"Resellerd-User": user, "Resellerd-Client-IP": ip, "Resellerd-User-JWT": jwt}
        return User(self, user, {name: value for name, value in headers.items() if value is not None})

    def send(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        """Sends a request, and answers whatever its status is."""
        sent = {**headers, "Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        for name, value in sent.items():
            if not (value.isascii() and value.isprintable()):  # http.client would keep half of the request
                raise ValueError(f"the header {name} has a character that no header can have")
        text = None
        if body is not None:
            text = json.dumps(body, separators=(",", ":")).encode()
            sent["Content-Type"] = "application/json"
        if self._connection.sock is not None and _ended(self._connection.sock):
            self._connection.close()  # the request opens another
        try:
            self._connection.request(method, path, text, sent)
            got = self._connection.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unavailable(f"resellerd does not answer: {error}") from error


class User:
    """A user of the panel: what it may do, and the rows that it sees."""

    BATCH = 1000  # the most questions of one request

    def __init__(self, client: Client, id: str, headers: Mapping[str, str]) -> None:
        self._client = client
        self._headers = headers
        self.id = id

    def me(self) -> api.ActingUser:
        return cast(api.ActingUser, self.request("GET", "/v1/me").document())

    def may(self, action: str, of: str, id: str | None = None, properties: Mapping[str, Any] | None = None) -> bool:
        """Whether the user may do this in an area, or to a row if there is an id."""
        return self.may_each([Question(action, of, id, properties or {})])[0]

    def may_each(self, questions: Sequence[Question]) -> list[bool]:
        """The answers to many questions, in their order."""
        return [decision.allowed for decision in self.decide(questions)]

    def menu(self, areas: Sequence[str]) -> list[str]:
        """The areas that the user may read, of those that the menu has."""
        may = self.may_each([Question("read", area) for area in areas])
        return [area for area, allowed in zip(areas, may) if allowed]

    def decide(self, questions: Sequence[Question], reasons: bool = False) -> list[Decision]:
        """Like may_each, with the reasons of denials if they are asked for."""
        decisions: list[Decision] = []
        for i in range(0, len(questions), self.BATCH):
            decisions += self._evaluate(questions[i : i + self.BATCH], reasons)
        return decisions

    def accounts(self) -> Rows[api.Account]:
        return Rows(self, "/v1/accounts")

    def groups(self) -> Rows[api.Group]:
        return Rows(self, "/v1/groups")

    def users(self) -> Rows[api.User]:
        return Rows(self, "/v1/users")

    def customers(self) -> Rows[api.Customer]:
        return Rows(self, "/v1/customers")

    def cards(self) -> Rows[api.Card]:
        return Rows(self, "/v1/cards")

    def audit(self) -> Rows[api.AuditEntry]:
        return Rows(self, "/v1/audit")

    def rates(self, card: str) -> Rows[api.Rate]:
        """The rates of a card: what they cost, or what they sell for, as the user sees the card."""
        return Rows(self, f"/v1/cards/{quote(card, safe='')}/rates")

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Sends any request of /v1 in the name of the user."""
        return self._client.send(method, path, {**(headers or {}), **self._headers}, body)

    def _evaluate(self, questions: Sequence[Question], reasons: bool) -> list[Decision]:
        headers = {name: value for name, value in self._headers.items() if name != "Resellerd-User"}
        if reasons:
            headers["Resellerd-Reasons"] = "true"
        body = {"subject": {"type": "user", "id": self.id}, "evaluations": [q.evaluation() for q in questions]}
        answers = self._client.send("POST", "/access/v1/evaluations", headers, body).document().get("evaluations", [])
        if len(answers) != len(questions):
            raise Unavailable("resellerd has not answered every question")
        return [Decision(a["decision"] is True, a.get("context", {}).get("reasons", ())) for a in answers]


class Rows(Generic[Row]):
    """The rows of one collection, as one user sees them. Each has an etag: the version that the user saw."""

    def __init__(self, user: User, path: str) -> None:
        self._user = user
        self._path = path

    def page(self, **query: Any) -> dict[str, Any]:
        """A page with items, next, prev and total, such as page(status="active", sort="-name", count=True)."""
        path = self._path + ("?" + urlencode(list(_pairs(query))) if query else "")
        return cast("dict[str, Any]", self._user.request("GET", path).document())

    def each(self, **query: Any) -> Iterator[Row]:
        """The rows of all pages."""
        query.setdefault("limit", 1000)
        while True:
            page = self.page(**query)
            yield from page["items"]
            if "next" not in page:
                return
            query["cursor"] = page["next"]

    def get(self, id: str) -> Row:
        return self._row(self._user.request("GET", self._one(id)))

    def create(self, fields: Mapping[str, Any], key: str | None = None) -> Row:
        """Makes a row. A request with a key may be repeated: resellerd writes once for each key."""
        return self._row(self._user.request("POST", self._path, fields, {"Idempotency-Key": key} if key else None))

    def change(self, id: str, fields: Mapping[str, Any], etag: str | None = None) -> Row:
        """Changes fields of a row. If it has changed since the etag, Refused has the status 412."""
        return self._row(self._user.request("PATCH", self._one(id), fields, {"If-Match": etag} if etag else None))

    def delete(self, id: str, etag: str | None = None) -> None:
        self._user.request("DELETE", self._one(id), None, {"If-Match": etag} if etag else None).document()

    def _one(self, id: str) -> str:
        return f"{self._path}/{quote(id, safe='')}"

    @staticmethod
    def _row(answer: Answer) -> Row:
        tag = {"etag": answer.headers["etag"]} if "etag" in answer.headers else {}
        return cast(Row, {**answer.document(), **tag})


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _ended(sock: socket.socket) -> bool:
    """Whether the server has ended a connection on which nothing is expected."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _pairs(query: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, values in query.items():
        for value in values if isinstance(values, (list, tuple)) else [values]:
            yield name, str(value).lower() if isinstance(value, bool) else str(value)
