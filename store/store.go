package store

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/history"
	"resellerd/store/lookup"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// Options adjusts a Store. The zero value is ready for production.
type Options struct {
	// Now is the clock, time.Now by default. Tests inject one.
	Now func() time.Time
	// NewID returns a new, unguessable id for a row of the given type, one of
	// schema.Types with a prefix, and a mark for a "change"; RandomID by default.
	NewID func(typ string) string
	// MaxConns bounds the connections that read, and in PostgreSQL those that
	// write too. Default DefaultConns.
	MaxConns int
	// CacheBytes bounds the rows and subjects cached for one data revision.
	// Default 32 MiB.
	CacheBytes int64
	// RateMemory bounds the bytes that look-ups cache. The default is
	// lookup.DefaultMemory. A negative value disables the cache.
	RateMemory int64
	// Replica is the address of a standby of a PostgreSQL database that answers lists,
	// look-ups and the pages of streams; "" for none.
	Replica string
	// Poll is how often the store reads the data revision. Default 100 ms.
	Poll time.Duration
	// MaxStale is how old the last confirmed data revision may be before a
	// read from the cache confirms it first. Default 2 s.
	MaxStale time.Duration
	// MaxChanges is of how many rows of a type a commit writes the changes while it holds the
	// data revision. Those of more are written before, many together. Default 50.
	MaxChanges int
	// Cleared is called with each external id that Migrate clears. It may be nil.
	Cleared func(BadExternalID)
	// Logger gets an entry if the database has lost commits, or its file is gone.
	// By default nothing is logged.
	Logger *slog.Logger
	// Wrap returns what opens connections in place of a connector. Tests read the
	// statements with it. Nil wraps nothing.
	Wrap func(driver.Connector) driver.Connector
}

// DefaultConns is the default of Options.MaxConns. It does not depend on the machine,
// so that an operator can plan the connections of a database.
const DefaultConns = 16

// Store is an open database. It is safe for concurrent use; Close ends it.
type Store struct {
	dialect dialect.Dialect
	db      dialect.Pools
	now     func() time.Time
	newID   func(typ string) string

	pool    *dialect.StatementPool // reads
	writers *dialect.StatementPool // writes; the same as pool in PostgreSQL
	beat    *dialect.StatementPool // the data revision
	replica *replica               // nil if there is none
	history *history.Reader
	logger  *slog.Logger
	changes int // Options.MaxChanges
	query   *query.Reader
	tracker *history.Tracker
	cache   *history.Cache
	lookups *lookup.Finder
	turns   *turns // of all writers; nil if those of different tenants do not wait for each other
	waits   waits

	ofTenant tenantTurns  // of the writers of one tenant, where turns is nil
	swept    atomic.Int64 // the revisions that Sweep has deleted
	cleared  func(BadExternalID)

	texts   fs.FS        // the migrations of this program
	version int64        // of the newest one
	newer   atomic.Int64 // the newer version of the schema that was logged
}

// Open opens the database that url names:
//
//	sqlite:path/to/file.db    a file, created if absent
//	sqlite::memory:           a database that lives as long as the Store
//	postgres://…              a PostgreSQL server
//
// It does not touch the schema; see Migrate and SchemaCurrent. It returns
// ErrInvalid for a url of another form and ErrUnavailable if the database does not
// answer.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	o = o.withDefaults()
	p, d, err := dialect.Connect(ctx, url, dialect.Options{MaxConns: o.MaxConns, Logger: o.Logger, Wrap: o.Wrap})
	if err != nil {
		return nil, err
	}
	s := &Store{
		dialect: d, db: p, now: o.Now, newID: o.NewID, cleared: o.Cleared, logger: o.Logger, changes: o.MaxChanges,
	}
	if s.texts, s.version, err = ownMigrations(d); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if o.Replica != "" {
		if s.replica, err = openReplica(ctx, o.Replica, d, o); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	s.pool = dialect.NewStatementPool(p.Read.DB)
	if s.writers = s.pool; p.Write != p.Read {
		s.writers, s.turns = dialect.NewStatementPool(p.Write.DB), newTurns()
	}
	s.beat = dialect.NewStatementPool(p.Pulse.DB)
	s.query = query.NewReader(d, o.Now)
	s.history = history.NewReader(d, s.beat, p.Intact)
	s.tracker = history.NewTracker(history.Pace{Poll: o.Poll, MaxStale: o.MaxStale}, s.history.Look)
	s.cache = history.NewCache(s.tracker, d, o.CacheBytes, o.Now)
	s.lookups = lookup.New(lookup.Sources{
		Dialect: d, Pool: s.pool, Query: s.query, Cache: s.cache, Tracker: s.tracker, Now: o.Now, Page: s.page, Snapshot: s.spread, Build: s.buildOf,
	}, o.RateMemory)
	s.tracker.Missing, s.tracker.Lose, s.tracker.Report = s.db.Missing, s.lose, s.report
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.tracker.Start()
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = RandomID
	}
	if o.MaxConns <= 0 {
		o.MaxConns = DefaultConns
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 32 << 20
	}
	if o.RateMemory == 0 {
		o.RateMemory = lookup.DefaultMemory
	}
	if o.MaxChanges <= 0 {
		o.MaxChanges = 50
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Close stops the polling and the loading of rates, waits for running statements,
// and closes every connection.
func (s *Store) Close() error {
	s.tracker.Stop()
	s.lookups.Close()
	for _, p := range []*dialect.StatementPool{s.pool, s.writers, s.beat} {
		p.Close()
	}
	if s.replica != nil {
		return errors.Join(s.replica.close(), s.db.Close())
	}
	return s.db.Close()
}

// Ping checks that the database answers. It returns ErrUnavailable if the database
// does not, or if its file is no longer in its place. It has a connection of its own,
// so it does not wait for other readers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.Intact(); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	var one int
	if err := s.db.Pulse.GetContext(ctx, &one, "SELECT 1"); err != nil {
		return fmt.Errorf("database: %w", s.dialect.Translate(err))
	}
	return nil
}

// Fresh checks that the database has confirmed the data revision within
// Options.MaxStale, or does so now. Otherwise it returns ErrUnavailable.
func (s *Store) Fresh(ctx context.Context) error { return s.tracker.Confirm(ctx) }

// Dialect returns the database's kind: "sqlite" or "postgres".
func (s *Store) Dialect() string { return s.dialect.Name }

// Now returns the present time by the clock of the store.
func (s *Store) Now() time.Time { return s.now() }

// micros returns the present time as the database stores times: microseconds since
// 1970.
func (s *Store) micros() int64 { return s.now().UnixMicro() }

// RandomID returns an opaque id for a row of the given type: a prefix that names
// the type, and 26 characters of base32 that hold 128 random bits.
func RandomID(typ string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
	return schema.Info(typ).Prefix + strings.ToLower(text)
}
