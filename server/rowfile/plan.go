package rowfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// maxWaiting is how many bytes the accounts may have whose owner comes later. They are in
// memory.
const maxWaiting = 64 << 20

// Plan calls fn with each line of the join whose references are known, and the stored row
// of its name, nil for none. A row comes after the rows that it refers to. Other lines are
// refused in the report.
func (j *Join) Plan(groups map[string][]string, fn func(r *Resolved, stored map[string]any) error) error {
	return (&planning{j: j, groups: groups, fn: fn, waiting: map[string][]waiting{}, limit: maxWaiting}).all()
}

type planned struct {
	row    Row
	stored map[string]any
}

// waiting is an account as it was read: much smaller than its values in memory.
type waiting struct{ line, stored []byte }

// planning is one run of Plan.
type planning struct {
	j       *Join
	groups  map[string][]string
	fn      func(r *Resolved, stored map[string]any) error
	waiting map[string][]waiting // accounts whose owner comes later, by its external id
	size    int                  // bytes of those that wait
	limit   int
}

func (p *planning) all() error {
	err := p.j.Each(func(row Row, stored map[string]any) error {
		if row.Kind.Type != "account" {
			if err := p.giveUp(); err != nil {
				return err
			}
		}
		return p.line(planned{row, stored})
	})
	return errors.Join(err, p.giveUp())
}

// line plans a line, and the accounts that waited for it.
func (p *planning) line(one planned) error {
	for ready := []planned{one}; len(ready) > 0; ready = ready[1:] {
		one := ready[0]
		r, refused, err := p.j.names.Resolve(one.row, one.stored, p.groups)
		switch {
		case err != nil:
			return err
		case refused != nil && refused.orphan && one.row.Kind.Type == "account":
			p.wait(one)
			continue
		case refused != nil:
			p.j.report.Refuse(*refused)
			continue
		}
		if err := p.fn(r, one.stored); err != nil {
			return err
		}
		if one.row.Kind.Type == "account" {
			for _, next := range p.waiting[one.row.Name] {
				row, err := next.read()
				if err != nil {
					return err
				}
				ready, p.size = append(ready, row), p.size-next.size()
			}
			delete(p.waiting, one.row.Name)
		}
	}
	return nil
}

func (w *waiting) size() int { return len(w.line) + len(w.stored) }

func (w *waiting) read() (planned, error) {
	row, refused := parse(int(binary.BigEndian.Uint32(w.line)), w.line[4:])
	if refused != nil || w.stored == nil {
		return planned{row: row}, nil // the line was read before
	}
	stored, err := object(w.stored)
	return planned{row, stored}, err
}

func (p *planning) wait(one planned) {
	owner, _ := one.row.Object[one.row.Kind.Owner].(string)
	w := waiting{one.row.line, one.row.stored}
	if p.size+w.size() > p.limit {
		p.j.report.Refuse(*one.row.refuse("/"+one.row.Kind.Owner, fmt.Sprintf("More than %d bytes of accounts wait for the accounts above them.", p.limit),
			"Import the accounts above first, with a file of their own."))
		return
	}
	p.size += w.size()
	p.waiting[owner] = append(p.waiting[owner], w)
}

// giveUp refuses the accounts that still wait.
func (p *planning) giveUp() error {
	for _, owner := range slices.Sorted(maps.Keys(p.waiting)) {
		for _, w := range p.waiting[owner] {
			one, err := w.read()
			if err != nil {
				return err
			}
			if _, refused, _ := p.j.names.Resolve(one.row, one.stored, p.groups); refused != nil {
				p.j.report.Refuse(*refused)
			}
		}
	}
	clear(p.waiting)
	p.size = 0
	return nil
}

// Differs reports whether the line changes a stored row. It drops the owner from the body
// if it is the stored one.
func (r *Resolved) Differs(stored map[string]any) bool {
	if value, shown := stored[r.Kind.OwnerID]; shown && value == r.Object[r.Kind.OwnerID] {
		delete(r.Object, r.Kind.OwnerID)
	}
	for name, value := range r.Object {
		if had, shown := stored[name]; !r.Kind.option(name, value) && (!shown || !reflect.DeepEqual(had, value)) {
			return true
		}
	}
	return false
}
