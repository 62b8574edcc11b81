package store_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"resellerd/store"
)

func TestLongestAreaWins(t *testing.T) {
	t.Parallel()
	access := store.Access{"*": "r", "customer": "crud", "customer/did": "", "card/provider": "u"}
	for area, want := range map[string]string{
		"customer": "crud", "customer/note": "crud", "customer/did": "", "customer/did/us": "", "customers": "r",
		"card": "r", "card/provider": "u", "card/customer": "r", "anything": "r", "": "r",
	} {
		if got := access.At(area); got != want {
			t.Errorf("%q: got %q, want %q", area, got, want)
		}
	}
	if got := (store.Access{"customer": "r"}).At("card"); got != "" {
		t.Errorf("without a default: got %q, want nothing", got)
	}
}

func TestAccessIsTheUnionOfGroupsCutByEveryCeiling(t *testing.T) {
	t.Parallel()
	groups := []store.Access{{"*": "", "customer": "cru"}, {"*": "r", "customer": "d", "card/provider": ""}}
	ceilings := []store.Access{nil, {"*": "crud", "customer": "rud"}, {"*": "ru", "customer/did": ""}}
	got := store.Resolve(groups, ceilings)
	want := store.Access{"*": "r", "customer": "ru", "customer/did": "", "card/provider": ""}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for area, letters := range want {
		if kept, ok := got[area]; !ok || kept != letters {
			t.Errorf("%s: got %q, want %q", area, kept, letters)
		}
	}
}

func TestWithoutAGroupThereIsNoAccess(t *testing.T) {
	t.Parallel()
	if got := store.Resolve(nil, []store.Access{nil, {"*": "crud"}}); len(got) != 1 || got["*"] != "" {
		t.Fatalf("got %v, want nothing anywhere", got)
	}
}

// TestResolvedAccessIsExact compares Resolve with an evaluation of every map for
// every area of a small set of areas. The evaluation uses none of the package's
// code.
func TestResolvedAccessIsExact(t *testing.T) {
	t.Parallel()
	words := []string{"a", "b", "a-b"}
	var universe []string
	for _, x := range words {
		universe = append(universe, x)
		for _, y := range words {
			universe = append(universe, x+"/"+y)
			for _, z := range words {
				universe = append(universe, x+"/"+y+"/"+z)
			}
		}
	}
	maps := rapid.SliceOfN(rapid.MapOfN(rapid.SampledFrom(append([]string{"*"}, universe...)),
		rapid.SampledFrom([]string{"", "c", "r", "u", "d", "ru", "crd", "crud"}), 0, 6), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		groups, ceilings := maps.Draw(t, "groups"), maps.Draw(t, "ceilings")
		resolved := store.Resolve(accesses(groups), accesses(ceilings))
		if _, ok := resolved["*"]; !ok {
			t.Fatal("the default is not listed")
		}
		for _, area := range append(universe, "elsewhere", "a/b/a/b") {
			want := naive(groups, ceilings, area)
			if got := resolved.At(area); got != want {
				t.Fatalf("%s: got %q, want %q", area, got, want)
			}
		}
	})
}

func accesses(maps []map[string]string) (all []store.Access) {
	for _, m := range maps {
		all = append(all, m)
	}
	return all
}

func naive(groups, ceilings []map[string]string, area string) string {
	result := ""
	for _, letter := range []string{"c", "r", "u", "d"} {
		allowed := false
		for _, group := range groups {
			allowed = allowed || strings.Contains(naiveRow(group, area), letter)
		}
		for _, ceiling := range ceilings {
			allowed = allowed && strings.Contains(naiveRow(ceiling, area), letter)
		}
		if allowed {
			result += letter
		}
	}
	return result
}

func naiveRow(rows map[string]string, area string) string {
	best, letters := -1, rows["*"]
	for row, text := range rows {
		if (row == area || strings.HasPrefix(area, row+"/")) && len(row) > best {
			best, letters = len(row), text
		}
	}
	return letters
}

// TestBeyondIsExact compares Beyond with an evaluation of both ceilings for every
// area.
func TestBeyondIsExact(t *testing.T) {
	t.Parallel()
	universe := []string{"a", "a/b", "a/b/c", "a/c", "b", "b/a", "elsewhere", "a/b/d"}
	ceiling := rapid.OneOf(rapid.Just(map[string]string(nil)), rapid.MapOfN(
		rapid.SampledFrom(append([]string{"*"}, universe[:6]...)), rapid.SampledFrom([]string{"", "c", "ru", "crud"}), 0, 5))
	rapid.Check(t, func(t *rapid.T) {
		after, before := ceiling.Draw(t, "after"), ceiling.Draw(t, "before")
		more := store.Access(after).Beyond(before)
		for _, area := range universe {
			want := ""
			for _, letter := range []string{"c", "r", "u", "d"} {
				if strings.Contains(naiveCeiling(after, area), letter) && !strings.Contains(naiveCeiling(before, area), letter) {
					want += letter
				}
			}
			if got := more.At(area); got != want {
				t.Fatalf("%s: got %q, want %q", area, got, want)
			}
		}
	})
}

func naiveCeiling(rows map[string]string, area string) string {
	if rows == nil {
		return "crud"
	}
	return naiveRow(rows, area)
}

func TestAKeyThatIsNoAreaIsLeftOut(t *testing.T) {
	t.Parallel()
	blank := "customer "
	got := store.Resolve([]store.Access{{"*": "r", "Customer": "crud", blank: "d", "customer": "u", "": "c"}},
		[]store.Access{{"*": "crud", "customer/": ""}})
	if len(got) != 2 || got["*"] != "r" || got["customer"] != "u" {
		t.Errorf("got %v", got)
	}
}
