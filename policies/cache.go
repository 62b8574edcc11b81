package policies

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/singleflight"

	"resellerd/policies/bounded"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// planKey holds everything that a template is compiled with.
type planKey struct {
	profile, subject, action, typ, area string
	looked                              string // the values that the tree looks up for the user
	pins                                string // the pinned values: their paths and contents
}

func keyOf(in *input.Input) planKey {
	key := planKey{
		profile: in.Subject.Facts.Key(), subject: in.Subject.Type, action: in.Action.Name, typ: in.Resource.Type,
	}
	if key.typ == input.AreaType {
		key.area = in.Resource.ID
	}
	return key
}

func (k planKey) String() string {
	return strings.Join([]string{k.profile, k.subject, k.action, k.typ, k.area, k.looked, k.pins}, "\x00")
}

// entry holds a template, or the paths whose values must be pinned to find
// one.
type entry struct {
	template *template
	pins     []predicate.Ref
}

// planCache caches an engine's templates, up to a number of bytes. A template belongs to
// the account of the user who needed it first, so that no account can evict those of
// others. Concurrent requests for the same key share one compilation.
type planCache struct {
	engine  *Engine
	entries *bounded.Cache[planKey, *entry]
	filling singleflight.Group
}

func newPlanCache(e *Engine, limit int64) *planCache {
	return &planCache{engine: e, entries: bounded.New[planKey, *entry](limit)}
}

// CacheUse returns the estimated bytes of the cached plans, and the evictions.
func (e *Engine) CacheUse() bounded.Use { return e.plans.entries.Use() }

// The estimated bytes of a template without conditions, of each byte in the text of
// a condition, and of each guard.
const (
	templateBytes = 4 << 10
	perTextByte   = 12
	guardBytes    = 4 << 10
)

// bytes estimates the size of an entry with its key.
func (f *entry) bytes(key planKey) int64 {
	n := templateBytes + len(key.pins) + len(key.looked)
	if t := f.template; t != nil {
		texts := len(t.allow.String())
		for _, r := range t.reasons {
			texts += len(r.when.String())
		}
		for _, v := range t.views {
			texts += len(v.When.String())
		}
		for _, c := range t.columns {
			texts += len(c.When.String())
		}
		for i := range t.guards {
			n += guardBytes + perTextByte*t.guards[i].Len()
		}
		n += perTextByte * texts
	}
	return int64(n)
}

// template returns the template for an input and reports whether it was
// cached. The values at pins are compiled into the template.
func (c *planCache) template(ctx context.Context, in *input.Input, pins []predicate.Ref) (*template, bool, error) {
	key := keyOf(in)
	key.looked = c.engine.asked.Lookups.Key(in)
	if found, ok := c.entries.Get(key); ok && len(pins) == 0 {
		if found.pins == nil {
			return found.template, true, nil
		}
		pins = found.pins
	}
	// Each round pins more values of the request. A request has only a few of
	// them.
	for range maxPins {
		found, warm, err := c.pinnedEntry(ctx, key, in, pins)
		if err != nil {
			return nil, false, err
		}
		if found.pins == nil {
			return found.template, warm, nil
		}
		pins = union(pins, found.pins)
	}
	t, _, err := c.engine.compileTemplate(ctx, in, pins)
	if err == nil {
		t.pins = pins
	}
	return t, false, err
}

const maxPins = 8

// pinnedEntry returns the entry for an input whose values at pins are compiled
// in.
func (c *planCache) pinnedEntry(ctx context.Context, key planKey, in *input.Input, pins []predicate.Ref) (*entry, bool, error) {
	if len(pins) > 0 {
		var err error
		if key.pins, err = in.PinKey(pins); err != nil {
			return nil, false, err
		}
		if found, ok := c.entries.Get(key); ok {
			return found, true, nil
		}
	}
	filled := c.filling.DoChan(key.String(), func() (any, error) { return c.fill(context.WithoutCancel(ctx), key, in, pins) })
	select {
	case r := <-filled:
		if r.Err != nil {
			return nil, false, r.Err
		}
		return r.Val.(*entry), false, nil
	case <-ctx.Done():
		return nil, false, fmt.Errorf("policy filter: %w", ctx.Err())
	}
}

// fill compiles the template for a key and caches it. It continues when the
// waiting request is cancelled, so that the next request finds the result.
func (c *planCache) fill(ctx context.Context, key planKey, in *input.Input, pins []predicate.Ref) (found *entry, err error) {
	defer rego.Recovered(&err)
	t, late, err := c.engine.compileTemplate(ctx, in, pins)
	if err != nil {
		return nil, err
	}
	t.pins = pins
	found = &entry{template: t}
	if more := union(pins, late); len(more) > len(pins) {
		found = &entry{pins: more}
	}
	account := ""
	if f := in.Subject.Facts; f != nil {
		account = f.Account.ID
	}
	c.entries.AddFor(account, key, found, found.bytes(key))
	return found, nil
}

func union(a, b []predicate.Ref) []predicate.Ref {
	out := slices.Clone(a)
	for _, ref := range b {
		if !input.Pinned(ref, out) {
			out = append(out, ref)
		}
	}
	return out
}
