package policies

import (
	"cmp"
	"time"

	"resellerd/policies/filter"
	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// Options configure an Engine. Zero values mean the stated defaults.
type Options struct {
	Schema       input.Schema  // columns per resource type; none by default
	Timeout      time.Duration // of one evaluation; 1 s
	MaxDisjuncts int           // of one filter; 64
	CacheSize    int           // number of plans kept; 4096
	Source       string        // where the tree comes from, for errors and logs
}

// Engine is one policy revision. It is immutable and safe for concurrent use.
type Engine struct {
	options   Options
	revision  string
	limits    Limits
	reasons   map[string]Reason
	catalog   map[string]any
	masks     masks
	tree      *filter.Tree
	decision  *rego.Query
	queries   partialQueries
	parts     parts
	conflicts conflicts
	plans     *planCache
	slowness  []rego.Finding // met when the tree was tried
}

func (o Options) withDefaults() Options {
	o.Timeout = cmp.Or(o.Timeout, time.Second)
	o.MaxDisjuncts = cmp.Or(o.MaxDisjuncts, 64)
	o.CacheSize = cmp.Or(o.CacheSize, 4096)
	return o
}

// Revision is the hash of the tree's Rego and data.
func (e *Engine) Revision() string { return e.revision }

// Schema is what Options named as the columns of each type. It is shared: read
// only.
func (e *Engine) Schema() input.Schema { return e.options.Schema }

// Source is what Options named as the tree's origin.
func (e *Engine) Source() string { return e.options.Source }
