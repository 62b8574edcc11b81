package server

import (
	"io"
	"net/http/httptest"
	"testing"
)

func TestProfilesAreServedOnlyWhereTheyAreWanted(t *testing.T) {
	t.Parallel()
	core := sqliteCore(t)
	for _, test := range []struct {
		on     bool
		path   string
		status int
	}{
		{false, "/debug/pprof/", 404}, {false, "/debug/pprof/heap", 404},
		{true, "/debug/pprof/", 200}, {true, "/debug/pprof/heap", 200},
		{true, "/debug/pprof/cmdline", 404}, {true, "/livez", 200},
	} {
		s := core.serve(t, func(c *Config) { c.MetricsListen, c.Profiles = "127.0.0.1:0", test.on })
		res, err := s.ops.Test(httptest.NewRequest("GET", test.path, nil), -1)
		must(t, err)
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != test.status {
			t.Errorf("on %v: %s answers %d, want %d", test.on, test.path, res.StatusCode, test.status)
		}
		if res, err := s.app.Test(httptest.NewRequest("GET", test.path, nil), -1); err != nil || res.StatusCode != 404 {
			t.Errorf("%s on the address of callers: %v, %v", test.path, res, err)
		}
	}
	if err := (&Config{Profiles: true}).Validate(); err == nil {
		t.Error("profiles are served to callers")
	}
}
