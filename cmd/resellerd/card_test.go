package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/policies"
	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

const deck = "prefix,name,cost,mcd,pulse\n49,Germany,0.01,1,1\n44,UK,0.03,60,60\n44,UK,0.04,60,60\n"

// carrierWithCard creates a store on disk with a user "admin" and a card.
func carrierWithCard(t *testing.T, database string) (card string) {
	t.Helper()
	made, code := found(t, database, "--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "admin")
	if code != exitOK {
		t.Fatalf("init: exit %d", code)
	}
	st, err := store.Open(context.Background(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	err = st.Write(t.Context(), made.Account, func(tx *store.Tx) error {
		c := store.NewCard()
		c.AccountID, c.Kind, c.Name, c.Currency = made.Account, schema.ProviderCard, "Upstream", "USD"
		c, err := tx.CreateCard(t.Context(), c)
		card = c.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func TestACardIsImportedAndExportedOnTheCommandLine(t *testing.T) {
	for name, database := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "store.db") },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			card := carrierWithCard(t, url)
			file := write(t, "deck.csv", deck)
			args := []string{"card", "import", file, "--card", card, "--as", "admin", "--mode", "replace", "--database", url}
			code, stdout, stderr := call(t, nil, args)
			if code != exitDecide || !strings.Contains(stdout, "2 refused") || !strings.Contains(stdout, "has another rate at line 3") || !strings.Contains(stdout, "Preview only") {
				t.Fatalf("exit %d:\n%s%s", code, stdout, stderr)
			}
			if code, _, stderr := call(t, nil, append(args, "--apply")); code != exitDecide || !strings.Contains(stderr, "--skip-refused") {
				t.Errorf("exit %d: %s", code, stderr)
			}
			code, stdout, stderr = call(t, nil, append(args, "--apply", "--skip-refused", "--format", "json"))
			if code != exitOK || !strings.Contains(stdout, `"applied": true`) || !strings.Contains(stdout, `"id": "rev_`) {
				t.Fatalf("exit %d:\n%s%s", code, stdout, stderr)
			}
			_, revision, _ := strings.Cut(stdout, `"id": "`)
			revision, _, _ = strings.Cut(revision, `"`)
			for _, ending := range []string{"csv", "xlsx", "json", "ndjson"} {
				to := filepath.Join(t.TempDir(), "card."+ending)
				if code, _, stderr := call(t, nil, []string{"card", "export", card, "--as", "admin", "--to", to, "--revision", revision, "--database", url}); code != exitOK {
					t.Fatalf("%s: exit %d: %s", ending, code, stderr)
				}
				if text, err := os.ReadFile(to); err != nil || len(text) == 0 {
					t.Errorf("%s: %d bytes, %v", ending, len(text), err)
				}
				code, stdout, stderr := call(t, nil, []string{"card", "import", to, "--card", card, "--as", "admin", "--mode", "replace", "--database", url})
				if code != exitOK || !strings.Contains(stdout, "1 priced") {
					t.Errorf("%s back: exit %d: %s%s", ending, code, stdout, stderr)
				}
			}
			if code, _, stderr := call(t, nil, []string{"card", "export", "crd_nowhere", "--as", "admin", "--to", "-", "--database", url}); code != exitError || !strings.Contains(stderr, "not found") {
				t.Errorf("a card that is nowhere: exit %d: %s", code, stderr)
			}
		})
	}
}

func TestTheEnvironmentMakesNoPreviewAWrite(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	card := carrierWithCard(t, url)
	args := []string{"card", "import", write(t, "deck.csv", deck), "--card", card, "--mode", "replace"}
	environ := []string{"RESELLERD_DATABASE=" + url, "RESELLERD_APPLY=true", "RESELLERD_SKIP_REFUSED=true", "RESELLERD_AS=admin"}
	code, stdout, stderr := call(t, environ, append(args, "--as", "admin"))
	if code != exitDecide || !strings.Contains(stdout, "Preview only") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	for _, name := range []string{"RESELLERD_APPLY", "RESELLERD_SKIP_REFUSED"} {
		if !strings.Contains(stderr, name+" is ignored") {
			t.Errorf("%s is not warned of: %s", name, stderr)
		}
	}
	if strings.Contains(stderr, "RESELLERD_DATABASE") || strings.Contains(stderr, "RESELLERD_AS ") {
		t.Errorf("warned of a setting, or of what the command line says as well: %s", stderr)
	}
	st := storetest.Open(t, url, store.Options{})
	if n := countOf(t, storetest.SQL(t, st), "revisions"); n != 0 {
		t.Errorf("%d revisions were made", n)
	}
	code, _, stderr = call(t, environ, args)
	if code != exitUsage || !strings.Contains(stderr, "RESELLERD_AS is ignored") || !strings.Contains(stderr, "missing flags: --as") {
		t.Errorf("nobody acts: exit %d: %s", code, stderr)
	}
}

func TestTheCommandLineSaysWhatACommaInAPrefixParts(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	card := carrierWithCard(t, url)
	file := write(t, "deck.csv", "prefix,cost\n\"447,712\",1\n")
	for option, want := range map[string]string{"": "--commas=thousands or --commas=list", "list": "now       2 ", "thousands": "now       1 ", "decimal": "--commas must be one of list, thousands"} {
		args := []string{"card", "import", file, "--card", card, "--as", "admin", "--mode", "replace", "--nanp", "false", "--database", url}
		if option != "" {
			args = append(args, "--commas", option)
		}
		code, stdout, stderr := call(t, nil, args)
		if (code == exitOK) != (option == "list" || option == "thousands") || !strings.Contains(stdout+stderr, want) {
			t.Errorf("%q: exit %d:\n%s%s", option, code, stdout, stderr)
		}
	}
}

func TestALineThatIsRefusedInItsWholeIsToldWithoutACell(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	card := carrierWithCard(t, url)
	file := write(t, "deck.csv", "prefix,cost\n447,712,0.1\n49,x\n")
	code, stdout, stderr := call(t, nil, []string{"card", "import", file, "--card", card, "--as", "admin", "--mode", "replace", "--database", url})
	for _, line := range []string{"refused  line 2: has 3 cells for 2 columns", `refused  line 3: cost "x" is not a price`} {
		if code != exitDecide || !strings.Contains(stdout, line) {
			t.Errorf("exit %d: %s%s", code, stdout, stderr)
		}
	}
}

// A policy hides the cost of a card's rates. Then the command line prints what a file
// contains, but not how it compares with the card. It can neither amend nor prove the
// card.
func TestTheCommandLineComparesNothingWithRatesThatAreHidden(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	card, tree := carrierWithCard(t, database), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.CopyFS(tree, policies.Embedded()))
	rego := filepath.Join(tree, "reseller", "resource", "rate", "rate.rego")
	text, err := os.ReadFile(rego)
	must(err)
	must(os.WriteFile(rego, []byte(strings.Replace(string(text), `"cost", `, "", 1)), 0o600))
	file := filepath.Join(t.TempDir(), "deck.csv")
	must(os.WriteFile(file, []byte("prefix,name,cost\n49,Germany,0.01\n"), 0o600))
	args := []string{"card", "import", file, "--card", card, "--as", "admin", "--policies", tree, "--database", database}
	code, stdout, stderr := call(t, nil, append(args, "--mode", "replace"))
	if code != exitOK || !strings.Contains(stdout, "now       1     -        -   -     -        -        -") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := call(t, nil, append(args, "--mode", "amend", "--base", "any")); code != exitError || !strings.Contains(stderr, "rates_hidden") {
		t.Errorf("an amendment: exit %d: %s", code, stderr)
	}
	code, _, stderr = call(t, nil, []string{"card", "rebuild", "--as", "admin", "--policies", tree, "--database", database})
	if code != exitError || !strings.Contains(stderr, "rates_hidden") {
		t.Errorf("a rebuild: exit %d: %s", code, stderr)
	}
}

