package store_test

import (
	"fmt"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// A process of this version serves a store while a newer one migrates it, and a process
// of this version starts on the migrated store.
func TestANewerSchemaIsServedAsFarAsItSuits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reader, writer int64 // more than this program's version
		reads, writes  bool
	}{
		"suits readers and writers": {0, 0, true, true},
		"suits readers":             {0, 1, true, false},
		"suits nobody older":        {1, 1, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				world := newCarrier(t, s)
				own := must(s.MigrateNewer(ctx, func(own int64) string {
					return fmt.Sprintf("-- min_reader: %d, min_writer: %d\n-- +goose Up\nALTER TABLE customers ADD COLUMN flavour TEXT;\n", own+c.reader, own+c.writer)
				}))
				started := storetest.Open(t, storetest.URL(t, s), store.Options{})
				for name, s := range map[string]*store.Store{"running": s, "started": started} {
					for _, err := range []error{s.SchemaCurrent(ctx), s.Migrate(ctx)} {
						if !c.reads {
							refused(t, err, fault.ErrUnavailable, "")
							if text := fmt.Sprint(err); !strings.Contains(text, fmt.Sprint("version ", own+1)) || !strings.Contains(text, "newer release") {
								t.Errorf("%s: %v", name, err)
							}
						} else if err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
					if c.reads {
						must(s.List(ctx, customers()))
					}
					err := s.Write(ctx, world.master.ID, func(tx *store.Tx) error {
						_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: world.master.ID, Name: name})
						return err
					})
					if !c.writes {
						refused(t, err, fault.ErrUnavailable, "")
					} else if err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		})
	}
}
