package server

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestPagesHoldEveryRowOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, sort := range []string{"", "name", "-name", "created_at", "-created_at", "currency"} {
			w.run(t, "sorted by "+sort, func(t *testing.T) {
				whole := w.get("m", "/v1/customers?sort="+orID(sort)).column("id")
				var paged []string
				cursor := ""
				for range 10 {
					got := w.get("m", "/v1/customers?limit=2&count=true&sort="+orID(sort)+cursor)
					paged = append(paged, got.column("id")...)
					object := got.object()
					if object["total"] != float64(len(whole)) {
						t.Fatalf("total %v, want %d", object["total"], len(whole))
					}
					next, more := object["next"].(string)
					if !more {
						break
					}
					cursor = "&cursor=" + next
				}
				if !slices.Equal(paged, whole) {
					t.Errorf("pages %v\nwhole %v", paged, whole)
				}
			})
		}
	})
}

func orID(sort string) string {
	if sort == "" {
		return "id"
	}
	return sort
}

func TestFiltersSelectByWhatIsShown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			user, path string
			want       []string
		}{
			{"m", "/v1/customers?account_id={A}", []string{"acme", "apex"}},
			{"m", "/v1/customers?name_contains=acme", []string{"acme"}},
			{"m", "/v1/customers?name_prefix=planted-b", []string{"bolt", "brio"}},
			{"m", "/v1/customers?name_prefix=PLANTED-B", nil},
			{"m", "/v1/customers?name_contains=%25", nil},
			{"m", "/v1/customers?created_at_gt=2026-03-04T05:06:10Z", []string{"brio", "crux"}},
			{"m", "/v1/customers?created_at_lt=2026-03-04T05:06:08Z", []string{"mega"}},
			{"m", "/v1/customers?status=closed", nil},
			{"m", "/v1/customers?status=closed,active&name_prefix=planted-b", []string{"bolt", "brio"}},
			{"m", "/v1/customers?status=closed&status=active&name_prefix=planted-b", []string{"bolt", "brio"}},
			{"m", "/v1/customers?status_ne=active", nil},
			{"m", "/v1/customers?account_id={A},{C}", []string{"acme", "apex", "crux"}},
			{"m", "/v1/customers?account_id_ne={A},{B},{C}", []string{"mega"}},
			{"m", "/v1/customers?id={acme}&id={mega}&id={brio}", []string{"acme", "mega", "brio"}},
			{"m", "/v1/customers?created_at_gte=2026-03-04T05:06:11Z", []string{"brio", "crux"}},
			{"m", "/v1/customers?created_at_gt=2026-03-04T05:06:10Z&created_at_lte=2026-03-04T05:06:11Z", []string{"brio"}},
			{"m", "/v1/customers?currency_null=true&account_id={M}", nil},
			{"m", "/v1/customers?currency_null=false&account_id={M}", []string{"mega"}},
			{"m", "/v1/customers?cards={gold}", []string{"mega"}},
			{"m", "/v1/customers?cards={silver},{gold}", []string{"mega"}},
			{"m", "/v1/customers?cards={silver}", nil},
			{"m", "/v1/customers?cards_null=false", []string{"mega", "acme", "bolt"}},
			{"m", "/v1/customers?cards_ne={gold}&account_id={M}", nil},
			{"m", "/v1/cards?assigned_to={B}&assigned_to_ne={A}", []string{"silver"}},
			{"a", "/v1/cards?assigned_to={A}", nil},
			{"a", "/v1/cards?assigned_to_null=true", []string{"retail"}},
			{"a", "/v1/cards?carrier_null=true", []string{"retail"}},
			{"a", "/v1/cards?kind=provider,customer", []string{"gold", "retail"}},
			{"a", "/v1/cards?name=Public+gold", []string{"gold"}},
			{"a", "/v1/cards?carrier=Meridian", []string{"gold"}},
			{"a", "/v1/cards?name_contains=planted-m", nil},
			{"a", "/v1/cards?tech_prefix=77%23", []string{"retail"}},
			{"a", "/v1/cards?account_id={M}", nil},
		} {
			w.run(t, c.path, func(t *testing.T) {
				got := w.get(c.user, c.path).column("id")
				want := []string{}
				for _, name := range c.want {
					want = append(want, w.id(name))
				}
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		}
	})
}

