package storetest

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Template is a database of each kind that is filled once and copied for every
// test. It is safe for concurrent use.
type Template struct {
	fill   func(t testing.TB, url string)
	copies sync.Map // by URL

	mu     sync.Mutex
	file   []byte     // the SQLite database; nil until it is filled
	spares chan spare // copies of the PostgreSQL database; nil until it is filled
}

// NewTemplate returns a template of databases with the current schema. The first
// test that needs a copy calls fill, which may be nil. fill must close
// everything that it opens.
func NewTemplate(fill func(t testing.TB, url string)) *Template { return &Template{fill: fill} }

// Empty is the template of databases without any rows.
var Empty = NewTemplate(nil)

// Databases returns functions that give a test a copy, by the name of the
// database.
func (m *Template) Databases() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{"sqlite": m.SQLite, "postgres": m.Postgres}
}

// Copied reports whether the database at url is a copy of this template.
func (m *Template) Copied(url string) bool {
	_, ok := m.copies.Load(url)
	return ok
}

// SQLite returns the URL of a copy in the test's own directory.
func (m *Template) SQLite(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, m.content(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return m.copied(t, "sqlite:"+path)
}

// content returns the filled SQLite file.
func (m *Template) content(t testing.TB) []byte {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		path := filepath.Join(t.TempDir(), "template.db")
		m.prepare(t, "sqlite:"+path)
		content, err := os.ReadFile(path)
		need(t, err)
		m.file = content
	}
	return m.file
}

// Postgres returns the URL of a copy that is dropped when the test ends. On a
// server that outlives the tests there is no template, and each copy is filled
// separately. Without a server the test is skipped or fails; see the package
// comment.
func (m *Template) Postgres(t testing.TB) string {
	t.Helper()
	admin := needServer(t)
	if outlives() {
		fresh := copyOf(t, admin, untouched)
		m.prepare(t, fresh)
		return m.copied(t, fresh)
	}
	spare := <-m.waiting(t, admin)
	need(t, spare.err)
	t.Cleanup(func() { // dropped in the background: the cluster ends with the test binary anyway
		go func() { _ = execute(admin, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", spare.name)) }()
	})
	fresh, err := inDatabase(admin, spare.name)
	need(t, err)
	return m.copied(t, fresh)
}

// spareCopies is the number of copies made ahead.
const spareCopies = 2

// spare is a copy made ahead, or the error that prevented it.
type spare struct {
	name string
	err  error
}

// waiting returns a channel of copies that are made ahead of the tests.
func (m *Template) waiting(t testing.TB, admin string) <-chan spare {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spares == nil {
		template := freshName()
		need(t, execute(admin, "CREATE DATABASE "+template+" TEMPLATE "+untouched))
		fresh, err := inDatabase(admin, template)
		need(t, err)
		m.prepare(t, fresh)
		m.spares = make(chan spare, spareCopies)
		go copyAhead(admin, template, m.spares)
	}
	return m.spares
}

func copyAhead(admin, template string, to chan<- spare) {
	for {
		name := freshName()
		// FILE_COPY is the faster strategy when nothing is synced to disk.
		to <- spare{name, execute(admin, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY", name, template))}
	}
}

func (m *Template) prepare(t testing.TB, url string) {
	t.Helper()
	need(t, migrate(url))
	if m.fill != nil {
		m.fill(t, url)
	}
}

func (m *Template) copied(t testing.TB, url string) string {
	t.Helper()
	m.copies.Store(url, true)
	t.Cleanup(func() { m.copies.Delete(url) })
	return url
}
