package server

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/seed"
)

// BenchmarkRowImport imports customers of resellers into an empty store, and compares the
// time with that of the bare inserts: the statements that write the same rows, with
// nothing else. It also measures how long another user's write waits meanwhile.
// RESELLERD_BENCH_ROWS is the number of customers.
func BenchmarkRowImport(b *testing.B) {
	n := 100_000
	if text := os.Getenv("RESELLERD_BENCH_ROWS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for name, url := range carriers.Databases() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				bare, audited := bareInserts(b, url(b), n, false), bareInserts(b, url(b), n, true)
				took, waited, heap := timedImport(b, url(b), n, true)
				again, _, _ := timedImport(b, url(b), n, false)
				b.Logf("%d customers: bare inserts %v, with audit entries %v, import %v (%.2f times the bare inserts, %.2f times with audit entries), again %v; "+
					"another write waited at most %v; heap at most %d MiB", n, bare, audited, took, took.Seconds()/bare.Seconds(), took.Seconds()/audited.Seconds(),
					again, waited, heap>>20)
				b.ReportMetric(took.Seconds()/bare.Seconds(), "import/bare")
				b.ReportMetric(float64(waited.Milliseconds()), "wait-ms")
				b.ReportMetric(float64(heap>>20), "heap-MiB")
			}
		})
	}
}

const benchAccounts = 100

// benchWorld is a world with resellers R0, R1, ….
func benchWorld(b *testing.B, url string) *world {
	w := newWorld(b, url, engineOf(b, 1), seedWorld)
	var rows []seed.Row
	for i := range benchAccounts {
		name := fmt.Sprint("R", i)
		rows = append(rows, seed.Account(name, store.Account{ParentID: "M", Name: name, Currency: "EUR", ExternalID: name}))
	}
	w.seed("M", rows...)
	return w
}

func bareInserts(b *testing.B, url string, n int, audit bool) time.Duration {
	w := benchWorld(b, url)
	customers := make([]store.Customer, n)
	for i := range customers {
		customers[i] = store.Customer{ID: store.RandomID("customer"), AccountID: w.id(fmt.Sprint("R", i%benchAccounts)), Name: fmt.Sprint("Customer ", i),
			Email: fmt.Sprintf("c%d@example.com", i), Status: store.Active, Currency: "EUR", ExternalID: fmt.Sprint("K", i)}
	}
	runtime.GC()
	start := time.Now()
	must(b, w.store.WriteImport(tctx, w.id("M"), false, nil, func(tx *store.Tx) error {
		i := 0
		err := tx.CreateCustomers(tctx, func() (*store.Customer, error) {
			if i++; i > n {
				return nil, nil
			}
			return &customers[i-1], nil
		})
		if err != nil || !audit {
			return err
		}
		i = 0
		return tx.AuditAll(tctx, func() (*store.AuditEntry, error) {
			if i++; i > n {
				return nil, nil
			}
			c := &customers[i-1]
			change := fmt.Sprintf(`{"columns":{"name":{"before":null,"after":%q},"email":{"before":null,"after":%q},"external_id":{"before":null,"after":%q}},"row":{"id":%q,"account_id":%q}}`,
				c.Name, c.Email, c.ExternalID, c.ID, c.AccountID)
			return &store.AuditEntry{ActorID: w.id("m"), ActorAccountID: w.id("M"), AccountID: c.AccountID, ResourceType: "customer", ResourceID: c.ID,
				Action: "create", Change: []byte(change)}, nil
		})
	}))
	return time.Since(start)
}

func timedImport(b *testing.B, url string, n int, fresh bool) (took, waited time.Duration, heap uint64) {
	w := benchWorld(b, url)
	path := filepath.Join(b.TempDir(), "panel.ndjson")
	file, err := os.Create(path)
	must(b, err)
	out := bufio.NewWriter(file)
	for i := range n {
		fmt.Fprintf(out, `{"type":"customer","external_id":"K%d","account":"R%d","name":"Customer %d","email":"c%d@example.com","currency":"EUR"}`+"\n", i, i%benchAccounts, i, i)
	}
	must(b, out.Flush())
	must(b, file.Close())
	run := func() {
		file, err := os.Open(path)
		must(b, err)
		defer file.Close()
		report, err := w.server.ImportRows(tctx, RowImport{As: w.id("m"), Apply: true, Alone: true}, file)
		must(b, err)
		if !report.Applied || report.Refused > 0 {
			b.Fatalf("%+v", report)
		}
	}
	if !fresh {
		run()
	}
	stop := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			start := time.Now()
			err := w.store.Write(tctx, w.id("M"), func(tx *store.Tx) error {
				name := fmt.Sprint("n", i)
				_, err := tx.UpdateCustomer(tctx, w.id("mega"), store.CustomerPatch{Name: &name})
				return err
			})
			var blocked *fault.WaitError
			if err != nil && !errors.As(err, &blocked) {
				b.Error(err)
			}
			waited = max(waited, time.Since(start))
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap = max(heap, m.HeapInuse)
		}
	}()
	runtime.GC()
	start := time.Now()
	run()
	took = time.Since(start)
	close(stop)
	<-watched
	return took, waited, heap
}