// A parameter over a hidden column gets the answer for an unknown parameter.
func TestParametersOverHiddenColumnsAreUnknown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, path := range []string{"/v1/customers?%s", "/v1/cards?%s", "/v1/accounts?%s", "/v1/groups?%s", "/v1/users?%s", "/v1/audit?%s"} {
			for _, column := range []string{"tenant_id", "depth", "lend", "version", "stale_sequence", "actor_account_id"} {
				for _, form := range []string{"%s=x", "%s_contains=x", "%s_gt=2026-01-01T00:00:00Z"} {
					hidden := w.get("a", fmt.Sprintf(path, fmt.Sprintf(form, column)))
					unknown := w.get("a", fmt.Sprintf(path, fmt.Sprintf(form, "zz"+column[2:])))
					want := strings.ReplaceAll(unknown.want(422).alike(), "zz"+column[2:], column)
					if got := hidden.alike(); got != want {
						t.Errorf(path+": %s\nwant %s", column, got, want)
					}
				}
				if a, b := w.get("a", fmt.Sprintf(path, "sort="+column)), w.get("a", fmt.Sprintf(path, "sort=nothing")); a.alike() != b.alike() {
					t.Errorf("sort by %s: %s, want %s", column, a.alike(), b.alike())
				}
			}
		}
	})
}

// If a column is shown only on some rows, the other rows can be neither selected
// nor sorted by it.
func TestSortingDoesNotOrderByWhatIsHidden(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		if got := w.get("a", "/v1/accounts?external_id="+url.QueryEscape(secret("M", "external A"))).column("id"); len(got) != 0 {
			t.Errorf("the own account is found by what its parent calls it: %v", got)
		}
		for _, query := range []string{"external_id={gold}", "external_id_contains=planted-m", "created_at_gt=2000-01-01T00:00:00Z&kind=provider"} {
			if got := w.get("a", "/v1/cards?"+query).column("id"); len(got) != 0 {
				t.Errorf("%s selects %v", query, got)
			}
		}
		for _, sort := range []string{"created_at", "-created_at", "external_id", "-external_id", "tech_prefix"} {
			if got := w.get("b", "/v1/cards?sort="+sort).column("id"); got[0] != w.id("bulk") || !slices.IsSorted(got[1:]) && !slices.IsSortedFunc(got[1:], func(a, b string) int { return strings.Compare(b, a) }) {
				t.Errorf("sort by %s: %v", sort, got)
			}
		}
	})
}

func TestParametersAreRefused(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for query, field := range map[string]string{
			"limit=0": "limit", "limit=1001": "limit", "limit=x": "limit", "count=perhaps": "count",
			"sort=": "sort", "sort=cards": "sort", "name_prefix=a&name_prefix=b": "name_prefix", "name_like=a": "name_like",
			"limit=1&limit=2": "limit", "count=1": "count", "name=": "name", "name_contains=": "name_contains", "name=a&name=": "name",
			"status=foo": "status", "status_ne=foo": "status_ne", "status=active,": "status", "status=active,foo": "status", "status=Active": "status",
			"account_id=": "account_id", "account_id=a,": "account_id", "name_null=1": "name_null", "email_null=": "email_null",
			"created_at_gte=": "created_at_gte", "created_at_lte=now": "created_at_lte", "status_gt=active": "status_gt", "cards_contains=a": "cards_contains",
			"id=" + strings.Repeat("a,", 100) + "a": "id",
			"created_at_gt=yesterday":               "created_at_gt", "name=%00": "name", "name=%ff": "name",
			"cursor=x": "cursor", "account_id_gt=a": "account_id_gt",
			"status_contains=act": "status_contains", "status_prefix=a": "status_prefix", "id_contains=zz": "id_contains",
			"account_id_prefix=acc_": "account_id_prefix", "name,status_contains=a": "name,status_contains",
		} {
			w.get("m", "/v1/customers?"+query).refused(422, `"field":"`+field+`"`)
		}
	})
}

