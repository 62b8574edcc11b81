package shipping

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies/rego"
)

func TestAChangedFileIsPutInForce(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "reseller/main.rego"), policy("one"))
	k := keep(t)
	k.follow(t, at(t, dir, Key{}))
	if err := k.next(t); err != nil {
		t.Fatal(err)
	}
	if got := k.reason(t); got != "one" {
		t.Fatalf("in force: %q", got)
	}
	write(t, filepath.Join(dir, "reseller/main.rego"), policy("two"))
	for k.reason(t) != "two" { // the file may be read before it is complete
		_ = k.next(t)
	}
}

func TestAConfigMapSwapIsFollowedAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"..one", "..two", "..three"} {
		write(t, filepath.Join(dir, version, "main.rego"), policy(strings.Trim(version, ".")))
		write(t, filepath.Join(dir, version, "limits/data.json"), `{"max_depth": 2}`)
	}
	// Kubernetes mounts a volume like this: every file and folder is a link
	// into ..data, which is a link to the current version.
	symlink(t, "..one", filepath.Join(dir, "..data"))
	symlink(t, "..data/main.rego", filepath.Join(dir, "main.rego"))
	symlink(t, "..data/limits", filepath.Join(dir, "limits"))
	k := keep(t)
	k.follow(t, at(t, dir, Key{}))
	if err := k.next(t); err != nil {
		t.Fatal(err)
	}
	if depth := k.Engines.Current().Limits().MaxDepth; k.reason(t) != "one" || depth != 2 {
		t.Fatalf("in force: %q, depth %d: a linked folder is part of the tree", k.reason(t), depth)
	}
	for i, version := range []string{"two", "three"} {
		symlink(t, ".."+version, filepath.Join(dir, "..data_tmp"))
		rename(t, filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data"))
		if err := os.RemoveAll(filepath.Join(dir, []string{"..one", "..two"}[i])); err != nil {
			t.Fatal(err)
		}
		if err := k.next(t); err != nil {
			t.Fatal(err)
		}
		if got := k.reason(t); got != version {
			t.Fatalf("in force after the swap to %s: %q", version, got)
		}
	}
	k.nothing(t)
}

func TestADirectoryThatIsALinkIsFollowedWhenTheLinkMoves(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "one/main.rego"), policy("one"))
	write(t, filepath.Join(dir, "two/main.rego"), policy("two"))
	symlink(t, "one", filepath.Join(dir, "current"))
	k := keep(t)
	k.follow(t, at(t, filepath.Join(dir, "current"), Key{}))
	if err := k.next(t); err != nil {
		t.Fatal(err)
	}
	symlink(t, "two", filepath.Join(dir, "next"))
	rename(t, filepath.Join(dir, "next"), filepath.Join(dir, "current"))
	if err := k.next(t); err != nil || k.reason(t) != "two" {
		t.Fatalf("in force: %q, %v", k.reason(t), err)
	}
}

func TestTheFolderThatTheProcessStandsInIsFollowed(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "main.rego", policy("one"))
	k := keep(t)
	k.follow(t, at(t, ".", Key{}))
	if err := k.next(t); err != nil {
		t.Fatal(err)
	}
	write(t, "next", policy("two"))
	rename(t, "next", "main.rego")
	if err := k.next(t); err != nil || k.reason(t) != "two" {
		t.Fatalf("in force: %q, %v", k.reason(t), err)
	}
}

func TestPollingFindsWhatWatchingMissed(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.rego"), policy("one"))
	k := keep(t)
	k.followEvery(t, unwatched{at(t, dir, Key{})}, time.Millisecond)
	if err := k.next(t); err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(t.TempDir(), "next.rego")
	write(t, next, policy("two"))
	rename(t, next, filepath.Join(dir, "main.rego"))
	if err := k.next(t); err != nil || k.reason(t) != "two" {
		t.Fatalf("in force: %q, %v", k.reason(t), err)
	}
}

// unwatched is a place whose watches report nothing.
type unwatched struct{ Place }

