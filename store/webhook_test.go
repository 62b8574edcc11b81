package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
	seeds "resellerd/store/seed"
	"resellerd/store/storetest"
)

// hooked makes a master with a reseller, a user of each, and a webhook of the reseller's
// user that the process "me" holds.
func hooked(t *testing.T, s *store.Store) *seeds.Names {
	t.Helper()
	names := storetest.Fill(t, s,
		seeds.Account("carrier", store.Account{Kind: store.Master, Name: "Carrier"}),
		seeds.Group("all", store.Group{AccountID: "carrier", Name: "all", DefaultAccess: "crud", Lend: store.LendAll}),
		seeds.Account("below", store.Account{ParentID: "carrier", Name: "Below"}),
		seeds.User("boss", store.User{AccountID: "carrier", Login: "boss@example.com", Groups: []string{"all"}}),
		seeds.User("clerk", store.User{AccountID: "below", Login: "clerk@example.com", Groups: []string{"all"}}),
		seeds.Webhook("hook", store.Webhook{AccountID: "carrier", UserID: "clerk", URL: "https://x.example/", Secret: "sealed"}),
	)
	lease, err := s.WebhookLease(ctx)
	if err == nil {
		_, err = s.TakeWebhookLease(ctx, lease, "me", "here", false)
	}
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func stateOf(t *testing.T, s *store.Store, id string) (store.Webhook, store.WebhookState) {
	t.Helper()
	hook, state, err := s.WebhookState(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return hook, state
}

func TestTheLeaseOfWebhooksHasOneOwner(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		free, err := s.WebhookLease(ctx)
		if err != nil || free.Owner != "" {
			t.Fatalf("%+v, %v", free, err)
		}
		mine, err := s.TakeWebhookLease(ctx, free, "a", "here", false)
		if err != nil || mine.Owner != "a" {
			t.Fatalf("%+v, %v", mine, err)
		}
		if _, err := s.TakeWebhookLease(ctx, free, "b", "here", false); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("another process takes what has changed: %v", err)
		}
		if mine, err = s.TakeWebhookLease(ctx, mine, "a", "here", false); err != nil {
			t.Errorf("it is not renewed: %v", err)
		}
		if _, err := s.TakeWebhookLease(ctx, mine, "b", "here", false); err != nil {
			t.Errorf("it is not taken over: %v", err)
		}
		if _, err := s.TakeWebhookLease(ctx, mine, "a", "here", false); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("the former owner renews it: %v", err)
		}
	})
}

func TestStatesOfWebhooksAreWrittenByTheirHolder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names, revision := hooked(t, s), s.Revision()
		id := names.ID("hook")
		_, state := stateOf(t, s, id)
		state.MessageID, state.Body, state.NextReached, state.MadeAt, state.NextAt, state.Error = "msg_1", "{}", "next", 7, 9, "timeout"
		if err := s.PutWebhookState(ctx, "another", &state, nil); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("a process without the lease writes: %v", err)
		}
		if err := s.PutWebhookState(ctx, "me", &state, nil); err != nil {
			t.Fatal(err)
		}
		if _, kept := stateOf(t, s, id); kept != state {
			t.Errorf("%+v is kept, want %+v", kept, state)
		}
		due, err := s.WebhooksDue(ctx)
		if want := (store.WebhookDue{ID: id, TenantID: names.ID("carrier"), URL: "https://x.example/", Fresh: true, Waiting: true, Failed: true, MadeAt: 7, NextAt: 9}); err != nil || len(due) != 1 || due[0] != want {
			t.Errorf("%+v is due (%v), want %+v", due, err, want)
		}
		if got := s.Revision(); got != revision {
			t.Errorf("the data revision went from %d to %d", revision, got)
		}
		url := "https://y.example/"
		err = s.Write(ctx, names.ID("carrier"), func(tx *store.Tx) error {
			_, err := tx.UpdateWebhook(ctx, id, store.WebhookPatch{URL: &url})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.PutWebhookState(ctx, "me", &state, nil); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("a state is written over a change: %v", err)
		}
		hook, state := stateOf(t, s, id)
		if hook.URL != url || state.MessageID != "msg_1" || state.NextAt != 0 {
			t.Errorf("after the change: %+v, %+v", hook, state)
		}
		err = s.Write(ctx, names.ID("carrier"), func(tx *store.Tx) error { return tx.EndWebhook(ctx, id, schema.EndedWithUser, 0) })
		if hook, state := stateOf(t, s, id); err != nil || hook.Status != schema.Ended || state.MessageID != "" {
			t.Errorf("after the end: %+v, %+v, %v", hook, state, err)
		}
		if due, err := s.WebhooksDue(ctx); err != nil || len(due) != 0 {
			t.Errorf("an ended webhook is due: %+v, %v", due, err)
		}
	})
}

