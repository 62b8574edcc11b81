package query

import (
	"fmt"
	"strconv"
	"sync"

	"resellerd/policies/predicate"
	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// mode is the purpose of a statement.
type mode byte

const (
	modePage   mode = 'p'
	modeStream mode = 's'
	modeCount  mode = 'c'
	modeHead   mode = 'h' // what a card decides about the rows that belong to it
	modeHeads  mode = 'a' // the same for every card
)

// statement is a finished statement: its text, the sources of its arguments, and
// the layout of its rows. It is immutable.
type statement struct {
	empty bool // no row can pass, so the statement is not run
	text  string
	args  []schema.Argument
	shape *rowShape
}

// queryShape is a query whose predicates are analysed, but not decided for a
// request. It is immutable except for its cache.
type queryShape struct {
	sources    []*parameters // those of the query itself, then of each of Also
	statements *bounded[*statement]
}

// planCache caches the statements of queries. Its keys hold everything that the
// text of a statement depends on.
type planCache struct{ shapes *bounded[*queryShape] }

const (
	maxShapes     = 2048
	maxStatements = 64 // per shape
)

func newPlanCache() *planCache { return &planCache{newBounded[*queryShape](maxShapes)} }

// plan returns the statement for q in the given mode, and the values of its
// parameters in this request.
func (r *Reader) plan(q *Query, def *schema.Type, m mode) (*statement, [][]any, error) {
	d := r.shapeOf(q, m)
	var space [64]byte
	classes, values := space[:0], make([][]any, len(d.sources))
	ends := make([]int, len(d.sources))
	for i, source := range d.sources {
		env := q.Env
		if i > 0 {
			env = q.Also[i-1].Env
		}
		if classes, values[i] = source.values(env, classes); !dialect.Storable(values[i]...) {
			return nil, nil, fault.Invalid("", "a value of the request is not a valid text")
		}
		ends[i] = len(classes)
	}
	if p, ok := d.statements.get(classes); ok {
		return p, values, nil
	}
	p, err := r.compile(q, def, m, d.sources, splitAt(string(classes), ends))
	if err != nil {
		return nil, nil, err
	}
	d.statements.put(string(classes), p)
	return p, values, nil
}

// shapeOf returns the cached shape of q in the given mode, and creates it if
// necessary.
func (r *Reader) shapeOf(q *Query, m mode) *queryShape {
	buffer := keyBuffers.Get().(*[]byte)
	defer keyBuffers.Put(buffer)
	key := appendKey((*buffer)[:0], q, m)
	*buffer = key
	d, ok := r.plans.shapes.get(key)
	if !ok {
		d = newQueryShape(q)
		r.plans.shapes.put(string(key), d)
	}
	return d
}

func splitAt(text string, ends []int) []string {
	parts, start := make([]string, len(ends)), 0
	for i, end := range ends {
		parts[i], start = text[start:end], end
	}
	return parts
}

func newQueryShape(q *Query) *queryShape {
	main := newParameters()
	collect := func(l *parameters, f predicate.Filter) {
		if f.Kind == predicate.Where && f.Where != nil {
			l.collect(f.Where)
		}
	}
	collect(main, q.Filter)
	for _, v := range q.Views {
		collect(main, v.When)
	}
	for _, c := range q.Columns {
		collect(main, c.When)
	}
	d := &queryShape{sources: []*parameters{main}, statements: newBounded[*statement](maxStatements)}
	for _, f := range q.Also {
		l := newParameters()
		collect(l, f.Filter)
		d.sources = append(d.sources, l)
	}
	return d
}

var keyBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// appendKey appends everything that the text of a statement depends on, except the
// classes of its parameters. Each part begins with its length, so that different
// queries have different keys.
func appendKey(dst []byte, q *Query, m mode) []byte {
	part := func(text string) {
		dst = strconv.AppendInt(dst, int64(len(text)), 36)
		dst = append(dst, ':')
		dst = append(dst, text...)
	}
	flag := func(set bool) {
		if set {
			dst = append(dst, '1')
		} else {
			dst = append(dst, '0')
		}
	}
	dst = append(dst, byte(m))
	part(q.Type)
	flag(q.Leaf)
	part(q.Filter.String())
	for _, v := range q.Views {
		dst = append(dst, 'v')
		part(v.Name)
		part(v.When.String())
	}
	for _, c := range q.Columns {
		dst = append(dst, 'c')
		for _, name := range c.Names {
			part(name)
		}
		dst = append(dst, 'w')
		part(c.When.String())
	}
	for _, f := range q.Also {
		dst = append(dst, 'a')
		part(f.Type)
		flag(f.Leaf)
		part(f.Filter.String())
	}
	for _, w := range q.Where {
		dst = append(dst, 'w')
		part(w.Column)
		part(string(w.Op))
	}
	dst = append(dst, 'o')
	part(q.Sort)
	flag(q.Desc)
	flag(q.ID != "")
	flag(q.Revision != "")
	flag(q.At != 0)
	flag(q.After != nil)
	flag(q.After != nil && q.After.KeyAbsent)
	if m == modePage {
		dst = strconv.AppendInt(dst, int64(fetched(q.Limit)), 10)
	}
	return dst
}

// AppendKey appends everything that the result of Heads for q depends on, except
// the data and the time. It returns ErrInvalid for a query that cannot be answered.
func (r *Reader) AppendKey(dst []byte, q *Query) ([]byte, error) {
	if _, err := q.check(); err != nil {
		return nil, err
	}
	dst = appendKey(dst, q, modeHeads)
	classes, values := r.shapeOf(q, modeHeads).sources[0].values(q.Env, nil)
	if !dialect.Storable(values...) {
		return nil, fault.Invalid("", "a value of the request is not a valid text")
	}
	dst = append(append(dst, 0), classes...)
	for _, v := range values {
		text := fmt.Sprint(v)
		dst = append(strconv.AppendInt(append(dst, 0), int64(len(text)), 36), ':')
		dst = append(dst, text...)
	}
	return dst, nil
}

// bounded is a map that is cleared when it is full. It is safe for concurrent use.
// It suits keys that recur.
type bounded[V any] struct {
	mu   sync.RWMutex
	size int
	kept map[string]V
}

func newBounded[V any](size int) *bounded[V] { return &bounded[V]{size: size, kept: map[string]V{}} }

func (b *bounded[V]) get(key []byte) (V, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	v, ok := b.kept[string(key)]
	return v, ok
}

func (b *bounded[V]) put(key string, v V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.kept) >= b.size {
		clear(b.kept)
	}
	b.kept[key] = v
}