// A value that no row can have is refused with those that rows can have. Otherwise
// the list would be empty because of a slip of the pen.
func TestAnImpossibleValueIsRefusedWithThoseThatExist(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(_ *testing.T, w *world) {
		w.get("a", "/v1/customers?status=activ").refused(422, "must be one of active, suspended, closed.")
		w.get("a", "/v1/cards?kind=translated").refused(422, "must be one of provider, customer.")
		w.get("a", "/v1/cards/{gold}/rates?status=shut").refused(422, "must be one of open, blocked.")
		w.get("a", "/v1/cards/{retail}/revisions?status=live").refused(422, "must be one of draft, scheduled, held, active, inactive, archived.")
	})
}

func TestACursorHoldsForItsQuestionAndItsUserAlone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		next := w.get("a", "/v1/customers?limit=1&sort=name").object()["next"].(string)
		again := w.get("a", "/v1/customers?limit=1&sort=name").object()["next"].(string)
		if next != again {
			t.Errorf("one question, two cursors")
		}
		w.get("a", "/v1/customers?limit=5&sort=name&cursor="+next).want(200)
		known := w.get("a", "/v1/customers?limit=1&sort=name&cursor=abcdefgh").want(422)
		known.header.Del("Vary")
		refusal := known.alike()
		changed := []byte(next)
		changed[len(changed)/2] ^= 1
		for _, c := range []struct{ user, path, cursor string }{
			{"a", "/v1/customers?sort=-name", next},
			{"a", "/v1/customers", next},
			{"a", "/v1/customers?sort=name&status=active", next},
			{"a", "/v1/cards?sort=name", next},
			{"a", "/v1/users?sort=login", next},
			{"a2", "/v1/customers?sort=name", next},
			{"b", "/v1/customers?sort=name", next},
			{"m", "/v1/customers?sort=name", next},
			{"a", "/v1/customers?sort=name", string(changed)},
			{"a", "/v1/customers?sort=name", next + "AA"},
		} {
			path := c.path + "?"
			if strings.Contains(c.path, "?") {
				path = c.path + "&"
			}
			refused := w.get(c.user, path+"cursor="+url.QueryEscape(c.cursor))
			refused.header.Del("Vary") // depends on the path alone
			if got := refused.alike(); got != refusal {
				t.Errorf("%s: %s: %s", c.user, c.path, got)
			}
		}
	})
}

// A list names the columns that it can be sorted by, and refuses a filter by what no column can hold.
func TestAListNamesWhatItCanBeSortedAndFilteredBy(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.get("a", "/v1/customers?sort=mood").refused(422, "sort must be one of account_id, created_at, currency,")
		for _, value := range []string{"euro", "eur", "EUR,euro", "XXX", ""} {
			w.get("a", "/v1/customers?currency="+value).refused(422, "currency must be the code of a currency (ISO 4217)")
		}
		for _, query := range []string{"currency=EUR&currency=USD", "currency_ne=EUR", "currency_null=true"} {
			w.get("a", "/v1/customers?"+query).want(200)
		}
	})
}

// listDoc is what the OpenAPI document says of a list.
type listDoc struct {
	Description string
	Parameters  []struct {
		Name, In string
		Ref      string `json:"$ref"`
		Column   string `json:"x-column"`
		Schema   struct {
			Type  string
			Items struct {
				Enum    []string
				Pattern string
			}
			Enum []string
		}
	}
	Responses map[string]struct {
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
		}
	}
}

type schemaDoc struct{ Properties map[string]propertyDoc }

type propertyDoc struct {
	Type   any
	Format string
	Items  struct {
		Ref string `json:"$ref"`
	}
}