func (unwatched) watch() (<-chan struct{}, func()) { return nil, func() {} }

func TestATreeIsReadAgainUntilItStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.rego")
	whole := policy("two")
	write(t, file, whole[:40])
	grown := 40
	place := &directory{path: dir, settle: func(context.Context) error {
		if grown < len(whole) { // the writer is not done
			grown = min(grown+60, len(whole))
			write(t, file, whole[:grown])
		}
		return nil
	}}
	a, err := place.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	k := keep(t)
	if err := k.Offer(t.Context(), a); err != nil || k.reason(t) != "two" {
		t.Fatalf("in force: %q, %v", k.reason(t), err)
	}
}

func TestFilesThatDoNotStopChangingAreNotRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.rego")
	write(t, file, policy("x"))
	n := 1
	place := &directory{path: dir, settle: func(context.Context) error {
		n++
		write(t, file, policy(strings.Repeat("x", n)))
		return nil
	}}
	if _, err := place.Read(t.Context()); !errors.Is(err, errRestless) {
		t.Fatalf("read: %v", err)
	}
}

func TestAFileCutShortIsRefusedAndTheLastGoodTreeStays(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "in a rule": policy("two")[:70], "in a data file": `{"limits": {`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "main.rego"), policy("one"))
			write(t, filepath.Join(dir, "deny.rego"), "package reseller.deny\n\nallowed := false\n")
			place := at(t, dir, Key{})
			k := keep(t)
			offer(t, k, place)
			file := "deny.rego"
			if strings.HasPrefix(content, "{") {
				file = "data.json"
			}
			write(t, filepath.Join(dir, file), content)
			var refused *rego.LoadError
			if err := offer(t, k, place); !errors.As(err, &refused) || refused.Findings[0].File != file {
				t.Fatalf("offer: %v", err)
			}
			if got := k.reason(t); got != "one" {
				t.Fatalf("in force: %q", got)
			}
		})
	}
}

func offer(t *testing.T, k keeping, p Place) error {
	t.Helper()
	a, err := p.Read(t.Context())
	if err != nil {
		return err
	}
	return k.Offer(t.Context(), a)
}

func TestEditorsLeftoversAreNoPartOfATree(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.rego"), policy("one"))
	place := at(t, dir, Key{})
	k := keep(t)
	if err := offer(t, k, place); err != nil {
		t.Fatal(err)
	}
	if err := k.next(t); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		".main.rego.swp", ".main.rego.swx", "main.rego~", "#main.rego#", "4913", ".goutputstream-X1", "main.rego.tmp",
		"main.rego___jb_tmp___", "sedQ1w2e3", ".git/HEAD.rego", "testdata/broken.rego",
	} {
		write(t, filepath.Join(dir, name), broken)
	}
	symlink(t, "somebody@host.1234", filepath.Join(dir, ".#main.rego"))
	if err := offer(t, k, place); err != nil {
		t.Fatal(err)
	}
	k.nothing(t) // the tree has not changed
}

func TestALinkThatLeadsNowhereIsNotLeftOut(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.rego"), policy("one"))
	symlink(t, "gone.rego", filepath.Join(dir, "deny.rego"))
	if _, err := at(t, dir, Key{}).Read(t.Context()); err == nil {
		t.Fatal("a tree was read without one of its files")
	}
}

func TestACircleOfLinksEnds(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.rego"), policy("one"))
	symlink(t, ".", filepath.Join(dir, "again"))
	if _, err := at(t, dir, Key{}).Read(t.Context()); err == nil {
		t.Fatal("a tree without an end was read")
	}
}

