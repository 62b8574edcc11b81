package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"resellerd/server/insight"
	"resellerd/store"
	"resellerd/store/storetest"
)

func TestReviewOnTheCommandLine(t *testing.T) {
	eachCarrier(t, func(t *testing.T, url string, made founded) {
		st := storetest.Open(t, url, store.Options{})
		var customer store.Customer
		err := st.Write(t.Context(), made.Account, func(tx *store.Tx) error {
			reseller, err := tx.CreateAccount(t.Context(), store.Account{ParentID: made.Account, Kind: store.Reseller, Name: "=Bright", Ceiling: store.Access{"customer": "r"}})
			if err != nil {
				return err
			}
			group, err := tx.CreateGroup(t.Context(), store.Group{AccountID: reseller.ID, Name: "Desk", DefaultAccess: "", Rows: store.Access{"customer": "cr"}})
			if err != nil {
				return err
			}
			if _, err := tx.CreateUser(t.Context(), store.User{AccountID: reseller.ID, Login: "desk@bright.example", Name: "Dan", Groups: []string{group.ID}}); err != nil {
				return err
			}
			customer, err = tx.CreateCustomer(t.Context(), store.Customer{AccountID: reseller.ID, Name: "Otter"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		run := func(want int, args ...string) string {
			t.Helper()
			code, stdout, stderr := call(t, nil, append([]string{"review", "--database", url}, args...))
			if code != want {
				t.Fatalf("%v: exit %d: %s%s", args, code, stdout, stderr)
			}
			return stdout + stderr
		}
		page := run(exitOK)
		for _, text := range []string{"[ ] Dan <desk@bright.example>", "Desk", "2 users", "Reviewed by ____"} {
			if !strings.Contains(page, text) {
				t.Errorf("%q is not in\n%s", text, page)
			}
		}
		table, err := csv.NewReader(strings.NewReader(run(exitOK, "--format", "csv"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, row := range table {
			if row[1] == "desk@bright.example" && row[7] == "customer" {
				found = true
				if row[5] != "'=Bright" || row[8] != "read" || row[9] != "1" || row[10] != "Desk" || !strings.HasSuffix(row[11], ": create") {
					t.Errorf("%q", row)
				}
			}
		}
		if !found {
			t.Errorf("%q", table)
		}
		lines := strings.Split(strings.TrimSpace(run(exitOK, "--format", "ndjson")), "\n")
		var last struct{ Users int }
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Users != 2 || len(lines) != 3 {
			t.Errorf("%v: %s", err, lines)
		}
		for _, line := range lines[:2] {
			var u insight.ReviewedUser
			if err := json.Unmarshal([]byte(line), &u); err != nil || u.User == "" || len(u.Areas) == 0 {
				t.Errorf("%v: %s", err, line)
			}
		}
		if past := run(exitOK, "--at", time.Now().Add(-time.Hour).Format(time.RFC3339)); !strings.Contains(past, "0 users") {
			t.Errorf("before the carrier was there: %s", past)
		}
		if seen := run(exitOK, "--row", "customer/"+customer.ID); !strings.Contains(seen, "2 users see") || !strings.Contains(seen, "desk@bright.example") {
			t.Errorf("who sees the customer: %s", seen)
		}
		// The last line of a log that is being written is unfinished.
		log := filepath.Join(t.TempDir(), "decisions.jsonl")
		if err := os.WriteFile(log, []byte(`{"timestamp":"2026-01-02T03:04:05Z","outcome":"allow","input":{"subject":{"type":"user","id":"usr_x"},"action":{"name":"read"},"resource":{"type":"customer"}}}`+"\n"+`{"timest`), 0o600); err != nil {
			t.Fatal(err)
		}
		if logged := run(exitOK, "--log", log); !strings.Contains(logged, "1 allowed decision") || !strings.Contains(logged, "1 line of the log cannot be read") {
			t.Errorf("an unfinished line: %s", logged)
		}
		run(exitError, "--row", "customer/cus_absent")
		run(exitUsage, "--row", "cdr/17")
		run(exitUsage, "--row", "customer/"+customer.ID, "--at", "2026-01-01T00:00:00Z")
		run(exitUsage, "--at", time.Now().Add(time.Hour).Format(time.RFC3339))
	})
}

// 10,000 users take at most a minute.
func BenchmarkReview(b *testing.B) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			url := database(b)
			st := storetest.Open(b, url, store.Options{})
			var master string
			err := st.Write(b.Context(), "", func(tx *store.Tx) error {
				m, err := tx.CreateAccount(b.Context(), store.Account{Kind: store.Master, Name: "Master"})
				master = m.ID
				for n := 0; err == nil && n < 200; n++ {
					var reseller store.Account
					var group store.Group
					if reseller, err = tx.CreateAccount(b.Context(), store.Account{ParentID: m.ID, Kind: store.Reseller, Name: "Reseller"}); err != nil {
						return err
					}
					group, err = tx.CreateGroup(b.Context(), store.Group{AccountID: reseller.ID, Name: "Group", DefaultAccess: "r", Rows: store.Access{"customer": "crud"}})
					for u := 0; err == nil && u < 50; u++ {
						_, err = tx.CreateUser(b.Context(), store.User{AccountID: reseller.ID, Login: strings.Repeat("x", u+1) + "@example.com", Groups: []string{group.ID}})
					}
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				var out strings.Builder
				if code := run(b.Context(), []string{"review", "--database", url, "--tenant", master, "--format", "ndjson"}, nil, &out, &out); code != exitOK || !strings.Contains(out.String(), `{"users":10000}`) {
					b.Fatalf("exit %d", code)
				}
			}
		})
	}
}