// Each list has the same parameters, the same operators for each column, the previous page and tags of rows, or its
// description says what it lacks.
func TestEachListHasTheWholeSetOrSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	text, err := (&Server{routes: bindRoutes(routes())}).describe()
	must(t, err)
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]schemaDoc }
	}
	must(t, json.Unmarshal(text, &doc))
	of := func(ref string) schemaDoc {
		return doc.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	lists := 0
	for path, item := range doc.Paths {
		var op listDoc
		if item["get"] == nil {
			continue
		}
		must(t, json.Unmarshal(item["get"], &op))
		page := of(op.Responses["200"].Content["application/json"].Schema.Ref)
		if _, paged := page.Properties["next"]; !paged || page.Properties["items"].Items.Ref == "" {
			continue
		}
		lists++
		row := of(page.Properties["items"].Items.Ref)
		says := func(what string) bool { return strings.Contains(op.Description, "`"+what+"`") }
		has := map[string]bool{}
		operators, sorts := map[string]map[string]bool{}, []string{}
		closed := map[string]bool{} // columns of ids, fixed words and currencies
		for _, p := range op.Parameters {
			has[p.Name] = true
			has[p.Ref] = true
			if p.Name == "sort" {
				sorts = p.Schema.Enum
			}
			if p.Column != "" {
				if operators[p.Column] == nil {
					operators[p.Column] = map[string]bool{}
				}
				if p.Schema.Items.Enum != nil || p.Schema.Items.Pattern != "" {
					closed[p.Column] = true
				}
				suffix := strings.TrimPrefix(p.Name, p.Column)
				operators[p.Column][suffix] = true
				if many := p.Schema.Type == "array"; many != (suffix == "" || suffix == "_ne") {
					t.Errorf("%s: %s takes several values: %v", path, p.Name, many)
				}
			}
		}
		for _, name := range []string{"limit", "cursor", "count", "sort", "expand"} {
			if !has[name] && !says(name) {
				t.Errorf("%s has no %s and does not say so", path, name)
			}
		}
		if !has["#/components/parameters/IfNoneMatch"] && !says("If-None-Match") {
			t.Errorf("%s has no If-None-Match and does not say so", path)
		}
		if _, there := row.Properties["etag"]; !there && !says("etag") {
			t.Errorf("%s has no etag and does not say so", path)
		}
		for _, name := range []string{"prev", "total"} {
			if _, there := page.Properties[name]; !there && !says(name) {
				t.Errorf("%s has no %s and does not say so", path, name)
			}
		}
		if strings.Contains(op.Description, "has no filters") {
			if len(operators) > 0 {
				t.Errorf("%s has filters and denies it", path)
			}
			continue
		}
		for column, p := range row.Properties {
			if column == "etag" || column == "expanded" {
				continue
			}
			if !(slices.Contains(sorts, column) && slices.Contains(sorts, "-"+column)) && !says(column) {
				t.Errorf("%s: cannot be sorted by %s and does not say so", path, column)
			}
			some := operators[column]
			if len(some) == 0 {
				if !says(column) {
					t.Errorf("%s: cannot be filtered by %s and does not say so", path, column)
				}
				continue
			}
			want := []string{"", "_ne", "_null"}
			typ := fmt.Sprint(p.Type)
			switch ordered := some["_gt"]; {
			case p.Format == "date-time", strings.Contains(typ, "integer"), ordered:
				want = append(want, "_gt", "_gte", "_lt", "_lte")
			case strings.Contains(typ, "string") && !closed[column]:
				want = append(want, "_contains", "_prefix")
			}
			for _, suffix := range want {
				if !some[suffix] {
					t.Errorf("%s: %s%s is missing", path, column, suffix)
				}
			}
			if len(some) != len(want) {
				t.Errorf("%s: %s has %v, want %v", path, column, some, want)
			}
		}
	}
	if lists < 10 {
		t.Errorf("%d lists", lists)
	}
}