func TestTheCommandLineAsksWhatAFileLeavesOpen(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	card := carrierWithCard(t, url)
	file := write(t, "deck.csv", "Row,Prefix,Rate (US cents)\n1,44,1.2\n2,49,1.5\n")
	args := []string{"card", "import", file, "--card", card, "--as", "admin", "--mode", "replace", "--database", url}
	code, stdout, stderr := call(t, nil, args)
	for _, want := range []string{
		"column           values    meaning\nRow", "Rate (US cents)  1.2, 1.5  cost: USD, unit minute",
		"--map 'Rate (US cents)=cost:cents'\n             line 2: 44 costs 0.012, 0/1", "--ignore Row\n",
	} {
		if code != exitDecide || !strings.Contains(stdout, want) {
			t.Errorf("exit %d: %q is missing:\n%s%s", code, want, stdout, stderr)
		}
	}
	if !strings.Contains(stderr, "2 questions are open") {
		t.Error(stderr)
	}
	code, stdout, _ = call(t, nil, append(args, "--format", "json"))
	for _, want := range []string{`"questions"`, `"parameter": "map"`, `"value": "Rate (US cents)=cost:cents"`, `"mapping"`} {
		if code != exitDecide || !strings.Contains(stdout, want) {
			t.Errorf("exit %d: %q is missing:\n%s", code, want, stdout)
		}
	}
	code, stdout, stderr = call(t, nil, append(args, "--map", "Rate (US cents)=cost:cents", "--ignore", "Row", "--apply"))
	if code != exitOK || !strings.HasPrefix(stdout, "column") || !strings.Contains(stdout, "2 priced") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
}

