package replay

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
)

// Report says which decisions differ.
type Report struct {
	Policy      string         `json:"policy"`      // revision of the candidate
	Recorded    map[string]int `json:"recorded"`    // entries by the revision that decided them
	Entries     int            `json:"entries"`     // decisions read
	Same        int            `json:"same"`        // decisions that are equal
	Flipped     int            `json:"flipped"`     // decisions that differ
	Undecidable map[string]int `json:"undecidable"` // by the missing part of the entry
	Refusals    int            `json:"refusals"`    // refusals by the server, which the policy did not decide
	Unreadable  int            `json:"unreadable"`
	FirstFault  string         `json:"first_fault,omitempty"` // of the unreadable ones
	Kinds       map[Kind]int   `json:"kinds"`
	Groups      []*Group       `json:"groups"`

	Changed  []policies.ChangedRule `json:"changed,omitempty"`  // rules that differ from the policy of --was
	Data     int                    `json:"data,omitempty"`     // differences in the data of the policies
	Reaching *int                   `json:"reaching,omitempty"` // decisions that reach one of these rules, or a rule that reads this data
	Beside   int                    `json:"beside,omitempty"`   // decisions at other times, or of other policies
	Exposed  []*Exposure            `json:"exposed,omitzero"`   // what the policy in force allowed and the better one denies; nil if nobody asked
}

// Options narrow a replay, and say what it compares.
type Options struct {
	Was      *policies.Engine // the policy that the candidate differs from; nil: not known
	From, To time.Time        // only decisions from From on and before To; zero: no bound
	Exposed  bool             // list what decisions by Was allowed and the candidate does not
}

// Group is the set of differences with the same kind, account, area and rule.
// Examples are the first decision ids in the log. Was and Now belong to the first
// example.
type Group struct {
	Kind      Kind      `json:"kind"`
	Account   string    `json:"account"`
	Area      string    `json:"area"`
	Rule      string    `json:"rule"`
	Count     int       `json:"count"`
	Examples  []string  `json:"examples"`
	Was       string    `json:"was"`
	Now       string    `json:"now"`
	Direction Direction `json:"direction,omitempty"` // what the candidate gives: wider, narrower or other
	Added     []string  `json:"added,omitempty"`     // terms of a filter, or columns and views
	Removed   []string  `json:"removed,omitempty"`
	Because   string    `json:"because,omitempty"` // rule and line of the candidate that decided the first example

	Rows *RowCounts `json:"rows,omitempty"` // of a list, for the first example; nil if nobody counted

	first int // place in the log
	in    *input.Input
}

const maxExamples = 3

// Open returns how many decisions cannot be repeated.
func (r *Report) Open() int {
	n := 0
	for _, entries := range r.Undecidable {
		n += entries
	}
	return n
}

type groupKey struct {
	kind                Kind
	account, area, rule string
}

// replayer collects results. Each worker has its own.
type replayer struct {
	engine   *policies.Engine
	grouped  bool     // the policy looks into the subject's groups
	formed   bool     // the policy reads the form of requests
	profiles profiles // of all workers
	report   Report
	groups   map[groupKey]*Group
	o        Options
	changed  map[string]bool // names of the rules that differ
	exposed  map[exposureKey]*Exposure
}

func newReplayer(e *policies.Engine, known profiles, o Options) *replayer {
	r := &replayer{o: o, exposed: map[exposureKey]*Exposure{}, changed: map[string]bool{}, engine: e, grouped: e.LooksIntoGroups(), formed: e.Reads("action", "properties", "form"), profiles: known, groups: map[groupKey]*Group{},
		report: Report{Policy: e.Revision(), Recorded: map[string]int{}, Undecidable: map[string]int{}, Kinds: map[Kind]int{}}}
	if o.Was != nil {
		r.report.Changed, r.report.Data, r.report.Reaching = policies.ChangedRules(o.Was, e), len(policies.DataChanges(o.Was, e)), new(int)
		for _, rule := range r.report.Changed {
			r.changed[rule.Rule] = true
		}
		for _, rule := range policies.ReadersOfChanges(o.Was, e) {
			r.changed[rule] = true
		}
	}
	return r
}

// Source is a file of a decision log.
type Source struct {
	Name string
	io.Reader
}

