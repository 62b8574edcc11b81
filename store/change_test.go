package store_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// rowState is everything that any view shows of a row, by query.ShownAs, and its
// policy columns.
type rowState struct {
	shown  map[string]any
	policy map[string]any
}

// allStates reads all rows of the told types in all views. It does not use images.
func allStates(t *testing.T, s *store.Store) map[string]rowState {
	t.Helper()
	all, states := predicate.Filter{Kind: predicate.All}, map[string]rowState{}
	for _, typ := range store.ToldTypes() {
		for _, view := range []string{"full", schema.Translated, "lent"} {
			names := schema.ByName[typ].Names()
			q := query.Query{Type: typ, Filter: all, Limit: query.MaxLimit, Views: []query.View{{Name: view, When: all}}, Columns: []query.Columns{{Names: names, When: all}}}
			page, err := s.List(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Rows {
				at := typ + " " + row.ID()
				if _, ok := states[at]; !ok {
					states[at] = rowState{map[string]any{}, policyColumns(t, s, typ, row.ID())}
				}
				for _, name := range names {
					if value, ok := row.Value(name); ok {
						states[at].shown[query.ShownAs(typ, view, name)] = value
					}
				}
			}
		}
	}
	return states
}

// policyColumns returns the columns of a row that filters may refer to.
func policyColumns(t *testing.T, s *store.Store, typ, id string) map[string]any {
	t.Helper()
	row, err := s.PolicyRow(ctx, typ, id)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]any{}
	for _, c := range schema.Info(typ).Columns {
		if value, ok := row[c.Name]; ok && !c.Opaque {
			kept[c.Name] = value
		}
	}
	return kept
}

// differences returns the changes that turn one state into the other.
func differences(before, after map[string]rowState) map[string]store.Change {
	all := map[string]store.Change{}
	for _, side := range []map[string]rowState{before, after} {
		for at := range side {
			was, is := before[at], after[at]
			c := store.Change{Before: was.policy, After: is.policy}
			for _, shown := range []map[string]any{was.shown, is.shown} {
				for name := range shown {
					if was.shown == nil || is.shown == nil || !reflect.DeepEqual(was.shown[name], is.shown[name]) {
						c.Changed = append(c.Changed, name)
					}
				}
			}
			if slices.Sort(c.Changed); len(c.Changed) > 0 {
				c.Changed = slices.Compact(c.Changed)
				all[at] = c
			}
		}
	}
	return all
}

// changing is a sequence of random writes of one tenant.
type changing struct {
	*carrier
	t   *testing.T
	r   *rand.Rand
	ids map[string][]string // by type
}

func (c *changing) one(typ string) string { return pick(c.r, c.ids[typ]) }

func (c *changing) text() string { return fmt.Sprint("text ", c.r.IntN(4)) }

// write does one or two random writes. Those that the store refuses write nothing.
func (c *changing) write(tx *store.Tx) (err error) {
	for range 1 + c.r.IntN(2) {
		if err == nil {
			err = c.random(tx)
		}
	}
	return err
}