func TestABadTreeIsRefusedOnceAndLoggedWithFileAndLine(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.rego"), policy("one"))
	place := at(t, dir, Key{})
	k := keep(t)
	if err := offer(t, k, place); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.rego"), broken)
	if err := offer(t, k, place); err == nil {
		t.Fatal("a tree that does not compile was put in force")
	}
	for range 3 { // wait for another poll
		if err := offer(t, k, place); err != nil {
			t.Fatal(err)
		}
	}
	refusals := k.logged(t, "policy refused; the one in force stays")
	if len(refusals) != 1 {
		t.Fatalf("%d lines: %s", len(refusals), k.log)
	}
	findings, _ := refusals[0]["findings"].([]any)
	if !slices.ContainsFunc(findings, func(f any) bool { return strings.HasPrefix(f.(string), "main.rego:3: ") }) {
		t.Fatalf("findings: %v", findings)
	}
	if got := k.reason(t); got != "one" {
		t.Fatalf("in force: %q", got)
	}
	write(t, filepath.Join(dir, "main.rego"), policy("one"))
	before := k.Engines.Current()
	if err := offer(t, k, place); err != nil || k.Engines.Current() != before {
		t.Fatalf("back to what is in force: %v; a warm engine was replaced by its like", err)
	}
	if len(k.told) != 3 {
		t.Fatalf("told %d times: want good, bad, good", len(k.told))
	}
}

func TestADirectoryThatGoesAwayLeavesThePolicyInForce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	write(t, filepath.Join(dir, "main.rego"), policy("one"))
	k := keep(t)
	k.follow(t, at(t, dir, Key{}))
	if err := k.next(t); err != nil {
		t.Fatal(err)
	}
	rename(t, dir, dir+".gone")
	if err := k.next(t); err == nil || k.reason(t) != "one" {
		t.Fatalf("in force: %q, %v", k.reason(t), err)
	}
	rename(t, dir+".gone", dir)
	write(t, filepath.Join(dir, "main.rego"), policy("two"))
	for k.reason(t) != "two" {
		_ = k.next(t)
	}
}

func TestATreesOwnTestsMustPassWhenAskedFor(t *testing.T) {
	const test = "package reseller.main_test\n\nimport data.reseller.main\n\ntest_reads if main.allow with input as {\"action\": {\"name\": %q}}\n"
	for name, c := range map[string]struct {
		tests string
		want  string
	}{
		"passing":        {strings.Replace(test, "%q", `"read"`, 1), ""},
		"failing":        {strings.Replace(test, "%q", `"delete"`, 1), "main_test.rego:5: data.reseller.main_test.test_reads fails"},
		"skipped":        {strings.Replace(strings.Replace(test, "%q", `"read"`, 1), "test_", "todo_test_", 1), "tests are skipped: 1"},
		"not there":      {"", "the tree has no tests"},
		"not compilable": {"package reseller.main_test\n\ntest_x if nobody.said.so\n", "main_test.rego:3: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "main.rego"), policy("one"))
			if c.tests != "" {
				write(t, filepath.Join(dir, "main_test.rego"), c.tests)
			}
			k := keep(t)
			k.Tests = true
			err := offer(t, k, at(t, dir, Key{}))
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || k.Engines.Current() != nil {
				t.Fatalf("offer: %v; want %q", err, c.want)
			}
		})
	}
}

// A tree that can be read again, unchanged, is a success: nothing is pinned any more.
func TestATreeThatCanBeReadAgainIsReported(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "reseller/main.rego"), policy("one"))
	k, place := keep(t), at(t, dir, Key{})
	k.Take(t.Context(), place)
	if err := k.next(t); err != nil {
		t.Fatal(err)
	}
	k.Fail(errors.New("a directory that cannot be read"))
	if err := k.next(t); err == nil {
		t.Error("no failure is reported")
	}
	k.Take(t.Context(), place)
	if err := k.next(t); err != nil {
		t.Error(err)
	}
	k.Take(t.Context(), place)
	k.nothing(t)
	write(t, filepath.Join(dir, "reseller/main.rego"), broken)
	k.Take(t.Context(), place)
	if err := k.next(t); err == nil {
		t.Error("a broken tree is accepted")
	}
	k.Fail(errors.New("a directory that cannot be read"))
	_ = k.next(t)
	k.Take(t.Context(), place)
	k.nothing(t)
}