// Run repeats every decision in the files, on all processors. If ctx ends before the
// last group is explained, Run returns ctx's error and no report, because a cancelled
// evaluation looks like a denial.
func Run(ctx context.Context, e *policies.Engine, files []Source, o Options) (*Report, error) {
	batches := make(chan batch, 2*runtime.GOMAXPROCS(0))
	workers := make([]*replayer, runtime.GOMAXPROCS(0))
	known := newProfiles()
	var all sync.WaitGroup
	for i := range workers {
		workers[i] = newReplayer(e, known, o)
		all.Go(func() { workers[i].work(ctx, batches) })
	}
	err := split(ctx, files, known, batches)
	close(batches)
	all.Wait()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err // decisions made after ctx ended are not valid
	}
	for _, w := range workers[1:] {
		workers[0].join(w)
	}
	report := workers[0].finish(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return report, nil
}

// batch is a number of lines for one worker.
type batch struct {
	file  string
	first int // line number of the first line
	place int // position of the first line in the whole log
	lines [][]byte
}

const batchLines = 256

// split reads the files into batches. It notes a profile before it sends the entries
// that refer to it.
func split(ctx context.Context, files []Source, known profiles, out chan<- batch) error {
	place := 0
	for _, f := range files {
		in := bufio.NewReaderSize(f, 1<<20)
		b := batch{file: f.Name, first: 1, place: place}
		send := func() {
			select {
			case out <- b:
			case <-ctx.Done():
			}
			place += len(b.lines)
			b = batch{file: f.Name, first: b.first + len(b.lines), place: place}
		}
		for {
			line, err := in.ReadBytes('\n')
			if len(line) > 0 {
				known.note(line)
				b.lines = append(b.lines, line)
			}
			if len(b.lines) == batchLines || err != nil {
				send()
			}
			if errors.Is(err, io.EOF) || ctx.Err() != nil {
				break
			}
			if err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	return nil
}

func (r *replayer) work(ctx context.Context, in <-chan batch) {
	for b := range in {
		for i, line := range b.lines {
			if ctx.Err() != nil {
				break
			}
			if err := r.line(ctx, line, b.place+i); err != nil {
				r.fault(fmt.Sprintf("%s:%d: %v", b.file, b.first+i, err))
			}
		}
	}
}

func (r *replayer) fault(text string) {
	r.report.Unreadable++
	if r.report.FirstFault == "" || text < r.report.FirstFault {
		r.report.FirstFault = text
	}
}

// line handles one line of a log.
func (r *replayer) line(ctx context.Context, line []byte, place int) error {
	e, err := readEntry(line)
	if err != nil || e.Event != "" {
		return err
	}
	v, err := r.decide(ctx, e)
	if err != nil {
		return err
	}
	if v.skip {
		r.report.Beside++
		return nil
	}
	r.report.Entries++
	if r.report.Reaching != nil && v.in != nil && r.reached(ctx, v.in) != "" {
		*r.report.Reaching++
	}
	r.report.Recorded[e.Revision]++
	switch {
	case e.DecidedAs == "refusal":
		r.report.Refusals++
	case v.open != "":
		r.report.Undecidable[v.open]++
	case len(v.flips) == 0:
		r.report.Same++
	case r.o.Exposed && e.Outcome == string(policies.OutcomeAllow) && v.flips[0].kind == Error:
		r.report.Undecidable["error"]++ // the policy in force allowed it, and the better one cannot say
	default:
		r.report.Flipped++
		for _, f := range v.flips {
			r.add(f, e.DecisionID, place)
			if r.o.Exposed {
				r.expose(f, e.DecisionID)
			}
		}
	}
	return nil
}

func (r *replayer) add(f flip, id string, place int) {
	r.report.Kinds[f.kind]++
	key := groupKey{f.kind, f.account, f.area, f.rule}
	g := &Group{Kind: f.kind, Account: f.account, Area: f.area, Rule: f.rule, Count: 1,
		Examples: []string{id}, Was: f.was, Now: f.now, Direction: f.direction, Added: f.added, Removed: f.removed, first: place, in: f.in}
	r.merge(key, g)
}

// merge adds g to the group with this key, or stores g as a new group. The group that
// comes first in the log keeps its example.
func (r *replayer) merge(key groupKey, g *Group) {
	old, ok := r.groups[key]
	if !ok {
		r.groups[key] = g
		return
	}
	if g.first < old.first {
		old, g = g, old
		r.groups[key] = old
	}
	old.Count += g.Count
	for _, id := range g.Examples {
		if len(old.Examples) < maxExamples && !slices.Contains(old.Examples, id) {
			old.Examples = append(old.Examples, id)
		}
	}
}

// join adds the results of another worker.
func (r *replayer) join(other *replayer) {
	a, b := &r.report, &other.report
	a.Entries += b.Entries
	a.Same += b.Same
	a.Flipped += b.Flipped
	a.Refusals += b.Refusals
	if b.Unreadable > 0 {
		r.fault(b.FirstFault)
		a.Unreadable += b.Unreadable - 1
	}
	addAll(a.Recorded, b.Recorded)
	addAll(a.Undecidable, b.Undecidable)
	addAll(a.Kinds, b.Kinds)
	a.Beside += b.Beside
	if a.Reaching != nil {
		*a.Reaching += *b.Reaching
	}
	r.joinExposed(other)
	for key, g := range other.groups {
		r.merge(key, g)
	}
}

func addAll[K comparable](into, from map[K]int) {
	for key, n := range from {
		into[key] += n
	}
}

// finish sorts the groups by kind and then by size, the largest first. It explains
// the first example of at most maxExplained groups.
func (r *replayer) finish(ctx context.Context) *Report {
	r.report.Groups = slices.SortedFunc(maps.Values(r.groups), func(a, b *Group) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)), -cmp.Compare(a.Count, b.Count),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Area, b.Area), cmp.Compare(a.Rule, b.Rule))
	})
	for i, g := range r.report.Groups {
		if i < maxExplained {
			g.Because = r.because(ctx, g)
		}
	}
	if r.o.Exposed {
		r.report.Exposed = r.exposures()
	}
	return &r.report
}