func (c *changing) random(tx *store.Tx) (err error) {
	text := c.text()
	switch c.r.IntN(18) {
	case 0:
		_, err = tx.UpdateAccount(ctx, c.one("account"), store.AccountPatch{Name: &text, Ceiling: &store.Access{"customer": pick(c.r, []string{"r", "cru"})}})
	case 1:
		_, err = tx.UpdateCustomer(ctx, c.one("customer"), store.CustomerPatch{Notes: &text})
	case 2:
		_, err = tx.UpdateCard(ctx, store.AllRates, c.one("card"), store.CardPatch{Name: &text, PublicName: ptr(c.text())})
	case 3:
		_, err = tx.UpdateCard(ctx, store.AllRates, c.one("card"), store.CardPatch{ChargePrecision: ptr(c.r.IntN(5)), AtLoss: true})
	case 4:
		groups := []string{pick(c.r, []string{c.own.ID, c.lent.ID})}
		_, err = tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{Groups: &groups, Name: &text})
	case 5:
		lent := []string{c.reseller.ID, c.sibling.ID}[:1+c.r.IntN(2)]
		_, err = tx.UpdateGroup(ctx, c.lent.ID, store.GroupPatch{PublicName: &text, LentTo: &lent, Rows: &store.Access{"cdr": pick(c.r, []string{"r", "cr"})}})
	case 6:
		_, err = tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: pick(c.r, []string{c.reseller.ID, c.sibling.ID})})
	case 7:
		err = tx.WithdrawCard(ctx, c.sold.ID, pick(c.r, []string{c.reseller.ID, c.sibling.ID}))
	case 8:
		_, err = tx.PutCustomerOnCard(ctx, store.CardCustomer{CardID: c.one("card"), CustomerID: c.one("customer")})
	case 9:
		err = tx.RemoveCustomerFromCard(ctx, c.one("card"), c.one("customer"))
	case 10:
		err = tx.SetParents(ctx, store.AllRates, c.one("card"), []store.Parent{{CardID: c.sold.ID}}[:min(1, c.r.IntN(4))])
	case 11:
		err = tx.SetProfitRules(ctx, c.resold.ID, []store.ProfitRule{{Match: "*", Type: "percent", Value: int64(c.r.IntN(3)) * 1e10, Status: store.RuleProfit}})
	case 12, 13:
		card := pick(c.r, []string{c.sold.ID, c.resold.ID, c.bought.ID})
		if c.r.IntN(2) == 0 {
			_, err = tx.ActivateRevision(ctx, store.AllRates, card, drafted(tx, card, pick(c.r, []string{"0.05", "0.07"})).ID)
		} else {
			drafted(tx, card, "0.06")
		}
	case 14:
		var made store.Customer
		made, err = tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: text})
		c.ids["customer"] = append(c.ids["customer"], made.ID)
	case 15:
		err = tx.DeleteCustomer(ctx, c.one("customer"), 0)
	case 16:
		var made store.Card
		made, err = tx.CreateCard(ctx, newCard(c.reseller, schema.CustomerCard))
		c.ids["card"] = append(c.ids["card"], made.ID)
	case 17:
		err = tx.DeleteCard(ctx, c.one("card"), 0)
	}
	return err
}

// told reads the changes after a place, and refuses those out of order.
func (c *changing) told(after *store.ChangePlace) map[string]store.Change {
	c.t.Helper()
	all := map[string]store.Change{}
	for {
		some, err := c.Changes(ctx, c.master.ID, *after, math.MaxInt64, 3)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, one := range some {
			if one.Mark == "" || one.At == 0 {
				c.t.Errorf("%+v has no mark or time", one)
			}
			if of, err := c.ChangeCommit(ctx, c.master.ID, one.Mark); err != nil || of != (store.ChangeCommit{Revision: one.Revision, Mark: one.Mark, At: one.At}) {
				c.t.Errorf("by its mark, the commit of %+v is %+v, %v", one, of, err)
			}
			*after = one.Place()
			all[one.Type+" "+one.ID] = store.Change{Changed: one.Changed, Before: one.Before, After: one.After}
		}
		if len(some) == 0 {
			return all
		}
	}
}