func TestDeadLettersAreBounded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names := hooked(t, s)
		id := names.ID("hook")
		bury := func(n int, body string) {
			t.Helper()
			_, state := stateOf(t, s, id)
			letter := &store.DeadLetter{ID: fmt.Sprintf("msg_%04d", n), Body: body, Reached: "r", MadeAt: schema.MicrosOf(time.Now()), Attempts: 10, Error: "timeout"}
			if err := s.PutWebhookState(ctx, "me", &state, letter); err != nil {
				t.Fatal(err)
			}
		}
		kept := func() (ids []string) {
			t.Helper()
			rows, err := storetest.SQL(t, s).Query("SELECT id FROM dead_letters ORDER BY id")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				var one string
				if err := rows.Scan(&one); err != nil {
					t.Fatal(err)
				}
				ids = append(ids, one)
			}
			return ids
		}
		for n := range store.MaxDeadLetters + 3 {
			bury(n, "{}")
		}
		if got := kept(); len(got) != store.MaxDeadLetters || got[0] != "msg_0003" {
			t.Errorf("%d dead letters are kept, the first of them %s", len(got), got[0])
		}
		for n := range 5 {
			bury(1000+n, strings.Repeat("x", 200<<10))
		}
		if got := kept(); !slices.Equal(got, []string{"msg_1003", "msg_1004"}) {
			t.Errorf("%v are kept of large letters", got)
		}
		send := func(letter string) error {
			return s.Write(ctx, names.ID("carrier"), func(tx *store.Tx) error { return tx.SendDeadLetter(ctx, id, letter) })
		}
		if err := send("msg_0001"); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("a letter that is gone is sent: %v", err)
		}
		if err := send("msg_1004"); err != nil {
			t.Fatal(err)
		}
		letter, err := s.DeadLetterDue(ctx, id)
		if err != nil || letter.ID != "msg_1004" || letter.Reached != "r" {
			t.Fatalf("%+v is due, %v", letter, err)
		}
		letter.Error = "unreachable"
		_, state := stateOf(t, s, id)
		if err := s.PutDeadLetter(ctx, "me", &state, letter, false, 17); err != nil {
			t.Fatal(err)
		}
		if _, kept := stateOf(t, s, id); kept != state || kept.NextAt != 17 {
			t.Errorf("%+v is kept, want %+v", kept, state)
		}
		if _, err := s.DeadLetterDue(ctx, id); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("it stays due: %v", err)
		}
		if err := s.PutDeadLetter(ctx, "another", &state, letter, true, 0); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("a process without the lease deletes: %v", err)
		}
		old := state
		old.Seq--
		if err := s.PutDeadLetter(ctx, "me", &old, letter, true, 0); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("an answer to what was changed meanwhile counts: %v", err)
		}
		if err := s.PutDeadLetter(ctx, "me", &state, letter, true, 0); err != nil || !slices.Equal(kept(), []string{"msg_1003"}) {
			t.Errorf("after the delivery %v are kept, %v", kept(), err)
		}
		if _, err := s.Prune(ctx, store.Keep{Changes: time.Hour}); err != nil || len(kept()) != 1 {
			t.Errorf("a new letter is pruned: %v", err)
		}
		if _, err := storetest.SQL(t, s).Exec("UPDATE dead_letters SET made_at = made_at - 7200000000"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Prune(ctx, store.Keep{Changes: time.Hour}); err != nil || len(kept()) != 0 {
			t.Errorf("an old letter is kept: %v", err)
		}
	})
}

