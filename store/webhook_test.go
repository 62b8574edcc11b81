package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

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

// leased takes the lease of a database in its place, and reports whether all webhooks began
// again.
func leased(t *testing.T, s *store.Store, id string) (again bool) {
	t.Helper()
	place, err := s.Place(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return leasedIn(t, s, id, place)
}

func leasedIn(t *testing.T, s *store.Store, id, place string) (again bool) {
	t.Helper()
	lease, err := s.WebhookLease(ctx)
	if err == nil {
		lease, err = s.TakeWebhookLease(ctx, lease, "me", place, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, state := stateOf(t, s, id)
	again = state.Reached == ""
	state.Reached = "reached"
	if err := s.PutWebhookState(ctx, "me", &state, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RestWebhookLease(ctx, lease, store.Told{Done: s.Revision()}); err != nil {
		t.Fatal(err)
	}
	return again
}

// An older copy may be written into the same file, so that the file is the same one. Nothing
// but a restore lets webhooks begin again.
func TestAnOlderCopyOfAFileIsAnotherPlace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	opened := func() *store.Store {
		t.Helper()
		s, err := store.Open(ctx, "sqlite:"+path, store.Options{})
		if err == nil {
			err = s.Migrate(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	closed := func(s *store.Store) []byte {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	s := opened()
	id := hooked(t, s).ID("hook")
	begins := func(about string, want bool) {
		t.Helper()
		if got := leased(t, s, id); got != want {
			t.Errorf("%s: webhooks begin again: %t, want %t", about, got, want)
		}
	}
	begins("the first place", true)
	begins("the same place", false)
	older := closed(s)
	s = opened()
	begins("a restart", false)
	closed(s)
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	s = opened()
	begins("an older copy in the same file", true)
	begins("the same copy", false)
	closed(s)
	if err := os.Remove(path + "-place"); err != nil {
		t.Fatal(err)
	}
	s = opened()
	begins("a file without its note", true)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if place, err := s.Place(ctx); err == nil {
		t.Errorf("a file that cannot be found has the place %q", place)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	closed(s)
}

// However many webhooks a write ends, it needs the same statements.
func TestAWriteEndsManyWebhooksWithFewStatements(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			var all storetest.Statements
			s := storetest.Open(t, url(t), store.Options{Wrap: all.Wrap, Poll: time.Hour})
			names := hooked(t, s)
			suspended := func(more int) int {
				t.Helper()
				err := s.Write(ctx, names.ID("carrier"), func(tx *store.Tx) error {
					for range more {
						hook := store.Webhook{ID: tx.NewWebhookID(), AccountID: names.ID("carrier"), UserID: names.ID("clerk"), URL: "https://x.example/", Secret: "sealed"}
						if _, err := tx.CreateWebhook(ctx, hook); err != nil {
							return err
						}
					}
					_, err := tx.UpdateAccount(ctx, names.ID("below"), store.AccountPatch{Status: ptr(store.Active)})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				var n int
				err = s.Write(ctx, names.ID("carrier"), func(tx *store.Tx) error {
					before := all.Runs()
					_, err := tx.UpdateAccount(ctx, names.ID("below"), store.AccountPatch{Status: ptr(store.Suspended)})
					n = all.Runs() - before
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			one := suspended(0)
			if many := suspended(store.MaxWebhooks - 1); many != one {
				t.Errorf("%d statements end one webhook, and %d end %d", one, many, store.MaxWebhooks)
			}
			due, err := s.WebhooksDue(ctx)
			if err != nil || len(due) > 0 {
				t.Errorf("%d webhooks are active, %v", len(due), err)
			}
		})
	}
}

func TestTheNewestChangeOfEachTenantWithWebhooks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names := hooked(t, s)
		storetest.Fill(t, s, seeds.Account("other", store.Account{Kind: store.Master, Name: "Other"}))
		last := s.Revision()
		newest := func(until, want int64) {
			t.Helper()
			got, err := s.NewestChanges(ctx, until)
			if err != nil || len(got) != 1 || got[names.ID("carrier")] != want {
				t.Errorf("until %d: %v, %v, want %d", until, got, err, want)
			}
		}
		all, err := s.Changes(ctx, names.ID("carrier"), store.ChangePlace{}, last, 1000)
		if err != nil || len(all) < 2 {
			t.Fatalf("%d changes, %v", len(all), err)
		}
		newest(last, all[len(all)-1].Revision)
		newest(all[0].Revision, all[0].Revision)
		newest(0, 0)
	})
}

// A managed server may refuse what names it. Then the next sign counts, and without any of
// them the database itself. Any other failure is no place.
func TestAServerThatRefusesItsNameHasAPlace(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	placed := func(code pqerror.Code, refused ...string) (string, error) {
		t.Helper()
		answers := storetest.Statements{Refuse: func(text string) error {
			if slices.ContainsFunc(refused, func(name string) bool { return strings.Contains(text, name) }) {
				return &pq.Error{Code: code}
			}
			return nil
		}}
		return storetest.Open(t, url, store.Options{Wrap: answers.Wrap}).Place(ctx)
	}
	place := func(code pqerror.Code, refused ...string) string {
		t.Helper()
		is, err := placed(code, refused...)
		if err != nil {
			t.Errorf("without %v: %v", refused, err)
		}
		return is
	}
	whole := place("")
	if parts := strings.Split(whole, "/"); len(parts) != 4 || slices.Contains(parts, "") {
		t.Errorf("the place is %q", whole)
	}
	if is := place("0A000", "pg_current_wal_lsn"); is != whole {
		t.Errorf("by the other question for the timeline, the place is %q, and was %q", is, whole)
	}
	all := []string{"pg_control_system", "pg_current_wal_lsn", "pg_control_checkpoint"}
	bare := place("42501", all...)
	if again := place("42501", all...); bare == whole || again != bare || !strings.HasPrefix(bare, "//") {
		t.Errorf("a server that refuses everything has the place %q, then %q", bare, again)
	}
	if is, err := placed("57P03", "pg_current_wal_lsn"); err == nil {
		t.Errorf("a server that does not answer has the place %q", is)
	}
}

// A server may refuse a part of its name for a time. That is no restore.
func TestARefusedPartOfAPlaceIsNoOtherPlace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := hooked(t, s).ID("hook")
		for n, test := range []struct {
			place string
			again bool
		}{
			{"7/00000001/16384/16400", true}, {"7/00000001/16384/16400", false}, {"//16384/16400", false}, {"7//16384/16400", false},
			{"7/00000002/16384/16400", true}, {"//16384/16400", false}, {"7/00000001/16384/16400", true}, {"//16384/16401", true},
			{"file 1 A", true}, {"file 1 B", true}, {"file 1 B", false},
		} {
			if again := leasedIn(t, s, id, test.place); again != test.again {
				t.Errorf("%d: in %s, webhooks begin again: %t", n, test.place, again)
			}
		}
	})
}
