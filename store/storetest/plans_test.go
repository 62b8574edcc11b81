package storetest

import (
	"encoding/json"
	"reflect"
	"testing"
)

// A bitmap of an index finds rows of the table whose scan uses it, however deep it is.
func TestABitmapBelongsToTheTableOfItsScan(t *testing.T) {
	var plan node
	need(t, json.Unmarshal([]byte(`{"Node Type": "Nested Loop", "Plans": [
		{"Node Type": "Bitmap Heap Scan", "Relation Name": "data_revision", "Plans": [
			{"Node Type": "Bitmap Index Scan", "Index Name": "data_revision_pkey"}]},
		{"Node Type": "Bitmap Heap Scan", "Relation Name": "users", "Plans": [
			{"Node Type": "BitmapAnd", "Plans": [
				{"Node Type": "Bitmap Index Scan", "Index Name": "a", "Index Cond": "(tenant_id = $1)"},
				{"Node Type": "Bitmap Index Scan", "Index Name": "b", "Index Cond": "(account_id = $2)"}]}]}]}`), &plan))
	want := []Step{
		{Table: "data_revision", Index: "data_revision_pkey", Whole: true},
		{Table: "users", Index: "a", Columns: []string{"tenant_id"}},
		{Table: "users", Index: "b", Columns: []string{"account_id"}},
	}
	if got := plan.steps(nil); !reflect.DeepEqual(got, want) {
		t.Errorf("the steps are %+v", got)
	}
}
