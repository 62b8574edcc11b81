"""A page of call records for one user: python3 cdr.py DATABASE USER (SQLAlchemy)."""
import csv
import json
import os
import sys
import urllib.request

from sqlalchemy import create_engine, text

COLUMNS = {"id": {"column": "cdr.id", "type": "integer"}, "account_id": "cdr.account", "called": "cdr.called", "price": "cdr.price"}
SQL = {"id": "id", "account_id": "account AS account_id", "called": "called", "price": "price"}


def filter_for(user):
    """Asks resellerd once for the page. A failure raises: no filter, no rows."""
    request = urllib.request.Request(
        os.environ["RESELLERD_URL"] + "/v1/filters",
        json.dumps({"user": user, "area": "cdr", "dialect": "sqlite", "placeholders": "named", "columns": COLUMNS}).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["RESELLERD_TOKEN"]},
    )
    with urllib.request.urlopen(request, timeout=2) as answer:
        return json.load(answer)


def main(file, user):
    allowed = filter_for(user)
    values = dict(zip(allowed["names"], allowed["args"]))
    columns = ", ".join(SQL[c] for c in SQL if c in allowed["columns"]) or "NULL"
    with create_engine("sqlite:///" + file).connect() as db:
        def run(sql):
            return db.execute(text(sql.replace("{filter}", allowed["sql"])), values)

        print("count:", run("SELECT count(*) FROM cdr WHERE {filter}").scalar())
        for row in run(f"SELECT {columns} FROM cdr WHERE {{filter}} ORDER BY id LIMIT 2 OFFSET 1").mappings():
            print("page:", row["called"], row["price"])
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerows(run(f"SELECT {columns} FROM cdr WHERE {{filter}} ORDER BY id"))


main(*sys.argv[1:])
