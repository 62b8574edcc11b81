package server

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"resellerd/server/insight"
	"resellerd/server/strictjson"
	"resellerd/store"
)

// ParseChange reads a proposed change. The change is a JSON object with exactly
// one of "group", "user", "account" and "assignment". The first three hold an
// id; "set" then holds the fields, as the API takes them. "assignment" holds an
// object with "card" and "account", and with "valid_from", "valid_to" or
// "withdraw": true.
func ParseChange(text []byte) (*insight.Change, error) {
	value, err := strictjson.Parse(text)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want an object, not %T", value)
	}
	f := fieldsOf(object)
	set, _ := f.object("set")
	if set == nil {
		set = emptyFields()
	}
	var change *insight.Change
	for _, kind := range slices.Sorted(maps.Keys(changeReaders)) {
		if _, sent := f.value(kind); !sent {
			continue
		}
		if change != nil {
			return nil, fmt.Errorf("want one of group, user, account and assignment")
		}
		change = changeReaders[kind](f, set)
	}
	if fault := f.err(); fault != nil {
		return nil, fault
	}
	if change == nil {
		return nil, fmt.Errorf("want one of group, user, account and assignment")
	}
	return change, nil
}

// changeReaders read one kind of change each. They record faults in the fields
// that they read.
var changeReaders = map[string]func(f, set *fields) *insight.Change{
	"group": func(f, set *fields) *insight.Change {
		id, patch := or(f.line("group"), ""), plainGroupPatch(set)
		return &insight.Change{Apply: func(ctx context.Context, tx *store.Tx) error { _, err := tx.UpdateGroup(ctx, id, patch); return err }}
	},
	"user": func(f, set *fields) *insight.Change {
		id, patch := or(f.line("user"), ""), userPatch(set)
		return &insight.Change{Apply: func(ctx context.Context, tx *store.Tx) error { _, err := tx.UpdateUser(ctx, id, patch); return err }}
	},
	"account": func(f, set *fields) *insight.Change {
		id, patch := or(f.line("account"), ""), accountPatch(set)
		return &insight.Change{Apply: func(ctx context.Context, tx *store.Tx) error { _, err := tx.UpdateAccount(ctx, id, patch); return err }}
	},
	"assignment": readAssignment,
}

// plainGroupPatch reads a group's fields. The store checks the accounts that the
// group is lent to.
func plainGroupPatch(f *fields) store.GroupPatch {
	p := store.GroupPatch{
		Name: f.line("name"), PublicName: f.line("public_name"),
		DefaultAccess: f.letters("default_access"), Rows: f.access("rows"),
	}
	value, sent := f.value("lend_to")
	if word, ok := value.(string); ok {
		p.Lend, p.LentTo = &word, &[]string{}
	} else if list, ok := textList(value); ok {
		some := store.LendSome
		p.Lend, p.LentTo = &some, &list
	} else if sent {
		f.refuse("lend_to", `must be "none", "all" or a list of accounts`)
	}
	return p
}

func readAssignment(f, _ *fields) *insight.Change {
	a, ok := f.object("assignment")
	if !ok {
		f.refuse("assignment", "must be an object")
		return &insight.Change{}
	}
	card, account := or(a.line("card"), ""), or(a.line("account"), "")
	from, to := a.moment("valid_from"), a.moment("valid_to")
	withdraw, sent := a.value("withdraw")
	if _, isBool := withdraw.(bool); sent && !isBool {
		a.refuse("withdraw", "must be true or false")
	}
	return &insight.Change{Apply: func(ctx context.Context, tx *store.Tx) error {
		if withdraw == true {
			return tx.WithdrawCard(ctx, card, account)
		}
		_, err := tx.AssignCard(ctx, store.Assignment{CardID: card, AccountID: account, ValidFrom: from, ValidTo: to})
		return err
	}}
}
