package dialect

import (
	"errors"
	"fmt"
	"testing"

	"resellerd/store/fault"
)

func TestAddressesNameTheHostsThatLibpqReads(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"postgres://u@a:1,b:2/db?target_session_attrs=read-write":            "a:1 b:2 u db read-write",
		"postgres://u:p%40s@a,b:2/db":                                        "a:5432 b:2 u db ",
		"postgres://u@[::1]:5,b/db":                                          "::1:5 b:5432 u db ",
		"postgres://u@/db?host=a,b&port=1,2":                                 "a:1 b:2 u db ",
		"postgres://u@a,b/db?port=7":                                         "refused",
		"postgres://u@a:1,b:x/db":                                            "refused",
		"postgres://u@a:1:2/db":                                              "refused",
		"postgres://u@/db?host=a:1":                                          "refused",
		"postgres://u@a:1,/db":                                               "refused",
		"postgres://u@/db?host=a,&port=1,2":                                  "refused",
		"host=a,b port=1,2 user=u dbname=db target_session_attrs=read-write": "a:1 b:2 u db read-write",
		"user=u host='a' dbname=db":                                          "a:5432 u db ",
		"host=a,b port=1,2,3 user=u dbname=db":                               "refused",
		"host=a, port=1 user=u dbname=db":                                    "refused",
		"postgresql://u@a:1/db":                                              "a:1 u db ",
		"postgres://u@/db?host=/run/postgresql":                              "/run/postgresql:5432 u db ",
	} {
		got := "refused"
		config, err := postgresConfig(address)
		switch {
		case err == nil:
			got = fmt.Sprintf("%s:%d ", config.Host, config.Port)
			for _, m := range config.Multi {
				got += fmt.Sprintf("%s:%d ", m.Host, m.Port)
			}
			got += fmt.Sprint(config.User, " ", config.Database, " ", config.TargetSessionAttrs)
		case !errors.Is(err, fault.ErrInvalid):
			t.Errorf("%s: %v", address, err)
		}
		if got != want {
			t.Errorf("%s is read as %q, want %q", address, got, want)
		}
	}
}
