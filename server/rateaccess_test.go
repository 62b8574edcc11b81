package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Only one place creates an access to rates, and it asks the policy. No code
// that answers a request uses an access without a policy.
func TestAccessToRatesIsMadeInOnePlace(t *testing.T) {
	t.Parallel()
	made := 0
	for _, pattern := range []string{"*.go", "*/*.go", "../cmd/resellerd/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			must(t, err)
			made += strings.Count(string(text), "store.RateAccessBy(")
			if strings.Contains(string(text), "store.AllRates") {
				t.Errorf("%s: reads all rates, whoever asks", file)
			}
		}
	}
	if made != 1 {
		t.Errorf("an access to rates is made in %d places", made)
	}
}

// If prefixes are hidden, a look-up does not tell which prefix a number has.
func TestALookUpTellsNothingOfPrefixesThatAreHidden(t *testing.T) {
	t.Parallel()
	engine := hidingEngine(t, "reseller/resource/rate/rate.rego", `"prefix", `, ``,
		"\ncolumns contains \"prefix\" if data.reseller.areas.permits(\"card/rates\", \"read\")\n")
	eachDatabase(t, engine, func(t *testing.T, fresh func() *world) {
		one, two := fresh(), fresh()
		for _, w := range []*world{one, two} {
			eyed(w)
			w.name("price of gold")
		}
		one.rates("gold", ratesOf("49", 1)...)
		two.rates("gold", ratesOf("7", 1)...)
		for _, user := range []string{"a.sees", "a.hidden"} {
			a, b := one.get(user, "/v1/lookup?number=49171").want(200), two.get(user, "/v1/lookup?number=49171").want(200)
			if alike := a.alike() == b.alike(); alike != (user == "a.hidden") {
				t.Errorf("%s:\n%s\nand\n%s", user, a.body, b.body)
			}
		}
	})
}
