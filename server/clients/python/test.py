"""Calls every method of the client: python3 test.py USER

RESELLERD_URL and RESELLERD_TOKEN name a server whose data may be changed. USER may do
everything to its customers.
"""

import os
import sys
import uuid

from resellerd import Client, Decision, Question, Refused, Unavailable


def refuses(status, call, *args):
    try:
        call(*args)
    except Refused as refused:
        assert refused.status == status, refused.status
        return
    raise AssertionError("the call succeeded")


client = Client(os.environ["RESELLERD_URL"], os.environ["RESELLERD_TOKEN"], timeout=60)
user = client.as_user(sys.argv[1], ip="192.0.2.7")
me = user.me()
assert me["account"]["id"] and "access" in me and "default_access" in me
assert user.may("update", "customer")
assert not user.may("update", "customer", "cus_aaaaaaaaaaaaaaaaaaaaaaaaaa")
assert user.decide([Question("read", "cdr", "17", panel=True)], reasons=True) == [Decision(False, ["owner_unknown"])]
assert user.menu(["customer", "user"]) == ["customer", "user"]
for rows in (user.accounts(), user.groups(), user.users(), user.cards(), user.audit()):
    assert len(rows.page(limit=5)["items"]) <= 5

customers = user.customers()
key = str(uuid.uuid4())
made = customers.create({"name": "Otter Cars"}, key)
assert customers.create({"name": "Otter Cars"}, key)["id"] == made["id"]
assert customers.get(made["id"])["etag"] == made["etag"]
changed = customers.change(made["id"], {"notes": "Ring twice."}, made["etag"])
assert changed["notes"] == "Ring twice."
assert len(customers.page(name=["Otter Cars", "nobody"], id=made["id"])["items"]) == 1
assert len(list(customers.each(limit=2, sort="name"))) == customers.page(count=True, limit=1)["total"]
refuses(412, customers.change, made["id"], {"notes": None}, made["etag"])
refuses(422, customers.change, made["id"], {"name": ""})
customers.delete(made["id"], changed["etag"])
refuses(404, customers.get, made["id"])
refuses(404, user.rates("crd_aaaaaaaaaaaaaaaaaaaaaaaaaa").page)
refuses(403, client.as_user("nobody-at-all").me)
assert not client.as_user("nobody-at-all").may("read", "customer")
try:
    Client("http://127.0.0.1:1", "token").as_user("nobody").may("read", "customer")
    raise AssertionError("there is an answer")
except Unavailable:
    pass
try:
    client.as_user("a\r\nResellerd-User: b").me()
    raise AssertionError("a header in a name")
except ValueError:
    pass
assert user.me()["id"] == me["id"]
print("all calls work")
