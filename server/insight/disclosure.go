package insight

import (
	"errors"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
)

// readerDisclosure says what the acting user may see of an explanation. It uses the
// plans that the user's lists use.
type readerDisclosure struct {
	r                *Reader
	groups, accounts *session.ReadPlan // nil: no row is visible
	grounds          bool
	err              error // errors so far; after one, the explanation must not be shown
}

// disclosure returns what the acting user may see.
func (r *Reader) disclosure() (*readerDisclosure, error) {
	s := &readerDisclosure{r: r}
	var err error
	if s.groups, err = r.MayList("group"); err != nil {
		return nil, err
	}
	if s.accounts, err = r.MayList("account"); err != nil {
		return nil, err
	}
	s.grounds = r.Facts.Account.Kind == store.Master && r.Judge(r.Input("read", "area", "policy")).Allow
	return s, nil
}

// row returns the row with this id, and whether it is visible.
func (s *readerDisclosure) row(p *session.ReadPlan, id string) (query.Row, bool) {
	if p == nil {
		return query.Row{}, false
	}
	row, err := s.r.One(s.r.Store, *p, id)
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		s.err = errors.Join(s.err, err)
	}
	return row, err == nil
}

func (s *readerDisclosure) group(g store.Group) (string, bool) {
	row, visible := s.row(s.groups, g.ID)
	if !visible {
		return "", false
	}
	name, _ := row.Value("name")
	text, _ := name.(string)
	return text, true
}

func (s *readerDisclosure) ceiling(account string) bool {
	row, visible := s.row(s.accounts, account)
	if !visible {
		return false
	}
	_, shown := row.Value("ceiling")
	return shown
}

func (s *readerDisclosure) policy() bool { return s.grounds }
