package policies

import (
	"cmp"
	"sync/atomic"
	"time"

	"resellerd/policies/filter"
	"resellerd/policies/gateway"
	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// Options configure an Engine. A zero value means the stated default.
type Options struct {
	Schema       input.Schema  // columns per resource type; none by default
	Timeout      time.Duration // limit for one evaluation; default 1 s
	MaxDisjuncts int           // limit for one filter; default 64
	CacheBytes   int64         // limit for the cached plans; default 32 MiB
	Source       string        // origin of the tree, for errors and logs
}

// Engine is one policy revision. It is immutable, except for
// caches and counts, and safe for concurrent use.
type Engine struct {
	options   Options
	revision  string
	limits    Limits
	reasons   map[string]Reason
	catalog   map[string]any
	areas     map[string]bool // that the data names
	gateway   *gateway.Map
	masks     masks
	tree      *filter.Tree
	asked     *filter.Tree // the tree for plans, with its look-ups
	decision  *rego.Query
	access    *rego.Grid
	queries   partialQueries
	parts     parts
	rowless   bool // the tree shows no rows; it is evaluated whole
	conflicts conflicts
	plans     *planCache
	slowness  []rego.Finding // found when the tree was tried at load
	compiled  compiled
}

// compiled counts compilations.
type compiled struct {
	tree         time.Duration
	plans, nanos atomic.Int64
	partial      atomic.Int64 // plans without some rules
}

// CompileTime is the number of compilations of one kind and their time in all.
type CompileTime struct {
	Count int64
	Time  time.Duration
}

// CompileTimes returns the compilations of this engine by kind: "tree" for its load,
// with all checks, "plan" for the plans of requests, and "partial" for those among them
// that lack rules, because no filter can express these rules for the subject. Rules that
// a plan lacks allow nothing.
func (e *Engine) CompileTimes() map[string]CompileTime {
	return map[string]CompileTime{
		"tree":    {1, e.compiled.tree},
		"plan":    {e.compiled.plans.Load(), time.Duration(e.compiled.nanos.Load())},
		"partial": {Count: e.compiled.partial.Load()},
	}
}

func (o Options) withDefaults() Options {
	o.Timeout = cmp.Or(o.Timeout, time.Second)
	o.MaxDisjuncts = cmp.Or(o.MaxDisjuncts, 64)
	o.CacheBytes = cmp.Or(o.CacheBytes, 32<<20)
	return o
}

// Revision returns a hash of the tree's Rego and data, in hexadecimal.
func (e *Engine) Revision() string { return e.revision }

// Schema returns the columns of each type, as given in Options. The map is
// shared: do not change it.
func (e *Engine) Schema() input.Schema { return e.options.Schema }

// Source returns the tree's origin, as given in Options.
func (e *Engine) Source() string { return e.options.Source }