// The mapping comes first, also before an error that is no question. Refused lines that block are for a person to decide.
func TestTheMappingStandsBeforeEachError(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	card := carrierWithCard(t, url)
	for name, c := range map[string]struct {
		file string
		code int
		says string
	}{
		"a refused line that blocks": {"Prefix,Rate,Status\n44,0.01,open\n4479x,0.9,blocked\n", exitDecide, "block their prefixes"},
		"a refused line":             {"Prefix,Rate,Status\n44,0.01,open\n45,0.0.1,open\n", exitDecide, "--skip-refused"},
		"no rates":                   {"Prefix,Rate,Status\n", exitError, "no rates"},
		"a first interval":           {"Prefix,First Price,Subsequent Price\n44,0.01,0.02\n", exitError, "first interval"},
		"rates that ended":           {"Prefix,Rate,Status\n44,0.01,open\nPrices are valid until 2024-12-31,,\n", exitError, "ended on"},
		"no prefix":                  {"Steering,Where,Amt\n44,UK,0.01\n", exitDecide, "2 questions are open"},
	} {
		args := []string{"card", "import", write(t, "deck.csv", c.file), "--card", card, "--as", "admin", "--mode", "replace", "--database", url, "--apply"}
		code, stdout, stderr := call(t, nil, args)
		if code != c.code || !strings.HasPrefix(stdout, "column") || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit %d:\n%s%s", name, code, stdout, stderr)
		}
		if code, stdout, _ = call(t, nil, append(args, "--format", "json")); code != c.code || !strings.Contains(stdout, `"mapping"`) {
			t.Errorf("%s: as JSON: exit %d:\n%s", name, code, stdout)
		}
	}
}

func TestAPackedFileIsImportedOnTheCommandLine(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	card := carrierWithCard(t, url)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("prefix,cost\n44,0.01\n")); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	args := []string{"card", "import", write(t, "deck.csv.gz", packed.String()), "--card", card, "--as", "admin", "--mode", "replace", "--database", url}
	if code, stdout, stderr := call(t, nil, args); code != exitOK || !strings.Contains(stdout, "1 priced") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
}

// Answers are kept under a name, and the next file of the same shape needs none. Doubtful numbers are shown with the question.
func TestTheCommandLineKeepsAnswersInAProfile(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	card := carrierWithCard(t, url)
	args := func(file string, more ...string) []string {
		return append([]string{"card", "import", write(t, "weekly.csv", file), "--card", card, "--as", "admin", "--mode", "replace", "--database", url, "--profile", "weekly"}, more...)
	}
	const file = "Prefix,Destination,Rate (cents)\n4420,London,0.4\n4477,UK mobile,1.5\n"
	if code, stdout, stderr := call(t, nil, args(file, "--apply")); code != exitDecide || !strings.Contains(stdout, "--map 'Rate (cents)=cost:cents'") {
		t.Fatalf("exit %d:\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := call(t, nil, args(file, "--apply", "--map", "Rate (cents)=cost:cents")); code != exitOK {
		t.Fatalf("exit %d:\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := call(t, nil, args(file)); code != exitOK || strings.Contains(stdout, "question") || !strings.Contains(stdout, "USD, unit cents") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	dear := strings.ReplaceAll(file, "0.4", "40")
	dear = strings.ReplaceAll(dear, "1.5", "150")
	code, stdout, stderr := call(t, nil, args(dear))
	if code != exitDecide || !strings.Contains(stdout, "--confirm typical:cost") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := call(t, nil, args(dear, "--confirm", "typical:cost")); code != exitOK {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	for _, wrong := range [][]string{
		{"card", "import", "--card", card, "--as", "admin", "--database", url},
		{"card", "import", "--plan", "pln_x", "--card", card, "--as", "admin", "--database", url},
		{"card", "import", write(t, "a.csv", file), "--card", card, "--as", "admin", "--database", url, "--mode", "both"},
	} {
		if code, _, stderr := call(t, nil, wrong); code != exitUsage {
			t.Errorf("%v: exit %d: %s", wrong, code, stderr)
		}
	}
	code, stdout, stderr = call(t, nil, []string{"card", "import", write(t, "a.csv", file), "--card", card, "--as", "admin", "--database", url})
	if code != exitDecide || !strings.Contains(stdout, "--mode amend\n") || !strings.Contains(stdout, "--map 'Rate (cents)=cost:cents'") || !strings.Contains(stderr, "2 questions are open") {
		t.Errorf("without a mode: exit %d:\n%s%s", code, stdout, stderr)
	}
	profile := func(name string, more ...string) (int, string, string) {
		return call(t, nil, append([]string{"card", "profile", name, "--as", "admin", "--database", url}, more...))
	}
	if code, stdout, stderr := profile("weekly", "--row", "500", "--median", "500"); code != exitOK ||
		!strings.Contains(stdout, "answer   map=Rate (cents)=cost:cents\n") || !strings.Contains(stdout, "limits   median 500, row 500, countries default, removed default\n") {
		t.Errorf("the limits: exit %d:\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := call(t, nil, args(dear)); code != exitOK {
		t.Errorf("within the limits: exit %d:\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := profile("other"); code != exitError || !strings.Contains(stderr, "not found") {
		t.Errorf("a profile that is none: exit %d: %s", code, stderr)
	}
	if code, stdout, stderr := profile("other", "--row", "5", "--kind", "customer"); code != exitOK || !strings.Contains(stdout, "row 5") {
		t.Errorf("a new profile: exit %d: %s%s", code, stdout, stderr)
	}
}