func TestWebhooksBelongToUsersOfTheirAccountAndBelow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names := hooked(t, s)
		create := func(account, user, url string) error {
			return s.Write(ctx, names.ID("carrier"), func(tx *store.Tx) error {
				_, err := tx.CreateWebhook(ctx, store.Webhook{ID: tx.NewWebhookID(), AccountID: names.ID(account), UserID: names.ID(user), URL: url, Secret: "s"})
				return err
			})
		}
		for name, c := range map[string]struct {
			account, user, url string
			fine               bool
		}{
			"the own user":       {"carrier", "boss", "https://x.example/", true},
			"a user below":       {"carrier", "clerk", "https://x.example:8443/a?b=c", true},
			"a user above":       {"below", "boss", "https://x.example/", false},
			"no user":            {"carrier", "nobody", "https://x.example/", false},
			"no account":         {"nobody", "boss", "https://x.example/", false},
			"plain http":         {"carrier", "boss", "http://x.example/", false},
			"a password":         {"carrier", "boss", "https://a:b@x.example/", false},
			"a fragment":         {"carrier", "boss", "https://x.example/#a", false},
			"an address so long": {"carrier", "boss", "https://x.example/" + strings.Repeat("a", 2000), false},
		} {
			if err := create(c.account, c.user, c.url); c.fine != (err == nil) || !c.fine && !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.Write(ctx, names.ID("carrier"), func(tx *store.Tx) error { return tx.DeleteUser(ctx, names.ID("clerk"), 0) }); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.WebhookState(ctx, names.ID("hook")); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("a webhook outlives its user: %v", err)
		}
		if n := hookAudited(t, s, "delete", names.ID("hook")); n != 1 {
			t.Errorf("there are %d audit entries of its deletion", n)
		}
	})
}

// A webhook ends in the commit that stops its user, with an audit entry, and stays ended.
func TestWebhooksEndWithTheCommitThatStopsTheirUser(t *testing.T) {
	t.Parallel()
	disabled, suspended, active := store.Disabled, store.Suspended, store.Active
	for name, stop := range map[string][2]func(tx *store.Tx, names *seeds.Names) error{
		"the user": {
			func(tx *store.Tx, n *seeds.Names) error {
				_, err := tx.UpdateUser(ctx, n.ID("clerk"), store.UserPatch{Status: &disabled})
				return err
			},
			func(tx *store.Tx, n *seeds.Names) error {
				_, err := tx.UpdateUser(ctx, n.ID("clerk"), store.UserPatch{Status: &active})
				return err
			},
		},
		"the account": {
			func(tx *store.Tx, n *seeds.Names) error {
				_, err := tx.UpdateAccount(ctx, n.ID("below"), store.AccountPatch{Status: &suspended})
				return err
			},
			func(tx *store.Tx, n *seeds.Names) error {
				_, err := tx.UpdateAccount(ctx, n.ID("below"), store.AccountPatch{Status: &active})
				return err
			},
		},
		"the account above": {
			func(tx *store.Tx, n *seeds.Names) error {
				_, err := tx.UpdateAccount(ctx, n.ID("carrier"), store.AccountPatch{Status: &suspended})
				return err
			},
			func(tx *store.Tx, n *seeds.Names) error {
				_, err := tx.UpdateAccount(ctx, n.ID("carrier"), store.AccountPatch{Status: &active})
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				names := hooked(t, s)
				id, tenant := names.ID("hook"), names.ID("carrier")
				for i, change := range stop {
					if err := s.Write(ctx, tenant, func(tx *store.Tx) error { return change(tx, names) }); err != nil {
						t.Fatal(err)
					}
					hook, _ := stateOf(t, s, id)
					if hook.Status != schema.Ended || hook.EndedReason != schema.EndedWithUser {
						t.Errorf("after change %d: %+v", i, hook)
					}
				}
				if n := hookAudited(t, s, "update", id); n != 1 {
					t.Errorf("there are %d audit entries of the end", n)
				}
				if now, err := s.WebhookNow(ctx, "me", id); err != nil || now.Active {
					t.Errorf("%+v, %v", now, err)
				}
			})
		})
	}
}

