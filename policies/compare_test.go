package policies_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"resellerd/policies"
)

// withData is a small tree with data.
func withData(t *testing.T, data map[string]any) *policies.Engine {
	t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	files := main("allow if input.resource.type == \"area\"\n")
	files["data.json"] = string(text)
	return load(t, files)
}

func TestEveryDifferenceOfDataIsListed(t *testing.T) {
	type object = map[string]any
	var long []string
	for i := range 100 {
		long = append(long, fmt.Sprintf("customer-é-%d", i))
	}
	purge := func(rest object) object {
		rest["access"] = "delete"
		return object{"catalog": object{"action": object{"purge": rest}}}
	}
	for name, c := range map[string]struct {
		was, is object
		want    []policies.DataChange
	}{
		"nothing":          {object{"x": long}, object{"x": long}, nil},
		"a value":          {object{"x": 1}, object{"x": 2}, []policies.DataChange{{"data.x", "1", "2", true}}},
		"a null":           {object{"x": object{}}, object{"x": object{"y": nil}}, []policies.DataChange{{"data.x.y", "nothing", "null", true}}},
		"an action":        {object{}, purge(object{}), []policies.DataChange{{"who may purge", "nobody", "users with delete in the area", true}, {"data.catalog", "nothing", "{}", true}}},
		"another action":   {object{"catalog": object{}}, purge(object{}), []policies.DataChange{{"who may purge", "nobody", "users with delete in the area", true}}},
		"an action's note": {purge(object{}), purge(object{"note": "x"}), []policies.DataChange{{"data.catalog.action", "nothing", `{"purge":{"note":"x"}}`, true}}},
		"of two notes":     {purge(object{"note": "y"}), purge(object{"note": "x"}), []policies.DataChange{{"data.catalog.action.purge.note", `"y"`, `"x"`, true}}},
	} {
		if got := policies.DataChanges(withData(t, c.was), withData(t, c.is)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v\nwant %+v", name, got, c.want)
		}
	}
	for i := range long { // wherever a list changes, the change is shown
		with := slices.Insert(slices.Clone(long), i+1, "added")
		got := policies.DataChanges(withData(t, object{"x": long}), withData(t, object{"x": with}))
		if len(got) != 1 || !strings.Contains(got[0].After, "added") || strings.Contains(got[0].Before, "added") || len(got[0].After) > 210 {
			t.Fatalf("added after %d: %+v", i, got)
		}
	}
}

func TestDifferencesOfDataThatAreNotListedAreCounted(t *testing.T) {
	many := map[string]any{}
	for i := range 130 {
		many[fmt.Sprint(i)] = i
	}
	got := policies.DataChanges(withData(t, map[string]any{"x": map[string]any{}}), withData(t, map[string]any{"x": many}))
	if last := got[len(got)-1]; len(got) != 101 || last != (policies.DataChange{"other data", "…", "30 more values differ", true}) {
		t.Errorf("%d differences, the last %+v", len(got), last)
	}
}
