"""The shapes of requests and answers. Written by generate.py: do not edit."""

from typing import Any, Literal, Required, TypedDict, Union

AccessChange = TypedDict("AccessChange", {
    "after": Required[list[str]],
    "before": Required[list[str]],
}, total=False)

AccessCut = TypedDict("AccessCut", {
    "account": str,
    "by": Required[Literal['account', 'policy', 'ceiling']],
}, total=False)

AccessGiver = TypedDict("AccessGiver", {
    "group": Required[str],
    "name": str,
    "row": Required[str],
}, total=False)

AccessLetter = TypedDict("AccessLetter", {
    "access": Required[Literal['create', 'read', 'update', 'delete']],
    "cut_by": list["AccessCut"],
    "from": list["AccessGiver"],
}, total=False)

Account = TypedDict("Account", {
    "ceiling": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": Required[str],
    "kind": Literal['master', 'reseller'],
    "name": str,
    "parent_id": Union[str, None],
    "public_name": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
}, total=False)

AccountByName = TypedDict("AccountByName", {
    "accept_currency": bool,
    "ceiling": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "kind": Literal['master', 'reseller'],
    "name": str,
    "parent_id": str,
    "public_name": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
}, total=False)

AccountCreate = TypedDict("AccountCreate", {
    "ceiling": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "currency": Union[str, None],
    "email": Union[str, None],
    "external_id": Union[str, None],
    "group": "FirstGroup",
    "name": Required[str],
    "parent_id": str,
    "public_name": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "user": "UserUpdate",
}, total=False)

AccountCreated = TypedDict("AccountCreated", {
    "ceiling": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "external_id": Union[str, None],
    "group_id": str,
    "id": Required[str],
    "kind": Literal['master', 'reseller'],
    "name": str,
    "parent_id": Union[str, None],
    "public_name": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
    "user_id": str,
    "warnings": list["FieldFault"],
}, total=False)

