package store_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/storetest"
)

// TestADatabaseThatIsGoneAndBack closes a PostgreSQL database to all connections,
// and opens it again.
func TestADatabaseThatIsGoneAndBack(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.Postgres(t), store.Options{Poll: 5 * time.Millisecond, MaxStale: 2 * time.Second})
	house(t, s)
	at, err := url.Parse(storetest.URL(t, s))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(at.Path, "/")
	at.Path = "/postgres"
	admin, err := sql.Open("postgres", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	run := func(text string) {
		t.Helper()
		if _, err := admin.ExecContext(context.Background(), text); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	works := func() error {
		_, err := s.List(ctx, cards("acc_r"))
		_, cached := s.PolicyRow(ctx, "card", "crd_m")
		return errors.Join(err, cached, s.Ping(ctx))
	}
	if err := works(); err != nil {
		t.Fatalf("before: %v", err)
	}
	run("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false")
	run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'")
	for since := time.Now(); ; {
		if _, err := s.PolicyRow(ctx, "card", "crd_m"); errors.Is(err, fault.ErrUnavailable) {
			break
		}
		if time.Since(since) > time.Minute {
			t.Fatal("a cached row is served a minute later")
		}
	}
	if _, err := s.List(ctx, cards("acc_r")); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a list: %v", err)
	}
	if err := s.Ping(ctx); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a ping: %v", err)
	}
	run("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true")
	if err := works(); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestAFileThatIsNoDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "broken.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"sqlite:" + path, "sqlite:" + filepath.Join(path, "below.db"), "postgres://nobody@127.0.0.1:1/none?sslmode=disable"} {
		if s, err := store.Open(context.Background(), url, store.Options{}); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v, %v", url, s, err)
		}
	}
	for _, url := range []string{"", "mysql://x", "sqlite:", "store.db"} {
		if s, err := store.Open(context.Background(), url, store.Options{}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v, %v", url, s, err)
		}
	}
}

func TestADatabaseInMemoryIsOneForAllConnections(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t, "sqlite::memory:", store.Options{})
	other := storetest.Open(t, "sqlite::memory:", store.Options{})
	if err := errors.Join(s.Migrate(ctx), other.Migrate(ctx)); err != nil {
		t.Fatal(err)
	}
	err := s.Write(ctx, "", func(tx *store.Tx) error {
		_, err := tx.CreateAccount(ctx, store.Account{Kind: store.Master, Name: "Carrier", Currency: "EUR", Status: store.Active})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	q := query.Query{Type: "account", Filter: everything, Views: []query.View{{Name: "full", When: everything}}, Count: true}
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if page, err := s.List(ctx, q); err != nil || page.Total != 1 {
				t.Errorf("%d accounts, %v", page.Total, err)
			}
		})
	}
	group.Wait()
	if page, err := other.List(ctx, q); err != nil || page.Total != 0 {
		t.Errorf("another store in memory has %d accounts, %v", page.Total, err)
	}
}

// TestManyReadersOfManyQueries runs more different statements than the cache of
// prepared statements holds, from many goroutines.
func TestManyReadersOfManyQueries(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, fixedClock(), func(t *testing.T, s *store.Store) {
		house(t, s)
		ctx := context.Background()
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				for n := range 120 {
					q := cards("acc_r")
					q.Columns[0].Names = cardColumns[:1+(n+i)%len(cardColumns)]
					q.Sort, q.Desc, q.Count = []string{"", "id"}[n%2], n%3 == 0, true
					q.Where = []query.Condition{{Column: "id", Op: query.Op([]string{"ne", "ge", "contains"}[n%3]), Value: "crd_m"}}[:n%2]
					q.Limit = []int{1, 5, 10, 20, 50, 100}[n%6]
					if page, err := s.List(ctx, q); err != nil || page.Total == 0 {
						t.Errorf("%d of %d cards, %v", len(page.Rows), page.Total, err)
						return
					}
				}
			})
		}
		group.Wait()
	})
}

func TestWhatPoliciesSeeOfARow(t *testing.T) {
	t.Parallel()
	now := int64(worldNow)
	o := store.Options{Now: func() time.Time { return time.UnixMicro(now) }}
	storetest.EachWith(t, o, func(t *testing.T, s *store.Store) {
		now = worldNow
		house(t, s)
		ctx := context.Background()
		assignees := func() string {
			row, err := s.PolicyRow(ctx, "card", "crd_m")
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, id := range row["assigned_to"].([]any) {
				all = append(all, id.(string))
			}
			return strings.Join(all, " ")
		}
		if got := assignees(); got != "acc_r" {
			t.Errorf("now: %q", got)
		}
		now += 50
		if got := assignees(); got != "acc_r acc_x" {
			t.Errorf("when the second assignment has begun: %q", got)
		}
		row, err := s.PolicyRow(ctx, "card", "crd_m")
		if err != nil || row["carrier"] != nil || row["notes"] != "hush" || row["name"] != "Secret deal" {
			t.Errorf("%v, %v", row, err)
		}
		if _, there := row["carrier"]; there {
			t.Error("what is absent has a key")
		}
		if _, there := row["tech_prefix"]; there {
			t.Error("a column that is no policy's is there")
		}
		if rate, err := s.PolicyRow(ctx, "rate", "crd_m"); err != nil || rate["id"] != "crd_m" {
			t.Errorf("a rate is decided through its card: %v, %v", rate, err)
		}
		for _, ref := range [][2]string{{"card", "crd_none"}, {"card", ""}, {"card", "\x00"}} {
			if row, err := s.PolicyRow(ctx, ref[0], ref[1]); !errors.Is(err, fault.ErrNotFound) {
				t.Errorf("%s: %v, %v", ref, row, err)
			}
		}
		if _, err := s.PolicyRow(ctx, "assignment", "x"); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("a type without rows of its own: %v", err)
		}
		for _, c := range []struct {
			above, below string
			want         bool
		}{{"acc_m", "acc_r", true}, {"acc_r", "acc_r", true}, {"acc_r", "acc_m", false}, {"acc_r", "acc_x", false}, {"acc_m", "acc_none", false}} {
			if got, err := s.Below(ctx, c.above, c.below); got != c.want || err != nil {
				t.Errorf("%s below %s: %v, %v", c.below, c.above, got, err)
			}
		}
	})
}
