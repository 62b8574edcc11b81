package query

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"resellerd/policies/bounded"
	"resellerd/policies/parameter"
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
// request. It is immutable except for its statements.
type queryShape struct {
	sources    []*parameter.Set      // those of the query itself, then of each of Also
	statements map[string]*statement // guarded by the cache
}

// planCache caches the statements of queries. Its keys hold everything that the
// text of a statement depends on. It is cleared when it is full, which suits keys that
// recur. It is safe for concurrent use.
type planCache struct {
	mu      sync.RWMutex
	shapes  map[string]*queryShape
	bytes   int64 // of the shapes and their statements, estimated
	evicted int64 // shapes
}

// planBytes is the most bytes of the cached statements.
const planBytes = 16 << 20

// The estimated bytes of a shape for each byte of its key, which has the texts of its
// predicates, and of a statement or shape beside its texts.
const (
	perKeyByte = 12
	itemBytes  = 1 << 10
)

func newPlanCache() *planCache { return &planCache{shapes: map[string]*queryShape{}} }

func (c *planCache) shape(key []byte) *queryShape {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.shapes[string(key)]
}

func (c *planCache) addShape(key string, d *queryShape) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spend(itemBytes + perKeyByte*len(key)) {
		c.shapes[key] = d
	}
}

func (c *planCache) statement(d *queryShape, classes []byte) *statement {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return d.statements[string(classes)]
}

// addStatement caches a statement of a shape. If that clears the cache, the statement
// ends with its shape.
func (c *planCache) addStatement(d *queryShape, classes string, p *statement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spend(itemBytes + len(classes) + 2*len(p.text)) {
		d.statements[classes] = p
	}
}

// spend takes bytes, and clears the cache if they do not fit. It returns false for more
// bytes than the cache may have.
func (c *planCache) spend(bytes int) bool {
	if bytes > planBytes {
		return false
	}
	if c.bytes += int64(bytes); c.bytes > planBytes {
		c.evicted += int64(len(c.shapes))
		clear(c.shapes)
		c.bytes = int64(bytes)
	}
	return true
}

// CacheUse returns the estimated bytes of the cached statements, and the evictions.
func (r *Reader) CacheUse() bounded.Use {
	r.plans.mu.RLock()
	defer r.plans.mu.RUnlock()
	return bounded.Use{Bytes: r.plans.bytes, Evicted: r.plans.evicted}
}

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
		if classes, values[i] = source.Values(env, classes); !dialect.Storable(values[i]...) {
			return nil, nil, fault.Invalid("", "a value of the request is not a valid text")
		}
		ends[i] = len(classes)
	}
	if p := r.plans.statement(d, classes); p != nil {
		return p, values, nil
	}
	p, err := r.compile(q, def, m, d.sources, splitAt(string(classes), ends))
	if err != nil {
		return nil, nil, err
	}
	r.plans.addStatement(d, string(classes), p)
	return p, values, nil
}

// shapeOf returns the cached shape of q in the given mode, and creates it if
// necessary.
func (r *Reader) shapeOf(q *Query, m mode) *queryShape {
	buffer := keyBuffers.Get().(*[]byte)
	defer keyBuffers.Put(buffer)
	key := appendKey((*buffer)[:0], q, m)
	*buffer = key
	d := r.plans.shape(key)
	if d == nil {
		d = newQueryShape(q)
		r.plans.addShape(string(key), d)
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
	main := parameter.New()
	collect := func(l *parameter.Set, f predicate.Filter) {
		if f.Kind == predicate.Where && f.Where != nil {
			l.Collect(f.Where)
		}
	}
	collect(main, q.Filter)
	for _, v := range q.Views {
		collect(main, v.When)
	}
	for _, c := range q.Columns {
		collect(main, c.When)
	}
	d := &queryShape{sources: []*parameter.Set{main}, statements: map[string]*statement{}}
	for _, f := range q.Also {
		l := parameter.New()
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
		part(strings.Join(w.Also, ","))
		dst = strconv.AppendInt(append(dst, 'n'), int64(len(w.values())), 10)
	}
	dst = append(dst, 'o')
	part(q.Sort)
	flag(q.Desc)
	flag(q.ID != "")
	flag(q.Revision != "")
	flag(q.At != 0)
	flag(q.After != nil)
	flag(q.After != nil && q.After.KeyAbsent)
	flag(q.After != nil && q.After.Back)
	flag(q.Customer != "")
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
	classes, values := r.shapeOf(q, modeHeads).sources[0].Values(q.Env, nil)
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