// maxExplained is the most groups that are explained.
const maxExplained = 200

// because returns the candidate's rule that decided a group's first example: the rule
// that allows it, or the condition that fails.
func (r *replayer) because(ctx context.Context, g *Group) string {
	if g.Kind != AllowToDeny && g.Kind != DenyToAllow || g.in.Resource.Row == nil && r.engine.Schema()[g.in.Resource.Type].Columns != nil {
		return ""
	}
	if name := r.reached(ctx, g.in); name != "" {
		for _, rule := range r.report.Changed {
			if rule.Rule == name {
				return fmt.Sprintf("%s:%d: %s (%s)", rule.File, rule.Line, rule.Rule, rule.Change)
			}
		}
	}
	x := r.engine.Explain(ctx, g.in)
	switch {
	case g.Kind == DenyToAllow && x.Decision.Allow && len(x.Rules) > 0:
		rule := innermost(x.Rules)
		return fmt.Sprintf("%s:%d: %s", rule.File, rule.Line, rule.Name)
	case g.Kind == AllowToDeny && len(x.Failed) > 0:
		last := x.Failed[len(x.Failed)-1]
		return fmt.Sprintf("%s:%d: %s", last.File, last.Line, last.Text)
	}
	return ""
}

// reached returns a rule that differs and that a decision reaches by one of the policies,
// or "".
func (r *replayer) reached(ctx context.Context, in *input.Input) string {
	if len(r.changed) == 0 {
		return ""
	}
	if name := r.engine.Reached(ctx, in, r.changed); name != "" {
		return name
	}
	return r.o.Was.Reached(ctx, in, r.changed)
}

// innermost returns the most deeply nested rule. It prefers rules that depend on the
// row, because they explain why this row is allowed and others are not.
func innermost(rules []policies.Rule) policies.Rule {
	return slices.MaxFunc(rules, func(a, b policies.Rule) int {
		return cmp.Or(compareBool(asksRow(a), asksRow(b)), cmp.Compare(a.Depth, b.Depth))
	})
}

func asksRow(rule policies.Rule) bool {
	return strings.Contains(strings.ReplaceAll(rule.Text, "input.resource.type", ""), "input.resource.")
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
