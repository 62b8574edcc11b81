package schema

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"

	"resellerd/policies/areas"
	"resellerd/store/valid"
)

// Access maps an area ("card/provider") to the letters that are allowed there: a
// subset of "crud" (create, read, update, delete), in that order. The longest key
// that is the area or an ancestor of it applies. If there is none, the key AnyArea
// applies. Without that key, nothing is allowed.
type Access map[string]string

// AnyArea is the key that applies to every area without a matching key.
const AnyArea = areas.Any

// FullAccess contains all four letters.
const FullAccess = "crud"

// At returns the letters allowed in area.
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

// Resolve returns the access that groups grant under ceilings: in each area, the
// union of what the groups allow, cut by every ceiling. A nil ceiling cuts nothing.
// A ceiling without AnyArea allows nothing outside its areas.
//
// The result has a key for AnyArea and for every area that is a key of an input. It
// leaves out keys that are not valid areas, because they match no area. For any
// area, At returns exactly what evaluating all inputs for that area would return.
// The reason: two areas with the same longest key in the result have the same
// longest key in every input.
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

// Beyond returns what the ceiling a allows and the ceiling other does not. A nil
// ceiling allows everything.
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

// Canonical returns the access with its letters in the order of FullAccess, without
// repeats.
func (a Access) Canonical() Access {
	if a == nil {
		return nil
	}
	ordered := make(Access, len(a))
	for area, text := range a {
		ordered[area] = letters(letterBits(text))
	}
	return ordered
}

// Value returns the JSON text that the database stores: NULL for a nil map.
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

// Strings is a list that the database stores as JSON text.
type Strings []string

// Value returns the JSON text that the database stores: "[]" for an empty list.
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

// MaxGroupRows bounds the areas of a group. Each of them costs work in every
// decision about access and in the menu of each user in the group.
const MaxGroupRows = 250

// maxAreas bounds the areas of one access.
const maxAreas = 1_000

// checkAccess refuses malformed areas and letters. It accepts AnyArea only if
// anyArea is true.
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

// checkLetters refuses a text that is not a set of letters of FullAccess.
func checkLetters(c *valid.Checks, field, text string) {
	if strings.Trim(text, FullAccess) != "" || len(text) > len(FullAccess) {
		c.Refuse(field, "must be a set of create, read, update and delete")
	}
}
