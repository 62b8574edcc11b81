package rowfile

import "reflect"

// Plan calls fn with each line of the join whose references are known, and the stored row
// of its name, nil for none. A row comes after the rows that it refers to. Other lines are
// refused in the report.
func (j *Join) Plan(groups map[string][]string, fn func(r *Resolved, stored map[string]any) error) error {
	type waits struct {
		row    Row
		stored map[string]any
	}
	var waiting []waits // accounts whose owner comes later
	resolve := func(one waits) (wait bool, err error) {
		r, refused, err := j.names.Resolve(one.row, one.stored, groups)
		switch {
		case err != nil:
			return false, err
		case refused != nil && refused.orphan && one.row.Kind.Type == "account":
			return true, nil
		case refused != nil:
			j.report.Refuse(*refused)
			return false, nil
		}
		return false, fn(r, one.stored)
	}
	settle := func() error {
		for len(waiting) > 0 {
			var still []waits
			for _, one := range waiting {
				wait, err := resolve(one)
				if err != nil {
					return err
				}
				if wait {
					still = append(still, one)
				}
			}
			if len(still) == len(waiting) {
				break
			}
			waiting = still
		}
		for _, one := range waiting {
			_, refused, _ := j.names.Resolve(one.row, one.stored, groups)
			j.report.Refuse(*refused)
		}
		waiting = nil
		return nil
	}
	err := j.Each(func(row Row, stored map[string]any) error {
		if row.Kind.Type != "account" && len(waiting) > 0 {
			if err := settle(); err != nil {
				return err
			}
		}
		wait, err := resolve(waits{row, stored})
		if wait {
			waiting = append(waiting, waits{row, stored})
		}
		return err
	})
	if err == nil {
		err = settle()
	}
	return err
}

// Differs reports whether the line changes a stored row. It drops the owner from the body
// if it is the stored one.
func (r *Resolved) Differs(stored map[string]any) bool {
	if value, shown := stored[r.Kind.OwnerID]; shown && value == r.Object[r.Kind.OwnerID] {
		delete(r.Object, r.Kind.OwnerID)
	}
	for name, value := range r.Object {
		if had, shown := stored[name]; !shown || !reflect.DeepEqual(had, value) {
			return true
		}
	}
	return false
}
