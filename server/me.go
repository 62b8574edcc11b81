package server

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/identity"
	"resellerd/server/resource"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

type meQuery struct {
	Columns bool `query:"columns" description:"adds the columns of each type"`
}

// meBody is the acting user as a panel needs it for its menu.
type meBody struct {
	ID            string               `json:"id" required:"true"`
	ExternalID    string               `json:"external_id,omitempty"`
	Name          *string              `json:"name,omitempty" description:"if the user may see it"`
	Mode          string               `json:"mode" required:"true" enum:"master,reseller"`
	Account       meAccount            `json:"account" required:"true"`
	Access        map[string][]string  `json:"access" required:"true" description:"actions by area: create, read, update, delete. It has resellerd's own areas, all areas that groups name, and those that policy data names if the access differs from that to the area above. Areas such as card/loss and card/customer/activation are missing unless a group names them: then the area above counts"`
	DefaultAccess []string             `json:"default_access" required:"true" description:"the actions in every area that access does not cover"`
	Columns       map[string]meColumns `json:"columns,omitempty" description:"with columns=true, by type that the user may read: the most that a row shows and accepts"`
}

// meAccount is what a user may always know about its own account, and its name and
// external id if the user may see them.
type meAccount struct {
	ID         string  `json:"id" required:"true"`
	Kind       string  `json:"kind" required:"true"`
	Status     string  `json:"status" required:"true"`
	Name       *string `json:"name,omitempty" description:"if the user may see it"`
	ExternalID *string `json:"external_id,omitempty" description:"if the user may see it"`
}

// meColumns are the columns of a type.
type meColumns struct {
	Shows   []string `json:"shows" required:"true" description:"no row shows the user another column; a row may show fewer"`
	Creates []string `json:"creates" required:"true" description:"the user can set no other column in a new row; some new rows accept fewer"`
	Updates []string `json:"updates" required:"true" description:"the user can change no other column; some rows accept fewer"`
}

// getMe answers with the acting user and the actions that the policy allows it
// in each area.
func getMe(r *exchange) error {
	withColumns, err := r.flag("columns")
	if err != nil {
		return err
	}
	access, byDefault, err := r.AccessByArea()
	if err != nil {
		return err
	}
	me := meBody{
		ID: r.Subject.User.ID, ExternalID: r.Subject.User.ExternalID, Mode: modeOf(r.Facts), Access: access, DefaultAccess: byDefault,
		Account: meAccount{ID: r.Facts.Account.ID, Kind: r.Facts.Account.Kind, Status: r.Facts.Account.Status},
	}
	err = errors.Join(
		r.ownTexts("user", me.ID, map[string]**string{"name": &me.Name}),
		r.ownTexts("account", me.Account.ID, map[string]**string{"name": &me.Account.Name, externalID: &me.Account.ExternalID}))
	if err == nil && withColumns {
		me.Columns, err = r.columnsByType(access)
	}
	if err != nil {
		return err
	}
	body, err := json.Marshal(me)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// flag reads a query parameter that is true or false. Errors: 422.
func (r *exchange) flag(name string) (bool, error) {
	values := r.c.Request().URI().QueryArgs().PeekMulti(name)
	switch {
	case len(values) == 0:
		return false, nil
	case len(values) > 1:
		return false, invalid(name, "is given more than once")
	}
	switch string(values[0]) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, invalid(name, "must be true or false")
}

// ownTexts reads texts of a row as GET shows it to the user. It leaves out those that
// are not shown or not set.
func (r *inquiry) ownTexts(typ, id string, into map[string]**string) error {
	p, err := r.MayList(typ)
	if err != nil || p == nil {
		return err
	}
	row, err := r.One(r.Store, *p, id)
	if err != nil {
		if errors.Is(err, fault.ErrNotFound) {
			return nil
		}
		return err
	}
	for name, text := range into {
		if value, shown := row.Value(name); shown && value != nil {
			shown, _ := row.Text(nil, name)
			*text = new(string)
			**text = string(shown)
		}
	}
	return nil
}

// columnsByType returns, for each type whose rows the user may read, the columns that
// the policy shows on any of them, and those of them that its writes take.
func (r *exchange) columnsByType(access map[string][]string) (map[string]meColumns, error) {
	all := map[string]meColumns{}
	for _, t := range resource.Types {
		p, err := r.MayList(t.Name)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		shown := shownColumns(t.Name, p.Plan)
		may := func(action string) bool {
			return slices.ContainsFunc(t.AreaNames(), func(area string) bool { return slices.Contains(access[area], action) })
		}
		c := meColumns{Shows: []string{}, Creates: []string{}, Updates: []string{}}
		creates, updates := r.s.takenBy(fiber.MethodPost, t.Collection), r.s.takenBy(fiber.MethodPatch, t.Collection+"/:id")
		for _, column := range schema.Info(t.Name).Columns {
			name := column.Name
			if _, shows := shown[name]; !shows {
				continue
			}
			c.Shows = append(c.Shows, name)
			if name == externalID && !r.mayNameRows(t.Name) {
				continue
			}
			if creates[name] && may("create") {
				c.Creates = append(c.Creates, name)
			}
			if updates[name] && may("update") {
				c.Updates = append(c.Updates, name)
			}
		}
		all[t.Name] = c
	}
	return all, nil
}

// takenBy returns the fields of a route's body.
func (s *Server) takenBy(method, path string) map[string]bool {
	for _, rt := range s.routes {
		if rt.method == method && rt.path == path {
			return rt.takes
		}
	}
	return nil
}

// mayNameRows reports whether the user may set external ids of rows of this type.
func (r *inquiry) mayNameRows(typ string) bool {
	return typ != userWriter.typ && typ != accountWriter.typ ||
		r.Facts.Account.Kind == store.Master || r.Caller.Scopes.Has(identity.ScopeIdentity)
}
