// Package store keeps accounts, groups, users, customers, cards and their
// rates in SQLite or PostgreSQL, and reads them through typed filters: what a
// viewer must not see never leaves the database.
package store

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"
)

// Options adjusts a Store. The zero value is ready for production.
type Options struct {
	// Now is the clock, time.Now by default. Tests inject one.
	Now func() time.Time
	// NewID makes a fresh, unguessable id for a row of the given kind
	// ("account", "group", "user", "customer", "card", "revision", "audit");
	// RandomID by default.
	NewID func(kind string) string
	// MaxConns bounds the connections that read, and in PostgreSQL those that
	// write too. Default: four times the processors, at least 8.
	MaxConns int
	// CacheRows bounds the rows and subjects remembered for one data
	// revision. Default 65536.
	CacheRows int
	// RateMemory bounds the bytes that look-ups keep. Default
	// DefaultRateMemory; below 0 nothing is kept.
	RateMemory int64
	// Poll is how often the data revision is asked for. Default 100 ms.
	Poll time.Duration
	// MaxStale is how old the last confirmed data revision may be before a
	// read from the cache asks for it first. Default 2 s.
	MaxStale time.Duration
	// Cleared is told of each external id that Migrate clears; nil for nobody.
	Cleared func(BadExternalID)
	// Logger is told when the database has lost commits, or its file is gone.
	// Default: nobody.
	Logger *slog.Logger
}

// Store is an open database. It is safe for concurrent use; Close ends it.
type Store struct {
	dialect dialect
	db      pools
	now     func() time.Time
	newID   func(kind string) string

	pool      *preparedPool // reads
	writers   *preparedPool // writes; the same as pool in PostgreSQL
	beat      *preparedPool // the data revision
	history   *historyReader
	logger    *slog.Logger
	query     *queryReader
	tracker   *tracker
	cache     *answerCache
	lookups   *finder
	bulkSlots chan struct{} // one for each connection of bulk that is taken
	cleared   func(BadExternalID)
}

// Open opens the database that url names:
//
//	sqlite:path/to/file.db    a file, made when absent
//	sqlite::memory:           a database that lives as long as the Store
//	postgres://…              a PostgreSQL server
//
// It does not touch the schema; see Migrate and SchemaCurrent. It returns
// ErrInvalid for a url of another form and ErrUnavailable when the database
// does not answer.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	o = o.withDefaults()
	p, d, err := connect(ctx, url, poolOptions{MaxConns: o.MaxConns, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	s := &Store{
		dialect: d, db: p, now: o.Now, newID: o.NewID, cleared: o.Cleared, logger: o.Logger,
		bulkSlots: make(chan struct{}, bulkConns),
	}
	s.pool = newPreparedPool(p.read.DB)
	if s.writers = s.pool; p.write != p.read {
		s.writers = newPreparedPool(p.write.DB)
	}
	s.beat = newPreparedPool(p.pulse.DB)
	s.query = newQueryReader(d, o.Now)
	s.history = newHistoryReader(d, s.beat, p.intact)
	s.tracker = newTracker(pace{Poll: o.Poll, MaxStale: o.MaxStale}, s.history.look)
	s.cache = newAnswerCache(s.tracker, d, o.CacheRows, o.Now)
	s.lookups = newFinder(lookupSources{
		Dialect: d, Pool: s.pool, Query: s.query, Cache: s.cache, Tracker: s.tracker, Now: o.Now, Snapshot: s.snapshot, Build: s.buildOf,
	}, o.RateMemory)
	s.tracker.missing, s.tracker.lose, s.tracker.report = s.db.missing, s.lose, s.report
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.tracker.start()
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
		o.MaxConns = max(8, 4*runtime.NumCPU())
	}
	if o.CacheRows <= 0 {
		o.CacheRows = 1 << 16
	}
	if o.RateMemory == 0 {
		o.RateMemory = DefaultRateMemory
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Close stops the polling and what reads ahead, waits for running statements and closes every
// connection.
func (s *Store) Close() error {
	s.tracker.stop()
	s.lookups.close()
	for _, p := range []*preparedPool{s.pool, s.writers, s.beat} {
		p.forget()
	}
	return s.db.shut()
}

// Ping asks the database for a sign of life; ErrUnavailable when there is
// none, and when its file is no longer where it was.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.intact(); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	var one int
	if err := s.db.read.GetContext(ctx, &one, "SELECT 1"); err != nil {
		return fmt.Errorf("database: %w", s.dialect.translate(err))
	}
	return nil
}

// Dialect is the database's kind: "sqlite" or "postgres".
func (s *Store) Dialect() string { return s.dialect.name }

// micros is the clock as the database keeps times: microseconds since 1970.
func (s *Store) micros() int64 { return s.now().UnixMicro() }

var idPrefixes = map[string]string{
	"account": "acc_", "group": "grp_", "user": "usr_", "customer": "cus_",
	"card": "crd_", "revision": "rev_", "audit": "aud_",
}

// RandomID makes an opaque id for a row of the given kind: a prefix that names
// the kind and 26 characters of base32 that hold 128 random bits.
func RandomID(kind string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
	return idPrefixes[kind] + strings.ToLower(text)
}