// Whatever a transaction writes, the stored changes are those that an observer sees who
// compares all rows, in all views, before and after.
func TestChangesAreWhatAnObserverSees(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, carrier *carrier, at func(int)) {
		mustWrite(t, carrier.Store, carrier.master.ID, func(tx *store.Tx) {
			drafts := []store.Revision{drafted(tx, carrier.sold.ID, "0.01"), drafted(tx, carrier.resold.ID, "0.09")}
			must(tx.AssignCard(ctx, store.Assignment{CardID: carrier.sold.ID, AccountID: carrier.reseller.ID}))
			mustDo(tx.SetParents(ctx, store.AllRates, carrier.resold.ID, []store.Parent{{CardID: carrier.sold.ID}}))
			for _, r := range drafts {
				must(tx.ActivateRevision(ctx, store.AllRates, r.CardID, r.ID))
			}
		})
		for seed := range uint64(depth.Runs(1)) {
			c := &changing{carrier, t, rand.New(rand.NewPCG(depth.FirstSeed()+seed, 17)), map[string][]string{
				"account": {carrier.master.ID, carrier.reseller.ID, carrier.sibling.ID}, "customer": {carrier.customer.ID},
				"card": {carrier.sold.ID, carrier.resold.ID, carrier.bought.ID}}}
			met, place := map[string]int{}, store.ChangePlace{}
			c.told(&place)
			for n := range 150 {
				at(int(seed)*150 + n)
				before := allStates(t, c.Store)
				err := writeQuietly(c)
				want, got := differences(before, allStates(t, c.Store)), c.told(&place)
				if err != nil && len(want) > 0 {
					t.Fatalf("a refused write (%v) changed %v", err, want)
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("RESELLERD_TEST_SEED=%d, write %d: told\n%v\nwant\n%v", depth.FirstSeed()+seed, n, got, want)
				}
				for row := range want {
					met[row[:4]]++
				}
			}
			for _, typ := range []string{"acco", "card", "cust", "grou", "user"} {
				if met[typ] == 0 {
					t.Errorf("no %s changed, of %v", typ, met)
				}
			}
		}
	})
}

// writeQuietly returns what must and mustDo panic with.
func writeQuietly(c *changing) (err error) {
	defer func() {
		if failed, ok := recover().(writeFailed); ok {
			err = failed.error
		}
	}()
	return c.carrier.write(c.write)
}

func TestChangesAreOfOneTenantAndPrunedByTimeAlone(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		at(100)
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateCustomer(ctx, c.customer.ID, store.CustomerPatch{Name: ptr("Later")}))
		})
		changes := func(tenant string) int {
			return len(must(c.Changes(ctx, tenant, store.ChangePlace{}, math.MaxInt64, 1000)))
		}
		whole, strangers := changes(c.master.ID), changes(c.stranger.ID)
		if strangers != 1 {
			t.Errorf("another tenant has %d changes, want its own account", strangers)
		}
		keep := store.Keep{Changes: 50 * time.Hour}
		revision := c.Revision()
		for _, test := range []struct{ hour, left int }{{50, whole}, {51, whole}, {52, 1}, {151, 1}, {152, 0}} {
			at(test.hour)
			must(c.Prune(ctx, keep))
			if left := changes(c.master.ID); left != test.left {
				t.Errorf("hour %d: %d changes are left, want %d", test.hour, left, test.left)
			}
		}
		if c.Revision() != revision {
			t.Error("pruning changed the data revision")
		}
		if _, err := c.ChangeCommit(ctx, c.master.ID, "\x00"); err == nil {
			t.Error("a malformed mark is found")
		} else {
			refused(t, err, fault.ErrNotFound, "")
		}
	})
}

// committed returns the changes that a write stores.
func (c *carrier) committed(t *testing.T, fn func(tx *store.Tx)) (all []store.Change) {
	t.Helper()
	place := store.ChangePlace{Revision: c.Revision() + 1}
	mustWrite(t, c.Store, c.master.ID, fn)
	for {
		some := must(c.Changes(ctx, c.master.ID, place, math.MaxInt64, 7))
		if len(some) == 0 {
			return all
		}
		all, place = append(all, some...), some[len(some)-1].Place()
	}
}

