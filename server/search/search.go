// Package search finds the ids, types and names for which a decision allows. It walks
// candidates that no row filter selects: users, areas, entities and actions of the
// policy's catalog. It knows neither HTTP nor the store.
package search

import "encoding/json"

// MostCandidates is how many candidates one page decides about. Such a page may end
// before its limit. Only a page without a next position is the last one.
const MostCandidates = 250

// Position is where a page ended, and how many results it could have.
type Position struct {
	Source int    `json:"s,omitempty"` // of the candidates
	After  string `json:"a,omitempty"` // the last candidate that was decided
	Limit  int    `json:"l"`
}

// Text returns the position as text.
func (p Position) Text() []byte {
	text, err := json.Marshal(p)
	if err != nil {
		return nil // there is no such position
	}
	return text
}

// ParsePosition reads the result of Text. It returns false for any other text.
func ParsePosition(text []byte) (p Position, ok bool) {
	err := json.Unmarshal(text, &p)
	return p, err == nil && p.Limit > 0 && p.Source >= 0
}

// Source returns at most n candidates that follow after, in ascending order. Fewer
// than n are the last ones.
type Source func(after string, n int) ([]string, error)

// List is the source of a sorted list.
func List(sorted []string) Source {
	return func(after string, n int) ([]string, error) {
		i := 0
		for i < len(sorted) && after != "" && sorted[i] <= after {
			i++
		}
		return sorted[i:min(i+n, len(sorted))], nil
	}
}

// read is how many candidates are read at once.
const read = 64

// Walk returns the candidates that decide allows, from a position on, and the position
// of the next page. That is nil at the end. It ends with the first error.
func Walk(sources []Source, from Position, decide func(id string) (bool, error)) (found []string, next *Position, err error) {
	at, decided := from, 0
	for at.Source < len(sources) {
		if decided == MostCandidates {
			return found, &at, nil
		}
		n := min(read, MostCandidates-decided)
		ids, err := sources[at.Source](at.After, n)
		if err != nil {
			return nil, nil, err
		}
		for _, id := range ids {
			allowed, err := decide(id)
			if err != nil {
				return nil, nil, err
			}
			if allowed && len(found) == from.Limit {
				return found, &at, nil
			}
			if allowed {
				found = append(found, id)
			}
			at.After, decided = id, decided+1
		}
		if len(ids) < n {
			at = Position{Source: at.Source + 1, Limit: at.Limit}
		}
	}
	return found, nil, nil
}