func hookAudited(t *testing.T, s *store.Store, action, id string) (n int) {
	t.Helper()
	text := "SELECT count(*) FROM audit_entries WHERE resource_type = 'webhook' AND action = '" + action + "' AND resource_id = '" + id + "'"
	if err := storetest.SQL(t, s).QueryRow(text).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A program of an earlier release stops a user without the webhook. The next read of what
// is due says so, and no attempt begins.
func TestAUserWhomAnOlderProgramStopsIsNoticed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names := hooked(t, s)
		for _, text := range []string{"UPDATE users SET status = 'disabled' WHERE login = 'clerk@example.com'", "UPDATE users SET status = 'active'", "UPDATE accounts SET status = 'suspended' WHERE parent_id IS NULL"} {
			if _, err := storetest.SQL(t, s).Exec(text); err != nil {
				t.Fatal(err)
			}
			stopped := text != "UPDATE users SET status = 'active'"
			due, err := s.WebhooksDue(ctx)
			if err != nil || len(due) != 1 || due[0].Ended != stopped {
				t.Errorf("%s: %+v is due, %v", text, due, err)
			}
			now, err := s.WebhookNow(ctx, "me", names.ID("hook"))
			if err != nil || now.Active == stopped || !now.Held {
				t.Errorf("%s: %+v, %v", text, now, err)
			}
		}
	})
}

func TestTheEndOfAWebhookIsOfItsPresentState(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names := hooked(t, s)
		id := names.ID("hook")
		_, state := stateOf(t, s, id)
		end := func(seq int64) {
			t.Helper()
			if err := s.Write(ctx, names.ID("carrier"), func(tx *store.Tx) error { return tx.EndWebhook(ctx, id, schema.EndedByReceiver, seq) }); err != nil {
				t.Fatal(err)
			}
		}
		if end(state.Seq - 1); hookAudited(t, s, "update", id) != 0 {
			t.Error("a webhook was ended by an answer to what was changed meanwhile")
		}
		if end(state.Seq); hookAudited(t, s, "update", id) != 1 {
			t.Error("a webhook was not ended")
		}
	})
}

func TestTheLeaseInAnotherPlaceLetsWebhooksBeginAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names := hooked(t, s)
		id := names.ID("hook")
		place, err := s.Place(ctx)
		if again, _ := s.Place(ctx); err != nil || place == "" || again != place {
			t.Errorf("the database is named %q, then %q, %v", place, again, err)
		}
		take := func(place string, again, begins bool) {
			t.Helper()
			_, state := stateOf(t, s, id)
			state.Reached = "reached"
			if err := s.PutWebhookState(ctx, "me", &state, nil); err != nil {
				t.Fatal(err)
			}
			lease, err := s.WebhookLease(ctx)
			if err == nil {
				_, err = s.TakeWebhookLease(ctx, lease, "me", place, again)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, state := stateOf(t, s, id); (state.Reached == "") != begins {
				t.Errorf("in %s, again %t: the state is %+v", place, again, state)
			}
		}
		take("here", false, false)
		take("there", false, true)
		take("there", false, false)
		take("there", true, true)
	})
}

// A former secret is not stored longer than it signs.
func TestFormerSecretsAreDeleted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names := hooked(t, s)
		id := names.ID("hook")
		for _, test := range []struct {
			until time.Duration
			kept  bool
		}{{time.Hour, true}, {50 * time.Millisecond, false}} {
			until := schema.MicrosOf(time.Now().Add(test.until))
			if err := s.Write(ctx, names.ID("carrier"), func(tx *store.Tx) error { return tx.RotateWebhook(ctx, id, "new", until) }); err != nil {
				t.Fatal(err)
			}
			for time.Now().Before(until.Time()) && !test.kept {
				time.Sleep(10 * time.Millisecond)
			}
			if _, err := s.Prune(ctx, store.Keep{}); err != nil {
				t.Fatal(err)
			}
			if hook, _ := stateOf(t, s, id); (hook.OldSecret != "") != test.kept {
				t.Errorf("a secret that signs for %s: %+v", test.until, hook)
			}
		}
	})
}

func TestABackupLetsWebhooksBeginAgain(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t), store.Options{})
	hooked(t, s)
	to := filepath.Join(t.TempDir(), "backup.db")
	if _, err := s.Backup(ctx, to); err != nil {
		t.Fatal(err)
	}
	copied := storetest.Open(t, "sqlite:"+to, store.Options{})
	lease, err := copied.WebhookLease(ctx)
	if err != nil || lease.Place != "" || lease.Owner != "" {
		t.Errorf("the lease in the backup is %+v, %v", lease, err)
	}
	ours, err := s.Place(ctx)
	if theirs, _ := copied.Place(ctx); err != nil || theirs == ours {
		t.Errorf("both databases are named %s, %v", ours, err)
	}
}