// How many rows a commit changes decides only how its changes are stored: they are the same. A
// reader may go on after each of them, with any limit.
func TestChangesOfManyRowsAreThoseOfEach(t *testing.T) {
	t.Parallel()
	shown := func(all []store.Change) (texts []string) {
		for i := range all {
			c := &all[i]
			texts = append(texts, fmt.Sprintf("%s %s %v %#v %#v", c.Type, c.ID, c.Changed, c.Before, c.After))
		}
		return texts
	}
	storetest.EachWith(t, store.Options{MaxChanges: 100}, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var made []store.Account
		var built []store.Card
		writes := func(n int) func(tx *store.Tx) {
			return func(tx *store.Tx) {
				for i := range n {
					a := must(tx.CreateAccount(ctx, store.Account{ParentID: c.master.ID, Name: fmt.Sprint("One of many ", i), ExternalID: fmt.Sprint(len(made))}))
					made = append(made, a)
					g := must(tx.CreateGroup(ctx, store.Group{AccountID: a.ID, Name: "Own", Rows: store.Access{"customer": "r"}}))
					must(tx.CreateUser(ctx, store.User{AccountID: a.ID, Login: fmt.Sprintf("user%d@example.com", len(made)), Groups: []string{g.ID}}))
					must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: a.ID}))
					card := must(tx.CreateCard(ctx, newCard(a, schema.CustomerCard)))
					mustDo(tx.SetParents(ctx, store.AllRates, card.ID, []store.Parent{{CardID: c.sold.ID}}))
					built = append(built, card)
				}
			}
		}
		from := store.ChangePlace{Revision: c.Revision() + 1}
		rows := c.committed(t, writes(130))
		count := map[string]int{}
		for i, change := range rows {
			if i > 0 && change.Type+change.ID <= rows[i-1].Type+rows[i-1].ID {
				t.Fatalf("change %d is out of order", i)
			}
			count[change.Type]++
			if change.Before != nil && change.ID != c.sold.ID || change.After == nil {
				t.Fatalf("change %d is %.300v", i, change)
			}
			limit := 1 + i%3*60
			if next := must(c.Changes(ctx, c.master.ID, change.Place(), math.MaxInt64, limit)); !reflect.DeepEqual(next, rows[i+1:min(i+1+limit, len(rows))]) && i+1 < len(rows) {
				t.Fatalf("after change %d come %d, of %d: %.200v", i, len(next), limit, next)
			}
		}
		for _, limit := range []int{1, 49, 50, 51, 130, 131, 132, 200, len(rows), 1000} {
			if first := must(c.Changes(ctx, c.master.ID, from, math.MaxInt64, limit)); !reflect.DeepEqual(first, rows[:min(limit, len(rows))]) {
				t.Errorf("at most %d changes are %d", limit, len(first))
			}
		}
		if fmt.Sprint(count) != "map[account:130 card:131 group:130 user:130]" {
			t.Errorf("the commit changed %v", count)
		}
		rename := func(tx *store.Tx, n int) {
			for _, a := range made[:n] {
				must(tx.UpdateAccount(ctx, a.ID, store.AccountPatch{Name: ptr(a.Name + "!"), Status: ptr(store.Suspended)}))
			}
		}
		several := shown(c.committed(t, func(tx *store.Tx) { rename(tx, 130) }))
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			for _, a := range made {
				must(tx.UpdateAccount(ctx, a.ID, store.AccountPatch{Name: ptr(a.Name), Status: ptr(store.Active)}))
			}
		})
		few := shown(c.committed(t, func(tx *store.Tx) { rename(tx, 90) }))
		for _, text := range few {
			if !slices.Contains(several, text) {
				t.Fatalf("of many rows, no change is\n%s\nthe first one is\n%s", text, several[0])
			}
		}
		if len(several) != 130 || len(few) != 90 {
			t.Errorf("%d and %d changes", len(several), len(few))
		}
		before := built[0]
		deleted := c.committed(t, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{PublicName: ptr("Another name")}))
			mustDo(tx.DeleteCard(ctx, before.ID, 0))
		})
		for _, change := range deleted {
			if change.ID == before.ID && (change.Before == nil || change.After != nil) {
				t.Errorf("a deleted card is told as %.300v", change)
			}
		}
		if len(deleted) < 130 {
			t.Errorf("a card that 130 others name tells %d changes", len(deleted))
		}
		var one store.Card
		own := c.committed(t, func(tx *store.Tx) {
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
			one = must(tx.CreateCard(ctx, newCard(c.reseller, schema.CustomerCard)))
			mustDo(tx.SetParents(ctx, store.AllRates, one.ID, []store.Parent{{CardID: c.sold.ID}}))
		})
		var ids []string
		for _, change := range own {
			ids = append(ids, change.ID)
		}
		if want := slices.Sorted(slices.Values([]string{c.sold.ID, one.ID})); !slices.Equal(ids, want) {
			t.Errorf("an assignment stores changes of %v, want %v", ids, want)
		}
	})
}

