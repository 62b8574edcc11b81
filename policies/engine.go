package policies

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// Options configure an Engine. Zero values mean the stated defaults.
type Options struct {
	Schema       Schema        // columns per resource type; none by default
	Timeout      time.Duration // of one evaluation; 100 ms
	MaxDisjuncts int           // of one filter; 64
	CacheSize    int           // number of plans kept; 4096
	Source       string        // where the tree comes from, for errors and logs
}

// Engine is one policy revision. It is immutable and safe for concurrent use.
type Engine struct {
	options  Options
	revision string
	limits   Limits
	reasons  map[string]Reason
}

// Limits are the bounds in data.limits.
type Limits struct {
	MaxDepth        int                 // levels of accounts below a master; 1
	ResellerCeiling map[string][]string // the most that a reseller may have, per area
}

// Reason explains a code that denials carry, as the METADATA of its rule says.
type Reason struct {
	Title, Description string
	File               string
	Line               int
}

// Load reads, checks and compiles a tree of Rego and data files. It returns a
// *LoadError that lists everything found wrong with the tree, with file and
// line.
func Load(ctx context.Context, tree fs.FS, o Options) (*Engine, error) {
	return nil, errors.New("policies: no tree")
}

// Revision is the hash of the tree's Rego and data.
func (e *Engine) Revision() string { return e.revision }

// Source is what Options named as the tree's origin.
func (e *Engine) Source() string { return e.options.Source }

// Limits returns the bounds in data.limits. The map is shared: read only.
func (e *Engine) Limits() Limits { return e.limits }

// Reasons returns the annotated reason codes. The map is shared: read only.
func (e *Engine) Reasons() map[string]Reason { return e.reasons }

// Catalog returns the entity data.catalog.<typ>.<id>. The map is shared: read
// only.
func (e *Engine) Catalog(typ, id string) (map[string]any, bool) { return nil, false }

// Masks returns the paths that data.system.log.mask erases from a decision log
// entry, in OPA's format ("/input/resource/notes"), and whether they are the
// same for every entry. When they are not, ask Mask for each.
func (e *Engine) Masks() (paths []string, static bool) { return nil, true }

// Mask returns the paths to erase from one decision log entry.
func (e *Engine) Mask(ctx context.Context, entry map[string]any) (erased []string, err error) {
	return nil, nil
}

// Decide answers one input from a cached plan where the policy can be turned
// into one, and by a full evaluation otherwise. Both give the same answer. For
// types in the Schema a policy that cannot be turned into a filter is an error.
func (e *Engine) Decide(ctx context.Context, in *Input) Decision { return e.Evaluate(ctx, in) }

// Evaluate answers one input by evaluating data.reseller.main.decision whole.
// Built-in errors, a timeout, and any result of an unexpected shape deny.
func (e *Engine) Evaluate(ctx context.Context, in *Input) Decision {
	return failed(errors.New("policies: no tree"))
}
