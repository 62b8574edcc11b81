package server

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// destinationBody is an account's name for the destination of a prefix.
type destinationBody struct {
	Prefix string `json:"prefix" required:"true" pattern:"^[0-9]{1,15}$"`
	Name   string `json:"name" required:"true" minLength:"1" pattern:"^[^\\x00-\\x1F\\x7F]*$"`
}

type destinationsDoc struct {
	Items []destinationBody `json:"items" required:"true" maxItems:"100000"`
}

type destinationsMade struct {
	Rows int `json:"rows"`
}

// destinationsArea is the area of names of destinations: that of the cards that
// use them.
const destinationsArea = "card/customer"

// destinationsType is the type of destinations in a stored idempotency key.
const destinationsType = "destinations"

// getDestinations lists the actor's own account's names for destinations, by
// prefix.
func getDestinations(r *exchange) error {
	if err := r.mayArea("read", destinationsArea); err != nil {
		return err
	}
	p, err := r.readParams(map[string]schema.ColumnInfo{})
	if err != nil {
		return err
	}
	after := ""
	if p.cursor != "" {
		at, _, err := r.openCursor(p.question, p.cursor)
		if err != nil {
			return err
		}
		after = at.ID
	}
	var page []store.Destination
	total := 0
	if r.ViewerReads(destinationsArea) {
		if page, total, err = r.s.store.DestinationPage(r.Ctx, r.Facts.Account.ID, after, p.limit+1); err != nil {
			return err
		}
	}
	body, err := r.destinations(page, total, p)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

func (r *inquiry) destinations(list []store.Destination, total int, p listParams) ([]byte, error) {
	var body page[destinationBody]
	body.Items = []destinationBody{}
	for _, d := range list[:min(len(list), p.limit)] {
		body.Items = append(body.Items, destinationBody{d.Prefix, d.Name})
	}
	if len(list) > p.limit {
		next, err := r.sealCursor(p.question, &query.Cursor{ID: list[p.limit-1].Prefix}, "")
		if err != nil {
			return nil, err
		}
		body.Next = next
	}
	if p.count {
		body.Total = &total
	}
	return json.Marshal(body)
}

// putDestinations replaces the own account's names for destinations.
func putDestinations(r *exchange) error {
	return r.write((*writing).putDestinations, func(w *writing, t target) (written, error) {
		list, err := w.tx.Destinations(w.r.Ctx, t.id)
		if err != nil {
			return written{}, err
		}
		return written{status: fiber.StatusOK, typ: destinationsType, body: []byte(`{"rows":` + strconv.Itoa(len(list)) + `}`)}, nil
	})
}

func (w *writing) putDestinations() (target, error) {
	own := w.r.Subject.Account.ID
	t := target{action: "update", typ: destinationsType, id: own, status: fiber.StatusOK}
	f, malformed := w.sent.fields(anyField)
	if err := w.r.mayArea("update", destinationsArea); err != nil {
		return t, err
	}
	if malformed != nil {
		return t, malformed
	}
	list, sent := []store.Destination{}, false
	if value, given := f.value("items"); given {
		list, sent = f.destinations(value), true
	}
	if !sent {
		f.refuse("items", "is missing")
	}
	if err := f.err(); err != nil {
		return t, err
	}
	if err := inItems(destinationsType, w.tx.SetDestinations(w.r.Ctx, own, list)); err != nil {
		return t, err
	}
	row, err := w.tx.PolicyRow(w.r.Ctx, "account", own)
	if err != nil {
		return t, err
	}
	entry := target{action: "update", typ: "account", id: own, row: row}
	return t, w.audit(entry, nil, map[string]any{destinationsType: len(list)})
}

// destinations reads a list that may be longer than maxList.
func (f *fields) destinations(value any) (all []store.Destination) {
	list, ok := value.([]any)
	if !ok {
		f.refuse("items", "must be a list of objects")
		return nil
	}
	for i, one := range list {
		at, place := fmt.Sprintf("items[%d]", i), fmt.Sprintf("/items/%d", i)
		refuse := func(name, text string) {
			f.faults.add(bodyFault{pointer: place + pointerTo(name), field: at + "." + name, text: text})
		}
		object, ok := one.(map[string]any)
		if !ok {
			f.faults.add(bodyFault{pointer: place, field: at, text: "must be an object"})
			continue
		}
		prefix, isText := object["prefix"].(string)
		if !isText {
			refuse("prefix", "must be a text")
		}
		name, isName := object["name"].(string)
		if !isName || hasControl(name) {
			refuse("name", "must be a text without control characters")
		}
		for name := range object {
			if name != "prefix" && name != "name" {
				refuse(name, "is not a known field")
			}
		}
		all = append(all, store.Destination{Prefix: prefix, Name: name})
	}
	return all
}