// A commit holds the data revision, which in PostgreSQL is that of all tenants, no longer for many
// rows than for a few, and holds a statement's worth of their changes in memory: it writes the
// changes between reading the rows. Meanwhile another tenant writes.
func TestManyChangesAreWrittenBeforeTheDataRevision(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		const someBytes, someReads = 512 << 10, 100
		var mu sync.Mutex
		var largest, held, reads, mostReads, wrote, others int
		locked := false
		heard := storetest.Statements{Given: func(text string, args []driver.NamedValue) {
			mu.Lock()
			defer mu.Unlock()
			bytes := 0
			for _, a := range args {
				bytes += len(fmt.Sprint(a.Value))
			}
			largest = max(largest, bytes)
			switch {
			case strings.HasPrefix(text, "UPDATE data_revision"):
				locked = true
			case locked && strings.HasPrefix(text, "INSERT"):
				held += bytes
			case strings.Contains(text, " FROM customers t WHERE t.id IN ("):
				reads++
				mostReads = max(mostReads, reads)
			case strings.HasPrefix(text, "INSERT") && bytes > 10_000:
				reads = 0
				wrote++
			}
			if bytes < 10_000 || c.Dialect() != "postgres" {
				return
			}
			within, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			err := c.Write(within, c.stranger.ID, func(tx *store.Tx) error {
				_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.stranger.ID, Name: "Of another tenant"})
				return err
			})
			if others++; err != nil {
				t.Errorf("while changes of another tenant are written: %v", err)
			}
		}}
		s := storetest.Open(t, storetest.URL(t, c.Store), store.Options{Wrap: heard.Wrap})
		var before []int
		for _, rows := range []int{60, 6000} {
			locked, held = false, 0
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
				n := 0
				mustDo(tx.CreateCustomers(ctx, func() (*store.Customer, error) {
					if n++; n > rows {
						return nil, nil
					}
					return &store.Customer{ID: store.RandomID("customer"), AccountID: c.reseller.ID, Name: fmt.Sprint("One of many ", n), Status: store.Active}, nil
				}))
			})
			before = append(before, held)
		}
		if before[0] == 0 || before[0] != before[1] {
			t.Errorf("under the data revision, commits of 60 and of 6,000 rows write %d bytes", before)
		}
		if largest > someBytes || mostReads > someReads || wrote < 3 {
			t.Errorf("%d statements wrote changes, the largest %d bytes, after at most %d reads", wrote, largest, mostReads)
		}
		if c.Dialect() == "postgres" && others == 0 {
			t.Error("no other tenant wrote meanwhile")
		}
		place, told := store.ChangePlace{}, 0
		for {
			some := must(s.Changes(ctx, c.master.ID, place, math.MaxInt64, 1000))
			if len(some) == 0 {
				break
			}
			told, place = told+len(some), some[len(some)-1].Place()
		}
		if told < 6060 {
			t.Errorf("told are %d changes", told)
		}
	})
}

