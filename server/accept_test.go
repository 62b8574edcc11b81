package server

import (
	"testing"
)

func TestAcceptIsReadAsRFC9110Says(t *testing.T) {
	t.Parallel()
	const j, csv, nd = "application/json", mediaCSV, mediaNDJSON
	offers := []string{j, csv, nd}
	for _, c := range []struct {
		want   string
		accept []string
	}{
		{j, nil},
		{j, []string{""}},
		{j, []string{"*/*"}},
		{j, []string{"*"}},
		{j, []string{"application/json"}},
		{j, []string{"APPLICATION/JSON; Charset=\"UTF-8\""}},
		{j, []string{"application/*;q=0.5"}},
		{j, []string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}},
		{csv, []string{"text/csv;charset=utf-8"}},
		{csv, []string{"text/*"}},

		// a weight of 0 refuses
		{"", []string{"application/json;q=0"}},
		{"", []string{"application/json;q=0.000"}},
		{"", []string{"application/json; Q=0 "}},
		{"", []string{"*/*;q=0"}},
		{"", []string{"*;q=0"}},
		{"", []string{"text/csv;q=0, application/x-ndjson;q=0"}},
		{csv, []string{"application/json;q=0, */*"}},
		{csv, []string{"*/*", "application/json;q=0"}},
		{nd, []string{"text/*;q=0, application/json;q=0, */*;q=0.1"}},
		{j, []string{"application/json, */*;q=0"}},
		{csv, []string{"text/csv;q=0.001, */*;q=0"}},
		{j, []string{"*/*;q=0, application/*;q=0.3"}},

		// the greatest weight counts, whatever the order
		{csv, []string{"application/json;q=0.5, text/csv"}},
		{csv, []string{"text/csv, application/json;q=0.5"}},
		{nd, []string{"text/csv;q=0.5, application/x-ndjson;q=0.8, application/json;q=0.7"}},
		{nd, []string{"application/x-ndjson;q=0.8", "text/csv;q=0.5"}},
		{j, []string{"text/csv;q=0.1, */*;q=0.9"}},
		{csv, []string{"text/*;q=0.9, application/json;q=0.5"}},
		{nd, []string{"application/*;q=0.9, application/json;q=0.5"}},
		{csv, []string{"text/*;q=0.1, text/csv;q=0.9, application/json;q=0.5"}},

		// of equal weights, the more specific range, then the earlier one
		{csv, []string{"*/*, text/csv"}},
		{csv, []string{"text/csv, application/json"}},
		{j, []string{"application/json, text/csv"}},
		{nd, []string{"application/x-ndjson, application/json, text/csv"}},

		// what is no media type, or another form of one, is not served
		{"", []string{"image/png"}},
		{"", []string{"json"}},
		{"", []string{"*/json"}},
		{"", []string{"application/json;q=x"}},
		{"", []string{"application/json;q=1.1"}},
		{"", []string{"application/json;q=-1"}},
		{"", []string{"application/json;q=NaN"}},
		{"", []string{"application/json;charset=iso-8859-1"}},
		{"", []string{`application/json;profile="a, text/csv"`}},
		{csv, []string{`application/json;profile="\", application/json", text/csv`}},
		{j, []string{"application/json;q=0.5;ext=1"}},
		{j, []string{"application/json;"}},
		{j, []string{", application/json,"}},
	} {
		if got := acceptedOf(c.accept, offers); got != c.want {
			t.Errorf("%q: %q, want %q", c.accept, got, c.want)
		}
	}
}

// What a caller refuses is not sent, by any route.
func TestEveryRouteRefusesWhatTheCallerRefuses(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(_ *testing.T, w *world) {
		routed(w, func(rt route, path string) {
			for _, accept := range []string{"*/*;q=0", "image/png, */*;q=0.0"} {
				w.do("m", rt.method, path, sentTo(rt), "Accept", accept).refused(406, "not_acceptable")
			}
		})
		w.do("m", "GET", "/v1/accounts", "", "Accept", "application/json;q=0").refused(406, "not_acceptable")
		for accept, media := range map[string]string{
			"application/json;q=0, */*": mediaCSV, "text/csv;q=0.5, application/x-ndjson": mediaNDJSON, "text/csv;q=0.5, application/json;q=0.6": "application/json",
		} {
			for _, path := range []string{"/v1/customers", "/v1/cards/{gold}/rates"} {
				if got := w.do("m", "GET", path, "", "Accept", accept).want(200).header.Get("Content-Type"); got[:len(media)] != media {
					w.t.Errorf("%s: %s of %s", accept, got, path)
				}
			}
		}
	})
}
