package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"

	"resellerd/policies/areas"
	"resellerd/store/valid"
)

// Access says what is allowed where: from an area ("card/provider") to a
// subset of the letters "crud" (create, read, update, delete) in that order.
// The longest key that is the area or an ancestor of it counts; without one,
// the key AnyArea; without that, nothing is allowed.
type Access map[string]string

// AnyArea is the key of what holds where no area's own key does.
const AnyArea = areas.Any

// FullAccess is all four letters.
const FullAccess = "crud"

// At gives the letters allowed in area.
func (a Access) At(area string) string {
	for {
		if letters, ok := a[area]; ok {
			return letters
		}
		cut := strings.LastIndexByte(area, '/')
		if cut < 0 {
			return a[AnyArea]
		}
		area = area[:cut]
	}
}

// Resolve gives the access that groups add up to under ceilings: in each area
// the union of what each group allows, cut by each ceiling. A nil ceiling cuts
// nothing; one without AnyArea allows nothing outside its areas.
//
// The result holds every area that any of them has as a key, and AnyArea. A key
// that is no area is left out: it matches none. Looking up any area in it, as At
// does, gives exactly what evaluating all of them for that area would: two areas
// that share their longest key among all keys share it in each.
func Resolve(groups, ceilings []Access) Access {
	resolved := Access{AnyArea: ""}
	for _, each := range [][]Access{groups, ceilings} {
		for _, access := range each {
			for area := range access {
				if areas.Valid(area) {
					resolved[area] = ""
				}
			}
		}
	}
	for area := range resolved {
		resolved[area] = letters(held(groups, ceilings, area))
	}
	return resolved
}

func held(groups, ceilings []Access, area string) uint8 {
	var union uint8
	for _, group := range groups {
		union |= letterBits(group.At(area))
	}
	for _, ceiling := range ceilings {
		if ceiling != nil {
			union &= letterBits(ceiling.At(area))
		}
	}
	return union
}

// Beyond gives what a ceiling lets through and another does not. A nil ceiling
// lets everything through.
func (a Access) Beyond(other Access) Access {
	everything := Access{AnyArea: FullAccess}
	if a == nil {
		a = everything
	}
	if other == nil {
		other = everything
	}
	more := Resolve([]Access{a, other}, nil)
	for area := range more {
		more[area] = letters(letterBits(a.At(area)) &^ letterBits(other.At(area)))
	}
	return more
}

func letterBits(text string) (bits uint8) {
	for i, letter := range FullAccess {
		if strings.ContainsRune(text, letter) {
			bits |= 1 << i
		}
	}
	return bits
}

func letters(bits uint8) string {
	var text strings.Builder
	for i, letter := range FullAccess {
		if bits&(1<<i) != 0 {
			text.WriteRune(letter)
		}
	}
	return text.String()
}

// canonical gives the access with its letters in order and without repeats.
func (a Access) canonical() Access {
	if a == nil {
		return nil
	}
	ordered := make(Access, len(a))
	for area, text := range a {
		ordered[area] = letters(letterBits(text))
	}
	return ordered
}

// Value is the JSON text that the database keeps; NULL for a nil map.
func (a Access) Value() (driver.Value, error) {
	if a == nil {
		return nil, nil
	}
	text, err := json.Marshal(map[string]string(a))
	return string(text), err
}

// Scan reads what Value wrote.
func (a *Access) Scan(from any) error {
	*a = nil
	return scanJSON(from, (*map[string]string)(a))
}

// Strings is a list that the database keeps as JSON text.
type Strings []string

// Value is the JSON text that the database keeps; "[]" for an empty list.
func (s Strings) Value() (driver.Value, error) {
	if len(s) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal([]string(s))
	return string(text), err
}

// Scan reads what Value wrote.
func (s *Strings) Scan(from any) error {
	*s = nil
	return scanJSON(from, (*[]string)(s))
}

func scanJSON(from, into any) error {
	switch text := from.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(text), into)
	case []byte:
		return json.Unmarshal(text, into)
	}
	return fmt.Errorf("%T is no JSON text", from)
}

// maxAreas bounds the areas of one access.
const maxAreas = 1_000

// checkAccess takes areas with their letters; AnyArea only where it may stand.
func checkAccess(c *valid.Checks, field string, access Access, anyArea bool) {
	if len(access) > maxAreas {
		c.Refuse(field, "has more than %d areas", maxAreas)
		return
	}
	for area, text := range access {
		if !areas.Valid(area) && (!anyArea || area != AnyArea) {
			c.Refuse(field, "has an area that is not a lower-case path")
		}
		checkLetters(c, field, text)
	}
}

// checkLetters takes a set of letters.
func checkLetters(c *valid.Checks, field, text string) {
	if strings.Trim(text, FullAccess) != "" || len(text) > len(FullAccess) {
		c.Refuse(field, "must be a set of create, read, update and delete")
	}
}