// Packs are pruned with the changes that they hold, by time alone, however many there are.
func TestPacksArePrunedByTimeAlone(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		few, n := storetest.Open(t, storetest.URL(t, c.Store), store.Options{Now: c.Now, MaxChanges: 1}), 0
		for _, hour := range []int{100, 120} {
			at(hour)
			mustWrite(t, few, c.master.ID, func(tx *store.Tx) {
				for range 60 {
					n++
					must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "One of many"}))
					must(tx.CreateUser(ctx, store.User{AccountID: c.reseller.ID, Login: fmt.Sprintf("many%d@example.com", n), Groups: []string{c.own.ID}}))
				}
			})
			mustWrite(t, few, c.stranger.ID, func(tx *store.Tx) {
				for range 2 {
					must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.stranger.ID, Name: "One of two"}))
				}
			})
		}
		db := storetest.SQL(t, c.Store)
		packs := func(tenant string) (n int) {
			mustDo(db.QueryRow("SELECT count(*) FROM change_packs WHERE tenant_id = '" + tenant + "'").Scan(&n))
			return n
		}
		one := packs(c.master.ID) / 2
		for _, test := range []struct{ hour, mine, theirs int }{{150, 2 * one, 2}, {152, one, 1}, {172, 0, 0}} {
			at(test.hour)
			must(c.Prune(ctx, store.Keep{Changes: 50 * time.Hour}))
			if mine, theirs := packs(c.master.ID), packs(c.stranger.ID); one < 62 || mine != test.mine || theirs != test.theirs {
				t.Errorf("hour %d: %d and %d packs are left, want %d and %d", test.hour, mine, theirs, test.mine, test.theirs)
			}
		}
		// More of one commit than a transaction deletes.
		_, err := db.Exec(`INSERT INTO change_packs (tenant_id, at, mark, type, id, changed)
			WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000) SELECT '` + c.master.ID + `', 1, 'one', 'user', 'usr_' || x, '[]' FROM n`)
		mustDo(err)
		must(c.Prune(ctx, store.Keep{Changes: 50 * time.Hour}))
		if left := packs(c.master.ID); left != 0 {
			t.Errorf("%d packs are left", left)
		}
	})
}

// A large set is stored by what changed of it, and is whole for a reader.
func TestALargeSetIsStoredByItsPart(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		var to []any
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			for range 60 {
				account := must(tx.CreateAccount(ctx, store.Account{ParentID: c.master.ID, Name: "One of many"}))
				must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: account.ID}))
				to = append(to, account.ID)
			}
		})
		whole := func(about string, before, after []any, fn func(tx *store.Tx)) {
			t.Helper()
			all := c.committed(t, fn)
			if len(all) != 1 {
				t.Fatalf("%s: %d changes", about, len(all))
			}
			if _, part := all[0].After["assigned_to"].(store.SetPart); !part {
				t.Errorf("%s: stored %v", about, all[0].After)
			}
			was, is, err := c.Whole(ctx, &all[0])
			if err != nil {
				t.Fatal(err)
			}
			for side, got := range map[*[]any]any{&before: was["assigned_to"], &after: is["assigned_to"]} {
				if !sameMembers(*side, got.([]any)) {
					t.Errorf("%s: %d members, want %d", about, len(got.([]any)), len(*side))
				}
			}
			if was["id"] != c.sold.ID || is["id"] != c.sold.ID {
				t.Errorf("%s: %v and %v", about, was, is)
			}
		}
		with := append(slices.Clone(to), c.reseller.ID)
		whole("another name", to, to, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Name: ptr("Renamed")}))
		})
		whole("an assignment", to, with, func(tx *store.Tx) {
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
		})
		whole("a withdrawal", with, to, func(tx *store.Tx) { mustDo(tx.WithdrawCard(ctx, c.sold.ID, c.reseller.ID)) })
	})
}

func sameMembers(a, b []any) bool {
	count := map[any]int{}
	for _, one := range a {
		count[one]++
	}
	for _, one := range b {
		count[one]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// A program of an earlier release takes a data revision and stores no changes.
func TestWritesOfAnOlderProgramAreUntold(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		older, untold := storetest.SQL(t, c.Store), must(c.ChangesUntold(ctx))
		write := func() {
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
				must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "New"}))
			})
		}
		same := func(about string) {
			t.Helper()
			if now := must(c.ChangesUntold(ctx)); now != untold {
				t.Errorf("%s: untold until %d, want %d", about, now, untold)
			}
		}
		write()
		same("a write of this program")
		for range 2 {
			must(older.ExecContext(ctx, "UPDATE data_revision SET n = n + 1"))
			now := must(c.ChangesUntold(ctx))
			if now <= untold {
				t.Errorf("a write of an older program: untold until %d as before", now)
			}
			untold = now
			write()
			same("a write after it")
		}
	})
}