AccountList = TypedDict("AccountList", {
    "items": Required[list["Account"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

AccountPutByName = TypedDict("AccountPutByName", {
    "accept_currency": bool,
    "ceiling": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "currency": Union[str, None],
    "email": Union[str, None],
    "external_id": Required[Union[str, None]],
    "name": str,
    "parent_id": str,
    "public_name": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
}, total=False)

AccountRemains = TypedDict("AccountRemains", {
    "accounts": "Remaining",
    "cards_in_force": "Remaining",
    "customers": "Remaining",
    "drafts": "Remaining",
    "more": bool,
    "scheduled": "Remaining",
    "webhooks_ending": "Remaining",
}, total=False)

AccountUpdate = TypedDict("AccountUpdate", {
    "accept_currency": bool,
    "ceiling": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "kind": Literal['master', 'reseller'],
    "name": str,
    "parent_id": Union[str, None],
    "public_name": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
}, total=False)

AccountUpdateMergePatch = TypedDict("AccountUpdateMergePatch", {
    "accept_currency": bool,
    "ceiling": Union[dict[str, Union[list[Literal['create', 'read', 'update', 'delete']], None]], None],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "kind": Literal['master', 'reseller'],
    "name": str,
    "parent_id": Union[str, None],
    "public_name": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
}, total=False)

AccountWithWarnings = TypedDict("AccountWithWarnings", {
    "ceiling": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "external_id": Union[str, None],
    "id": Required[str],
    "kind": Literal['master', 'reseller'],
    "name": str,
    "parent_id": Union[str, None],
    "public_name": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
    "warnings": list["FieldFault"],
}, total=False)

AccountWithWarningsOrDryRun = Union["AccountWithWarnings", "DryRun"]

AccountWritten = TypedDict("AccountWritten", {
    "etag": str,
    "id": str,
    "problem": "Problem",
    "row": "AccountCreated",
    "status": Required[int],
}, total=False)

AccountsPut = TypedDict("AccountsPut", {
    "items": Required[list["AccountPutByName"]],
}, total=False)

AccountsWritten = TypedDict("AccountsWritten", {
    "items": Required[list["AccountWritten"]],
}, total=False)

ActingAccount = TypedDict("ActingAccount", {
    "external_id": str,
    "id": Required[str],
    "kind": Required[str],
    "name": str,
    "status": Required[str],
}, total=False)

ActingColumns = TypedDict("ActingColumns", {
    "creates": Required[list[str]],
    "shows": Required[list[str]],
    "updates": Required[list[str]],
}, total=False)

ActingUser = TypedDict("ActingUser", {
    "access": Required[dict[str, list[Literal['create', 'read', 'update', 'delete']]]],
    "account": Required["ActingAccount"],
    "columns": dict[str, "ActingColumns"],
    "default_access": Required[list[str]],
    "external_id": str,
    "id": Required[str],
    "mode": Required[Literal['master', 'reseller']],
    "name": str,
}, total=False)

ActionSearchRequest = TypedDict("ActionSearchRequest", {
    "context": dict[str, Any],
    "page": "SearchPageRequest",
    "resource": Required["EvaluationEntity"],
    "subject": Required["EvaluationEntity"],
}, total=False)

ActionSearchResponse = TypedDict("ActionSearchResponse", {
    "context": "SearchContext",
    "page": Required["SearchPage"],
    "results": Required[list["FoundAction"]],
}, total=False)

Activation = TypedDict("Activation", {
    "accept_losses": bool,
    "live_at": Union[str, None],
}, total=False)

ActiveRevision = TypedDict("ActiveRevision", {
    "activated_at": Required[str],
    "id": Required[str],
    "number": int,
    "rows": Required[int],
}, total=False)

Answer = TypedDict("Answer", {
    "about": list[str],
    "asked": list[str],
    "code": str,
    "column": str,
    "parameter": Required[str],
    "value": Required[str],
}, total=False)

AnswerInput = TypedDict("AnswerInput", {
    "about": list[str],
    "asked": list[str],
    "code": str,
    "column": str,
    "parameter": str,
    "value": str,
}, total=False)

AreaAccess = TypedDict("AreaAccess", {
    "area": Required[str],
    "effective": Required[list[str]],
    "letters": list["AccessLetter"],
}, total=False)

AreaDifference = TypedDict("AreaDifference", {
    "access": "AccessChange",
    "appear": list[str],
    "appearing": int,
    "area": Required[str],
    "columns_not_compared": bool,
    "counted": bool,
    "disappear": list[str],
    "shown": list["RowsChange"],
    "vanishing": int,
    "visible": "VisibleChange",
}, total=False)

AreaPreview = TypedDict("AreaPreview", {
    "access": Required[list[str]],
    "area": Required[str],
    "first": list["ShownRow"],
    "of": int,
    "visible": int,
}, total=False)

Assignment = TypedDict("Assignment", {
    "account_id": Required[str],
    "etag": str,
    "expanded": dict[str, Any],
    "valid_from": str,
    "valid_to": Union[str, None],
}, total=False)

AssignmentList = TypedDict("AssignmentList", {
    "items": Required[list["Assignment"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

AssignmentOrDryRun = Union["Assignment", "DryRun"]

AuditEntry = TypedDict("AuditEntry", {
    "account": str,
    "action": Literal['create', 'update', 'delete', 'assign', 'build', 'activate', 'accept_losses', 'open', 'preview', 'prune', 'break_glass', 'erase'],
    "actor": Union[str, None],
    "at": str,
    "change": Union[dict[str, "ColumnChange"], None],
    "expanded": dict[str, Any],
    "id": str,
    "panel": Union[str, None],
    "resource": "AuditResource",
}, total=False)

AuditEntryList = TypedDict("AuditEntryList", {
    "items": Required[list["AuditEntry"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

AuditExport = TypedDict("AuditExport", {
    "cursor": Required[str],
    "items": Required[list["AuditEntry"]],
    "more": Required[bool],
}, total=False)

AuditResource = TypedDict("AuditResource", {
    "id": Required[str],
    "type": Required[str],
}, total=False)

BilledCard = TypedDict("BilledCard", {
    "card_id": Required[str],
    "revision": Required[Union["BilledRevision", None]],
    "valid_from": Required[str],
    "valid_to": Required[Union[str, None]],
}, total=False)

BilledRevision = TypedDict("BilledRevision", {
    "active_from": str,
    "active_to": Union[str, None],
    "charge_precision": int,
    "charge_rounding": str,
    "currency": str,
    "direction": Literal['termination', 'origination'],
    "id": Required[str],
    "rate_precision": int,
    "rate_rounding": str,
}, total=False)

Billing = TypedDict("Billing", {
    "at": Required[str],
    "items": Required[list["BilledCard"]],
    "next": str,
}, total=False)

BuildOptions = TypedDict("BuildOptions", {
    "accept_losses": bool,
    "activate": bool,
}, total=False)

BuildResult = TypedDict("BuildResult", {
    "blocked": Required[int],
    "borrowed_names": Required[int],
    "revision_id": Required[str],
    "rows": Required[int],
    "status": Required[Literal['draft', 'active', 'inactive', 'archived', 'scheduled', 'held']],
    "warnings": Required[list[str]],
}, total=False)

Cancelled = TypedDict("Cancelled", {
    "activated_at": Union[str, None],
    "amended_by": list[str],
    "base_id": Union[str, None],
    "created_at": str,
    "deactivated_at": Union[str, None],
    "held_reason": Union[str, None],
    "id": Required[str],
    "live_at": Union[str, None],
    "losses_accepted": bool,
    "number": Union[int, None],
    "origin": Literal['import', 'build'],
    "rows": Required[int],
    "scheduled_by": Union[str, None],
    "status": Literal['draft', 'scheduled', 'held', 'active', 'inactive', 'archived'],
}, total=False)

Card = TypedDict("Card", {
    "account_id": str,
    "assigned_to": list[str],
    "carrier": Union[str, None],
    "charge_precision": int,
    "charge_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "compact": Literal['min', 'max', 'avg', None],
    "created_at": str,
    "currency": str,
    "direction": Literal['termination', 'origination'],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": Required[str],
    "kind": Literal['provider', 'customer'],
    "name": str,
    "notes": Union[str, None],
    "parents": Union[list["CardParent"], None],
    "profit_rules": Union[list["ProfitRule"], None],
    "public_name": Union[str, None],
    "public_notes": Union[str, None],
    "rate_precision": int,
    "rate_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "revision": Union["ActiveRevision", None],
    "routing": Literal['dearest', 'cheapest', None],
    "stale": Literal['provider_card_changed', 'provider_card_withdrawn', None],
    "tech_prefix": Union[str, None],
    "updated_at": str,
}, total=False)

CardByName = TypedDict("CardByName", {
    "accept_currency": bool,
    "accept_losses": bool,
    "account_id": str,
    "assigned_to": list[str],
    "carrier": Union[str, None],
    "charge_precision": int,
    "charge_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "compact": Literal['min', 'max', 'avg', None],
    "created_at": str,
    "currency": str,
    "direction": Literal['termination', 'origination'],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "kind": Literal['provider', 'customer'],
    "name": str,
    "notes": Union[str, None],
    "parents": list[Union[str, "CardParentInput"]],
    "profit_rules": list["ProfitRuleInput"],
    "public_name": Union[str, None],
    "public_notes": Union[str, None],
    "rate_precision": int,
    "rate_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "revision": Union["ActiveRevision", None],
    "routing": Literal['dearest', 'cheapest', None],
    "stale": Literal['provider_card_changed', 'provider_card_withdrawn', None],
    "tech_prefix": Union[str, None],
    "updated_at": str,
}, total=False)

CardCreate = TypedDict("CardCreate", {
    "account_id": str,
    "carrier": Union[str, None],
    "charge_precision": int,
    "charge_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "compact": Literal['min', 'max', 'avg', None],
    "currency": Required[str],
    "direction": Literal['termination', 'origination'],
    "external_id": Union[str, None],
    "kind": Literal['provider', 'customer'],
    "name": Required[str],
    "notes": Union[str, None],
    "parents": list[Union[str, "CardParentInput"]],
    "profit_rules": list["ProfitRuleInput"],
    "public_name": Union[str, None],
    "public_notes": Union[str, None],
    "rate_precision": int,
    "rate_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "routing": Literal['dearest', 'cheapest', None],
    "tech_prefix": Union[str, None],
}, total=False)

CardCustomer = TypedDict("CardCustomer", {
    "customer_id": Required[str],
    "etag": str,
    "expanded": dict[str, Any],
    "valid_from": str,
    "valid_to": Union[str, None],
}, total=False)

CardCustomerList = TypedDict("CardCustomerList", {
    "items": Required[list["CardCustomer"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

CardList = TypedDict("CardList", {
    "items": Required[list["Card"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

CardParent = TypedDict("CardParent", {
    "card_id": Required[str],
    "exchange": Union[str, None],
    "exchange_at": Union[str, None],
    "name": Union[str, None],
}, total=False)

CardParentInput = TypedDict("CardParentInput", {
    "card_id": Required[str],
    "exchange": Union[str, None],
    "exchange_at": Union[str, None],
    "name": Union[str, None],
}, total=False)

CardPutByName = TypedDict("CardPutByName", {
    "accept_currency": bool,
    "accept_losses": bool,
    "account_id": str,
    "carrier": Union[str, None],
    "charge_precision": int,
    "charge_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "compact": Literal['min', 'max', 'avg', None],
    "currency": str,
    "direction": Literal['termination', 'origination'],
    "external_id": Required[Union[str, None]],
    "kind": Literal['provider', 'customer'],
    "name": str,
    "notes": Union[str, None],
    "parents": list[Union[str, "CardParentInput"]],
    "profit_rules": list["ProfitRuleInput"],
    "public_name": Union[str, None],
    "public_notes": Union[str, None],
    "rate_precision": int,
    "rate_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "routing": Literal['dearest', 'cheapest', None],
    "tech_prefix": Union[str, None],
}, total=False)

CardUpdate = TypedDict("CardUpdate", {
    "accept_currency": bool,
    "accept_losses": bool,
    "account_id": str,
    "assigned_to": list[str],
    "carrier": Union[str, None],
    "charge_precision": int,
    "charge_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "compact": Literal['min', 'max', 'avg', None],
    "created_at": str,
    "currency": str,
    "direction": Literal['termination', 'origination'],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "kind": Literal['provider', 'customer'],
    "name": str,
    "notes": Union[str, None],
    "parents": list[Union[str, "CardParentInput"]],
    "profit_rules": list["ProfitRuleInput"],
    "public_name": Union[str, None],
    "public_notes": Union[str, None],
    "rate_precision": int,
    "rate_rounding": Literal['up', 'down', 'half_up', 'half_down'],
    "revision": Union["ActiveRevision", None],
    "routing": Literal['dearest', 'cheapest', None],
    "stale": Literal['provider_card_changed', 'provider_card_withdrawn', None],
    "tech_prefix": Union[str, None],
    "updated_at": str,
}, total=False)

CardValidity = TypedDict("CardValidity", {
    "accept_currency": bool,
    "account_id": str,
    "customer_id": str,
    "etag": str,
    "expanded": dict[str, Any],
    "valid_from": str,
    "valid_to": Union[str, None],
}, total=False)

CardWritten = TypedDict("CardWritten", {
    "etag": str,
    "id": str,
    "problem": "Problem",
    "row": "Card",
    "status": Required[int],
}, total=False)

CardsPut = TypedDict("CardsPut", {
    "items": Required[list["CardPutByName"]],
}, total=False)

CardsWritten = TypedDict("CardsWritten", {
    "items": Required[list["CardWritten"]],
}, total=False)

CaseText = TypedDict("CaseText", {
    "columns": list[str],
    "view": str,
    "when": Required[str],
}, total=False)

Changes = TypedDict("Changes", {
    "cursor": Required[str],
    "items": Required[list["Item"]],
    "reset": bool,
}, total=False)

CheapestCard = TypedDict("CheapestCard", {
    "charge": Required[str],
    "currency": Required[str],
    "id": Required[str],
}, total=False)

ColumnChange = TypedDict("ColumnChange", {
    "after": Required[Any],
    "before": Required[Any],
}, total=False)

ColumnMask = TypedDict("ColumnMask", {
    "mask": Required[Literal['null', 'constant', 'last_four']],
    "sql": str,
    "value": str,
}, total=False)

ConditionText = TypedDict("ConditionText", {
    "file": Required[str],
    "holds": list["RuleText"],
    "line": Required[int],
    "rule": Required[str],
    "text": Required[str],
    "title": str,
}, total=False)

Customer = TypedDict("Customer", {
    "account_id": str,
    "cards": list[str],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": Required[str],
    "name": str,
    "notes": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
}, total=False)

CustomerByName = TypedDict("CustomerByName", {
    "accept_currency": bool,
    "account_id": str,
    "cards": list[str],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "name": str,
    "notes": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
}, total=False)

CustomerCreate = TypedDict("CustomerCreate", {
    "account_id": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "external_id": Union[str, None],
    "name": Required[str],
    "notes": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
}, total=False)

CustomerList = TypedDict("CustomerList", {
    "items": Required[list["Customer"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

CustomerPutByName = TypedDict("CustomerPutByName", {
    "accept_currency": bool,
    "account_id": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "external_id": Required[Union[str, None]],
    "name": str,
    "notes": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
}, total=False)

CustomerUpdate = TypedDict("CustomerUpdate", {
    "accept_currency": bool,
    "account_id": str,
    "cards": list[str],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "name": str,
    "notes": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
}, total=False)

CustomerUpdateByID = TypedDict("CustomerUpdateByID", {
    "accept_currency": bool,
    "account_id": str,
    "cards": list[str],
    "created_at": str,
    "currency": Union[str, None],
    "email": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": Required[str],
    "name": str,
    "notes": Union[str, None],
    "status": Literal['active', 'suspended', 'closed'],
    "updated_at": str,
}, total=False)

CustomerWritten = TypedDict("CustomerWritten", {
    "etag": str,
    "id": str,
    "problem": "Problem",
    "row": "Customer",
    "status": Required[int],
}, total=False)

CustomersCreate = TypedDict("CustomersCreate", {
    "items": Required[list["CustomerCreate"]],
}, total=False)

CustomersPut = TypedDict("CustomersPut", {
    "items": Required[list["CustomerPutByName"]],
}, total=False)

CustomersUpdate = TypedDict("CustomersUpdate", {
    "items": Required[list["CustomerUpdateByID"]],
}, total=False)

CustomersWritten = TypedDict("CustomersWritten", {
    "items": Required[list["CustomerWritten"]],
}, total=False)

DeadLetter = TypedDict("DeadLetter", {
    "attempts": Required[int],
    "died_at": Required[str],
    "error": Required[str],
    "etag": str,
    "id": Required[str],
    "made_at": Required[str],
    "send_at": Union[str, None],
}, total=False)

DeadLetterList = TypedDict("DeadLetterList", {
    "items": Required[list["DeadLetter"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

Destination = TypedDict("Destination", {
    "name": Required[str],
    "prefix": Required[str],
}, total=False)

DestinationCount = TypedDict("DestinationCount", {
    "rows": Required[int],
}, total=False)

DestinationInput = TypedDict("DestinationInput", {
    "name": Required[str],
    "prefix": Required[str],
}, total=False)

DestinationList = TypedDict("DestinationList", {
    "items": Required[list["Destination"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

Destinations = TypedDict("Destinations", {
    "items": Required[list["DestinationInput"]],
}, total=False)

DiffTotals = TypedDict("DiffTotals", {
    "changed": Required[int],
    "created": Required[int],
    "down": Required[int],
    "removed": Required[int],
    "unchanged": Required[int],
    "up": Required[int],
}, total=False)

DryRun = TypedDict("DryRun", {
    "more": bool,
    "remains": "AccountRemains",
    "users": Required[list["UserDifference"]],
}, total=False)

Earnings = TypedDict("Earnings", {
    "least": Required[str],
    "most": Required[str],
}, total=False)

EntitySearchResponse = TypedDict("EntitySearchResponse", {
    "context": "SearchContext",
    "page": Required["SearchPage"],
    "results": Required[list["FoundEntity"]],
}, total=False)

EvaluationAction = TypedDict("EvaluationAction", {
    "name": Required[str],
    "properties": dict[str, Any],
}, total=False)

EvaluationAnswer = TypedDict("EvaluationAnswer", {
    "context": dict[str, Any],
    "decision": Required[bool],
}, total=False)

EvaluationEntity = TypedDict("EvaluationEntity", {
    "id": Required[str],
    "properties": dict[str, Any],
    "type": Required[str],
}, total=False)

EvaluationRequest = TypedDict("EvaluationRequest", {
    "action": Required["EvaluationAction"],
    "context": dict[str, Any],
    "resource": Required["EvaluationEntity"],
    "subject": Required["EvaluationEntity"],
}, total=False)

EvaluationResponse = TypedDict("EvaluationResponse", {
    "context": dict[str, Any],
    "decision": Required[bool],
}, total=False)

EvaluationsRequest = TypedDict("EvaluationsRequest", {
    "action": "EvaluationAction",
    "context": dict[str, Any],
    "evaluations": list[Any],
    "options": dict[str, Any],
    "resource": "EvaluationEntity",
    "subject": "EvaluationEntity",
}, total=False)

EvaluationsResponse = TypedDict("EvaluationsResponse", {
    "context": Any,
    "decision": bool,
    "evaluations": list["EvaluationAnswer"],
}, total=False)

ExplainedResource = TypedDict("ExplainedResource", {
    "id": str,
    "type": Required[str],
}, total=False)

Explanation = TypedDict("Explanation", {
    "access": list["AreaAccess"],
    "action": Required[str],
    "at": str,
    "decision": Required[Literal['allow', 'deny', 'error']],
    "decision_id": str,
    "note": str,
    "policy": "PolicyGrounds",
    "preview_of": str,
    "reasons": list["ReasonText"],
    "resource": Required["ExplainedResource"],
    "shown": list[str],
    "user": str,
    "view": str,
}, total=False)

FieldFault = TypedDict("FieldFault", {
    "detail": Required[str],
    "pointer": Required[str],
}, total=False)

Filter = TypedDict("Filter", {
    "area": Required[str],
    "args": list[str],
    "columns": list[str],
    "kind": Literal['all', 'none', 'where'],
    "masks": dict[str, "ColumnMask"],
    "names": list[str],
    "sql": str,
    "ucast": Any,
    "valid_until": Required[str],
}, total=False)

FilterAnswer = TypedDict("FilterAnswer", {
    "area": str,
    "args": list[str],
    "columns": list[str],
    "filters": list["Filter"],
    "kind": Literal['all', 'none', 'where'],
    "masks": dict[str, "ColumnMask"],
    "names": list[str],
    "sql": str,
    "ucast": Any,
    "valid_until": Required[str],
}, total=False)

FilterRequest = TypedDict("FilterRequest", {
    "accounts": Literal['id', 'external_id'],
    "action": str,
    "area": str,
    "columns": dict[str, Any],
    "dialect": Literal['postgres', 'mysql', 'sqlite', 'ucast'],
    "first": int,
    "placeholders": Literal['dollar', 'question', 'named'],
    "single_tenant": bool,
}, total=False)

FilterText = TypedDict("FilterText", {
    "args": list[Any],
    "condition": str,
    "dialect": str,
    "kind": Required[Literal['all', 'none', 'where']],
    "sql": str,
}, total=False)

FiltersRequest = TypedDict("FiltersRequest", {
    "accounts": Literal['id', 'external_id'],
    "action": str,
    "area": str,
    "columns": dict[str, Any],
    "dialect": Literal['postgres', 'mysql', 'sqlite', 'ucast'],
    "filters": list["FilterRequest"],
    "first": int,
    "placeholders": Literal['dollar', 'question', 'named'],
    "single_tenant": bool,
    "user": Required[str],
}, total=False)

FirstGroup = TypedDict("FirstGroup", {
    "default_access": list[Literal['create', 'read', 'update', 'delete']],
    "external_id": Union[str, None],
    "lend_to": Union[Literal['none', 'all'], list[str]],
    "name": str,
    "public_name": Union[str, None],
    "rows": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "template": Literal['default-reseller'],
}, total=False)

FoundAction = TypedDict("FoundAction", {
    "name": Required[str],
}, total=False)

FoundEntity = TypedDict("FoundEntity", {
    "id": Required[str],
    "type": Required[str],
}, total=False)

Group = TypedDict("Group", {
    "account_id": str,
    "created_at": str,
    "default_access": list[Literal['create', 'read', 'update', 'delete']],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": Required[str],
    "lend_to": Union[Literal['none', 'all'], list[str]],
    "name": str,
    "public_name": Union[str, None],
    "rows": dict[str, list[Literal['create', 'read', 'update', 'delete']]],
    "template": Union[str, None],
    "updated_at": str,
}, total=False)

GroupByName = TypedDict("GroupByName", {
    "account_id": str,
    "created_at": str,
    "default_access": list[Literal['create', 'read', 'update', 'delete']],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "lend_to": Union[Literal['none', 'all'], list[str]],
    "name": str,
    "public_name": Union[str, None],
    "rows": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "template": Union[str, None],
    "updated_at": str,
}, total=False)

GroupCreate = TypedDict("GroupCreate", {
    "account_id": str,
    "default_access": list[Literal['create', 'read', 'update', 'delete']],
    "external_id": Union[str, None],
    "lend_to": Union[Literal['none', 'all'], list[str]],
    "name": Required[str],
    "public_name": Union[str, None],
    "rows": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
}, total=False)

GroupList = TypedDict("GroupList", {
    "items": Required[list["Group"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

GroupPutByName = TypedDict("GroupPutByName", {
    "account_id": str,
    "default_access": list[Literal['create', 'read', 'update', 'delete']],
    "external_id": Required[Union[str, None]],
    "lend_to": Union[Literal['none', 'all'], list[str]],
    "name": str,
    "public_name": Union[str, None],
    "rows": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
}, total=False)

GroupUpdate = TypedDict("GroupUpdate", {
    "account_id": str,
    "created_at": str,
    "default_access": list[Literal['create', 'read', 'update', 'delete']],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "lend_to": Union[Literal['none', 'all'], list[str]],
    "name": str,
    "public_name": Union[str, None],
    "rows": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
    "template": Union[str, None],
    "updated_at": str,
}, total=False)

GroupUpdateMergePatch = TypedDict("GroupUpdateMergePatch", {
    "account_id": str,
    "created_at": str,
    "default_access": list[Literal['create', 'read', 'update', 'delete']],
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "id": str,
    "lend_to": Union[Literal['none', 'all'], list[str]],
    "name": str,
    "public_name": Union[str, None],
    "rows": Union[dict[str, Union[list[Literal['create', 'read', 'update', 'delete']], None]], None],
    "template": Union[str, None],
    "updated_at": str,
}, total=False)

GroupWithWarnings = TypedDict("GroupWithWarnings", {
    "account_id": str,
    "created_at": str,
    "default_access": list[Literal['create', 'read', 'update', 'delete']],
    "external_id": Union[str, None],
    "id": Required[str],
    "lend_to": Union[Literal['none', 'all'], list[str]],
    "name": str,
    "public_name": Union[str, None],
    "rows": dict[str, list[Literal['create', 'read', 'update', 'delete']]],
    "template": Union[str, None],
    "updated_at": str,
    "warnings": list["FieldFault"],
}, total=False)

GroupWithWarningsOrDryRun = Union["GroupWithWarnings", "DryRun"]

GroupWritten = TypedDict("GroupWritten", {
    "etag": str,
    "id": str,
    "problem": "Problem",
    "row": "GroupWithWarnings",
    "status": Required[int],
}, total=False)

GroupsPut = TypedDict("GroupsPut", {
    "items": Required[list["GroupPutByName"]],
}, total=False)

GroupsWritten = TypedDict("GroupsWritten", {
    "items": Required[list["GroupWritten"]],
}, total=False)

ImportChoice = TypedDict("ImportChoice", {
    "effect": str,
    "parameter": Required[str],
    "value": Required[str],
}, total=False)

ImportColumn = TypedDict("ImportColumn", {
    "column": Required[str],
    "currency": str,
    "jurisdiction": str,
    "meaning": Required[str],
    "note": str,
    "samples": Required[list[str]],
    "unit": str,
}, total=False)

ImportLines = TypedDict("ImportLines", {
    "blank": Required[int],
    "headings": Required[int],
    "notes": Required[int],
    "priced": Required[int],
    "read": Required[int],
    "refused": Required[int],
    "repeated": Required[int],
    "superseded": Required[int],
    "totals": Required[int],
}, total=False)

ImportNote = TypedDict("ImportNote", {
    "line": Required[int],
    "sheet": str,
    "text": Required[str],
}, total=False)

ImportProfile = TypedDict("ImportProfile", {
    "answers": Required[list["Answer"]],
    "columns": Required[list["Shape"]],
    "created_at": Required[str],
    "etag": str,
    "kind": Required[Literal['provider', 'customer']],
    "limits": Required["Limits"],
    "name": Required[str],
    "options": Required[list["Setting"]],
    "typical": "Typical",
    "updated_at": Required[str],
}, total=False)

ImportProfileCreate = TypedDict("ImportProfileCreate", {
    "answers": list["AnswerInput"],
    "columns": list["Shape"],
    "created_at": str,
    "etag": str,
    "kind": Literal['provider', 'customer'],
    "limits": "LimitsInput",
    "name": str,
    "options": list["SettingInput"],
    "typical": "Typical",
    "updated_at": str,
}, total=False)

ImportProfileList = TypedDict("ImportProfileList", {
    "items": Required[list["ImportProfile"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

ImportProfileOrDryRun = Union["ImportProfile", "DryRun"]

ImportQuestion = TypedDict("ImportQuestion", {
    "choices": Required[list["ImportChoice"]],
    "code": Required[str],
    "column": str,
    "line": Required[int],
    "sample": str,
    "sheet": str,
    "text": Required[str],
}, total=False)

ImportReport = TypedDict("ImportReport", {
    "applied": Required[bool],
    "base": str,
    "columns": Required[dict[str, str]],
    "delimiter": str,
    "encoding": str,
    "format": Required[str],
    "ignored_columns": Required[list[str]],
    "lines": Required["ImportLines"],
    "mapping": Required[list["ImportColumn"]],
    "merged": Required[int],
    "mode": Required[str],
    "notes": Required[list["ImportNote"]],
    "plan": str,
    "plan_until": str,
    "profile": str,
    "rates": Required[int],
    "refusals": Required[list["RefusedLine"]],
    "refused_blocking": Required[int],
    "removals": Required[int],
    "revisions": Required[list["ImportedRevision"]],
    "warnings": Required[list[str]],
}, total=False)

ImportedRevision = TypedDict("ImportedRevision", {
    "changed": int,
    "created": int,
    "down": int,
    "falls": list["Move"],
    "id": str,
    "live_at": str,
    "longer": list["LongerPrefixes"],
    "longer_total": int,
    "removed": int,
    "rises": list["Move"],
    "rows": Required[int],
    "status": str,
    "unchanged": int,
    "up": int,
}, total=False)

Item = TypedDict("Item", {
    "gone": bool,
    "id": Required[str],
    "kind": Required[Literal['account', 'card', 'customer', 'group', 'user']],
}, total=False)

Limits = TypedDict("Limits", {
    "countries": int,
    "median": int,
    "removed": int,
    "row": int,
}, total=False)

LimitsInput = TypedDict("LimitsInput", {
    "countries": int,
    "median": int,
    "removed": int,
    "row": int,
}, total=False)

LongerPrefixes = TypedDict("LongerPrefixes", {
    "kept": Required[int],
    "prefix": Required[str],
}, total=False)

LookupCall = TypedDict("LookupCall", {
    "exit": Literal['011'],
    "jurisdiction": Literal['indeterminate', 'inter', 'intra'],
    "number": Required[str],
    "seconds": int,
}, total=False)

LookupCard = TypedDict("LookupCard", {
    "billed": int,
    "charge": Union[str, None],
    "currency": str,
    "destination": str,
    "earns": Union["Earnings", None],
    "id": str,
    "kind": Literal['provider', 'customer'],
    "name": str,
    "prefix": str,
    "rate": str,
    "role": Literal['cost', 'sale', 'below'],
    "status": Literal['open', 'blocked', 'no_route'],
}, total=False)

LookupRequest = TypedDict("LookupRequest", {
    "numbers": Required[list["LookupCall"]],
}, total=False)

LookupResult = TypedDict("LookupResult", {
    "cards": Required[list["LookupCard"]],
    "cheapest": Required[list["CheapestCard"]],
    "jurisdiction": Required[str],
    "number": Required[str],
    "seconds": Required[int],
}, total=False)

LookupResults = TypedDict("LookupResults", {
    "items": Required[list["LookupResult"]],
}, total=False)

LossAcceptance = TypedDict("LossAcceptance", {
    "accept_losses": bool,
}, total=False)

Metadata = TypedDict("Metadata", {
    "access_evaluation_endpoint": Required[str],
    "access_evaluations_endpoint": Required[str],
    "policy_decision_point": Required[str],
    "search_action_endpoint": Required[str],
    "search_resource_endpoint": Required[str],
    "search_subject_endpoint": Required[str],
}, total=False)

Move = TypedDict("Move", {
    "call": bool,
    "is": Required[str],
    "prefix": Required[str],
    "under": str,
    "was": Required[str],
}, total=False)

PolicyGrounds = TypedDict("PolicyGrounds", {
    "columns": list["CaseText"],
    "failed": list["ConditionText"],
    "filter": "FilterText",
    "hidden": list[str],
    "revision": Required[str],
    "rules": list["RuleText"],
    "views": list["CaseText"],
}, total=False)

Preview = TypedDict("Preview", {
    "against": str,
    "areas": Required[list["AreaPreview"]],
    "difference": list["AreaDifference"],
    "user": Required[str],
}, total=False)

Probe = TypedDict("Probe", {
    "status": Required[Literal['ok', 'unavailable']],
}, total=False)

Problem = TypedDict("Problem", {
    "decision_id": str,
    "detail": str,
    "errors": list["FieldFault"],
    "field": str,
    "in_the_way": "RowInTheWay",
    "mapping": list["ImportColumn"],
    "questions": list["ImportQuestion"],
    "reasons": list[str],
    "revisions": list["ImportedRevision"],
    "status": Required[int],
    "title": Required[str],
    "type": Required[Literal['urn:resellerd:problem:bad_request', 'urn:resellerd:problem:unauthorized', 'urn:resellerd:problem:forbidden', 'urn:resellerd:problem:unknown_user', 'urn:resellerd:problem:not_found', 'urn:resellerd:problem:unknown_route', 'urn:resellerd:problem:method_not_allowed', 'urn:resellerd:problem:not_acceptable', 'urn:resellerd:problem:request_timeout', 'urn:resellerd:problem:conflict', 'urn:resellerd:problem:revision_lost', 'urn:resellerd:problem:precondition_failed', 'urn:resellerd:problem:content_too_large', 'urn:resellerd:problem:unsupported_media_type', 'urn:resellerd:problem:invalid', 'urn:resellerd:problem:too_many_requests', 'urn:resellerd:problem:headers_too_large', 'urn:resellerd:problem:internal', 'urn:resellerd:problem:unavailable']],
}, total=False)

ProfitRule = TypedDict("ProfitRule", {
    "apply_to": Union[list[Literal['cost', 'inter', 'intra']], None],
    "connect": Union[str, None],
    "match": Required[str],
    "mcd": Union[int, None],
    "precision": Union[int, None],
    "pulse": Union[int, None],
    "rounding": Literal['up', 'down', 'half_up', 'half_down', None],
    "status": Literal['profit', 'blocked'],
    "type": Literal['absolute', 'relative', 'percent', 'floor', None],
    "value": Union[str, None],
}, total=False)

ProfitRuleInput = TypedDict("ProfitRuleInput", {
    "apply_to": Union[list[Literal['cost', 'inter', 'intra']], None],
    "connect": Union[str, None],
    "match": Required[str],
    "mcd": Union[int, None],
    "precision": Union[int, None],
    "pulse": Union[int, None],
    "rounding": Literal['up', 'down', 'half_up', 'half_down', None],
    "status": Literal['profit', 'blocked'],
    "type": Literal['absolute', 'relative', 'percent', 'floor', None],
    "value": Union[str, None],
}, total=False)

ProfitRules = TypedDict("ProfitRules", {
    "items": Required[list["ProfitRule"]],
}, total=False)

ProfitRulesInput = TypedDict("ProfitRulesInput", {
    "items": Required[list["ProfitRuleInput"]],
}, total=False)

Proof = TypedDict("Proof", {
    "compared": Required[int],
    "findings": Required[int],
    "items": Required[list["ProofFinding"]],
    "losing": Required[int],
    "no_route": Required[int],
    "prefixes": Required[int],
    "revision_id": Required[str],
    "routing": Required[Literal['dearest', 'cheapest']],
}, total=False)

ProofFinding = TypedDict("ProofFinding", {
    "blocked": bool,
    "jurisdictions": list[str],
    "loss": str,
    "parent": "ProofParent",
    "prefix": Required[str],
    "problem": Required[Literal['losing', 'no_route']],
    "seconds": Union[int, None],
    "sold_by": Required[str],
}, total=False)

ProofOptions = TypedDict("ProofOptions", {
    "revision_id": str,
}, total=False)

ProofParent = TypedDict("ProofParent", {
    "card_id": Required[str],
    "name": Required[Union[str, None]],
}, total=False)

Rate = TypedDict("Rate", {
    "connect": str,
    "cost": str,
    "inter": Union[str, None],
    "intra": Union[str, None],
    "mcd": int,
    "name": str,
    "prefix": str,
    "pulse": int,
    "status": Literal['open', 'blocked'],
}, total=False)

RateChange = TypedDict("RateChange", {
    "after": dict[str, Any],
    "before": dict[str, Any],
    "change": Required[Literal['created', 'removed', 'up', 'down', 'changed']],
    "prefix": Required[str],
}, total=False)

RateList = TypedDict("RateList", {
    "items": Required[list["Rate"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

ReasonText = TypedDict("ReasonText", {
    "code": Required[str],
    "description": str,
    "title": str,
}, total=False)

RebuildOptions = TypedDict("RebuildOptions", {
    "accept_losses": bool,
    "activate": bool,
    "ids": list[str],
}, total=False)

RebuildResult = TypedDict("RebuildResult", {
    "already_built": Required[int],
    "built": Required[int],
    "cards": Required[int],
    "fresh": Required[int],
    "items": list["RebuiltCard"],
    "refused": Required[int],
}, total=False)

RebuiltCard = TypedDict("RebuiltCard", {
    "blocked": int,
    "borrowed_names": int,
    "card_id": Required[str],
    "code": str,
    "detail": str,
    "reasons": list[str],
    "result": Required[Literal['built', 'already_built', 'fresh', 'refused']],
    "revision_id": str,
    "rows": int,
    "status": Literal['draft', 'active', 'inactive', 'archived', 'scheduled', 'held'],
    "warnings": list[str],
}, total=False)

RefusedLine = TypedDict("RefusedLine", {
    "cell": str,
    "column": str,
    "line": Required[int],
    "reason": Required[str],
    "sheet": str,
}, total=False)

Remaining = TypedDict("Remaining", {
    "first": Required[list[str]],
    "total": Required[int],
}, total=False)

ResourceSearchRequest = TypedDict("ResourceSearchRequest", {
    "action": Required["EvaluationAction"],
    "context": dict[str, Any],
    "page": "SearchPageRequest",
    "resource": Required["SearchedEntity"],
    "subject": Required["EvaluationEntity"],
}, total=False)

Revision = TypedDict("Revision", {
    "activated_at": Union[str, None],
    "base_id": Union[str, None],
    "created_at": str,
    "deactivated_at": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "held_reason": Union[str, None],
    "id": Required[str],
    "live_at": Union[str, None],
    "losses_accepted": bool,
    "number": Union[int, None],
    "origin": Literal['import', 'build'],
    "rows": Required[int],
    "scheduled_by": Union[str, None],
    "status": Literal['draft', 'scheduled', 'held', 'active', 'inactive', 'archived'],
}, total=False)

RevisionDiff = TypedDict("RevisionDiff", {
    "items": Required[list["RateChange"]],
    "next": str,
    "sum": "DiffTotals",
}, total=False)

RevisionList = TypedDict("RevisionList", {
    "items": Required[list["Revision"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

RevisionUpdate = TypedDict("RevisionUpdate", {
    "activated_at": Union[str, None],
    "base_id": Union[str, None],
    "created_at": str,
    "deactivated_at": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "held_reason": Union[str, None],
    "id": str,
    "live_at": Union[str, None],
    "losses_accepted": bool,
    "number": Union[int, None],
    "origin": Literal['import', 'build'],
    "rows": int,
    "scheduled_by": Union[str, None],
    "status": Literal['draft', 'scheduled', 'held', 'active', 'inactive', 'archived'],
}, total=False)

Rotation = TypedDict("Rotation", {
    "overlap": int,
}, total=False)

RowInTheWay = TypedDict("RowInTheWay", {
    "id": Required[str],
    "type": Required[str],
}, total=False)

RowsChange = TypedDict("RowsChange", {
    "example": Required[str],
    "less": Required[int],
    "more": Required[int],
    "what": Required[str],
}, total=False)

RuleText = TypedDict("RuleText", {
    "code": str,
    "depth": Required[int],
    "file": Required[str],
    "line": Required[int],
    "rule": Required[str],
    "text": Required[str],
    "title": str,
}, total=False)

SearchContext = TypedDict("SearchContext", {
    "hint": str,
    "unknown": list[str],
}, total=False)

SearchPage = TypedDict("SearchPage", {
    "count": Required[int],
    "next_token": Required[str],
}, total=False)

SearchPageRequest = TypedDict("SearchPageRequest", {
    "limit": int,
    "token": str,
}, total=False)

SearchedEntity = TypedDict("SearchedEntity", {
    "id": Any,
    "properties": dict[str, Any],
    "type": Required[str],
}, total=False)

Setting = TypedDict("Setting", {
    "parameter": Required[str],
    "value": Required[str],
}, total=False)

SettingInput = TypedDict("SettingInput", {
    "parameter": str,
    "value": str,
}, total=False)

Shape = TypedDict("Shape", {
    "column": Required[str],
    "meaning": Required[str],
    "unit": str,
}, total=False)

ShownRow = TypedDict("ShownRow", {
    "row": Required[Any],
    "view": Required[str],
}, total=False)

SubjectSearchRequest = TypedDict("SubjectSearchRequest", {
    "action": Required["EvaluationAction"],
    "context": dict[str, Any],
    "page": "SearchPageRequest",
    "resource": Required["EvaluationEntity"],
    "subject": Required["SearchedEntity"],
}, total=False)

TemplateGroupCreate = TypedDict("TemplateGroupCreate", {
    "account_id": str,
    "default_access": list[Literal['create', 'read', 'update', 'delete']],
    "external_id": Union[str, None],
    "lend_to": Union[Literal['none', 'all'], list[str]],
    "name": str,
    "public_name": Union[str, None],
    "rows": Union[dict[str, list[Literal['create', 'read', 'update', 'delete']]], None],
}, total=False)

Typical = TypedDict("Typical", {
    "cost": Required[str],
    "mcd": Required[int],
    "pulse": Required[int],
}, total=False)

User = TypedDict("User", {
    "account_id": str,
    "created_at": str,
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "group_ends": dict[str, str],
    "groups": list[str],
    "id": Required[str],
    "ip_allow": list[str],
    "login": str,
    "name": Union[str, None],
    "status": Literal['active', 'disabled'],
    "time_zone": Union[str, None],
    "updated_at": str,
}, total=False)

UserByName = TypedDict("UserByName", {
    "account_id": str,
    "created_at": str,
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "group_ends": Union[dict[str, str], None],
    "groups": list[str],
    "id": str,
    "ip_allow": list[str],
    "login": str,
    "name": Union[str, None],
    "status": Literal['active', 'disabled'],
    "time_zone": Union[str, None],
    "updated_at": str,
}, total=False)

UserCreate = TypedDict("UserCreate", {
    "account_id": str,
    "external_id": Union[str, None],
    "group_ends": Union[dict[str, str], None],
    "groups": Required[list[str]],
    "ip_allow": list[str],
    "login": Required[str],
    "name": Union[str, None],
    "status": Literal['active', 'disabled'],
    "time_zone": Union[str, None],
}, total=False)

UserDifference = TypedDict("UserDifference", {
    "areas": Required[list["AreaDifference"]],
    "user": Required[str],
    "withheld": bool,
}, total=False)

UserList = TypedDict("UserList", {
    "items": Required[list["User"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

UserOrDryRun = Union["User", "DryRun"]

UserPutByName = TypedDict("UserPutByName", {
    "account_id": str,
    "external_id": Required[Union[str, None]],
    "group_ends": Union[dict[str, str], None],
    "groups": list[str],
    "ip_allow": list[str],
    "login": str,
    "name": Union[str, None],
    "status": Literal['active', 'disabled'],
    "time_zone": Union[str, None],
}, total=False)

UserUpdate = TypedDict("UserUpdate", {
    "account_id": str,
    "created_at": str,
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "group_ends": Union[dict[str, str], None],
    "groups": list[str],
    "id": str,
    "ip_allow": list[str],
    "login": str,
    "name": Union[str, None],
    "status": Literal['active', 'disabled'],
    "time_zone": Union[str, None],
    "updated_at": str,
}, total=False)

UserUpdateByID = TypedDict("UserUpdateByID", {
    "account_id": str,
    "created_at": str,
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "group_ends": Union[dict[str, str], None],
    "groups": list[str],
    "id": Required[str],
    "ip_allow": list[str],
    "login": str,
    "name": Union[str, None],
    "status": Literal['active', 'disabled'],
    "time_zone": Union[str, None],
    "updated_at": str,
}, total=False)

UserUpdateMergePatch = TypedDict("UserUpdateMergePatch", {
    "account_id": str,
    "created_at": str,
    "etag": str,
    "expanded": dict[str, Any],
    "external_id": Union[str, None],
    "group_ends": Union[dict[str, Union[str, None]], None],
    "groups": list[str],
    "id": str,
    "ip_allow": list[str],
    "login": str,
    "name": Union[str, None],
    "status": Literal['active', 'disabled'],
    "time_zone": Union[str, None],
    "updated_at": str,
}, total=False)

UserWritten = TypedDict("UserWritten", {
    "etag": str,
    "id": str,
    "problem": "Problem",
    "row": "User",
    "status": Required[int],
}, total=False)

UsersCreate = TypedDict("UsersCreate", {
    "items": Required[list["UserCreate"]],
}, total=False)

UsersPut = TypedDict("UsersPut", {
    "items": Required[list["UserPutByName"]],
}, total=False)

UsersUpdate = TypedDict("UsersUpdate", {
    "items": Required[list["UserUpdateByID"]],
}, total=False)

UsersWritten = TypedDict("UsersWritten", {
    "items": Required[list["UserWritten"]],
}, total=False)

VisibleChange = TypedDict("VisibleChange", {
    "after": Required[int],
    "before": Required[int],
}, total=False)

Webhook = TypedDict("Webhook", {
    "account_id": str,
    "attempts": int,
    "created_at": str,
    "dead_letters": int,
    "delivered_at": Union[str, None],
    "ended_reason": Literal['user', 'gone', None],
    "error": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "id": Required[str],
    "next_at": Union[str, None],
    "old_until": Union[str, None],
    "rotated_at": str,
    "status": Literal['active', 'paused', 'ended'],
    "updated_at": str,
    "url": str,
    "user_id": str,
}, total=False)

WebhookCreate = TypedDict("WebhookCreate", {
    "account_id": str,
    "status": Literal['active', 'paused', 'ended'],
    "url": Required[str],
    "user_id": str,
}, total=False)

WebhookList = TypedDict("WebhookList", {
    "items": Required[list["Webhook"]],
    "next": str,
    "prev": str,
    "total": int,
}, total=False)

WebhookMade = TypedDict("WebhookMade", {
    "account_id": str,
    "attempts": int,
    "created_at": str,
    "dead_letters": int,
    "delivered_at": Union[str, None],
    "ended_reason": Literal['user', 'gone', None],
    "error": Union[str, None],
    "id": Required[str],
    "next_at": Union[str, None],
    "old_until": Union[str, None],
    "rotated_at": str,
    "secret": str,
    "status": Literal['active', 'paused', 'ended'],
    "updated_at": str,
    "url": str,
    "user_id": str,
}, total=False)

WebhookUpdate = TypedDict("WebhookUpdate", {
    "account_id": str,
    "attempts": int,
    "created_at": str,
    "dead_letters": int,
    "delivered_at": Union[str, None],
    "ended_reason": Literal['user', 'gone', None],
    "error": Union[str, None],
    "etag": str,
    "expanded": dict[str, Any],
    "id": str,
    "next_at": Union[str, None],
    "old_until": Union[str, None],
    "rotated_at": str,
    "status": Literal['active', 'paused', 'ended'],
    "updated_at": str,
    "url": str,
    "user_id": str,
}, total=False)
