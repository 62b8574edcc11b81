package shipping

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
)

// sources are the ways in which a tree arrives. put delivers the tree with this reason.
func sources(t *testing.T) map[string]func(t *testing.T) (p Place, put func(reason string)) {
	t.Helper()
	return map[string]func(t *testing.T) (Place, func(string)){
		"directory": func(t *testing.T) (Place, func(string)) {
			dir := t.TempDir()
			return at(t, dir, Key{}), func(reason string) { write(t, filepath.Join(dir, "reseller/main.rego"), policy(reason)) }
		},
		"folder of a ConfigMap": func(t *testing.T) (Place, func(string)) {
			mount := t.TempDir()
			symlink(t, "..data/main.rego", filepath.Join(mount, "main.rego"))
			return at(t, mount, Key{}), func(reason string) {
				write(t, filepath.Join(mount, "..v-"+reason, "main.rego"), policy(reason))
				symlink(t, "..v-"+reason, filepath.Join(mount, "..next"))
				rename(t, filepath.Join(mount, "..next"), filepath.Join(mount, "..data"))
			}
		},
		"signed bundle": func(t *testing.T) (Place, func(string)) {
			keys, file := newPair(t), filepath.Join(t.TempDir(), "policy.tar.gz")
			put := func(reason string) {
				write(t, file, string(made{rego: policy(reason), key: keys.private}.bytes(t)))
			}
			put("none")
			return at(t, file, Key{File: keys.publicFile}), put
		},
	}
}

// restarted is a keeper of a new process with the same folder.
func (k keeping) restarted(t *testing.T) keeping {
	t.Helper()
	again := keep(t)
	again.Kept = k.Kept
	return again
}

func (k keeping) obey(t *testing.T, pin string) {
	t.Helper()
	if err := k.Obey(t.Context(), pin, ""); err != nil {
		t.Fatal(err)
	}
}

func (k keeping) revision() string { return k.Engines.Current().Revision() }

func TestAPinnedPolicyStaysThroughChangesAndRestartsUntilItIsReleased(t *testing.T) {
	for name, source := range sources(t) {
		t.Run(name, func(t *testing.T) {
			place, put := source(t)
			k := keep(t)
			pinned := map[Cause]bool{}
			k.Held = func(cause Cause, holds bool) { pinned[cause] = holds }
			put("good")
			k.Take(t.Context(), place)
			good := k.revision()
			put("bad")
			k.Take(t.Context(), place)
			k.obey(t, good)
			if k.reason(t) != "good" || !pinned[Pinned] {
				t.Fatalf("in force: %q, held: %v", k.reason(t), pinned)
			}
			put("worse")
			k.Take(t.Context(), place)
			if k.reason(t) != "good" || len(k.logged(t, "policy is pinned; a change waits")) != 1 {
				t.Fatalf("in force: %q\n%s", k.reason(t), k.log)
			}
			again := k.restarted(t)
			again.obey(t, good)
			again.Take(t.Context(), place)
			if again.reason(t) != "good" || again.Engines.Current().Source() != fromKept {
				t.Fatalf("after a restart: %q", again.reason(t))
			}
			for _, k := range []keeping{k, again} {
				k.obey(t, "")
				if k.reason(t) != "worse" {
					t.Errorf("after the release: %q", k.reason(t))
				}
				put("last")
				k.Take(t.Context(), place)
				if k.reason(t) != "last" {
					t.Errorf("changes are not followed: %q", k.reason(t))
				}
				put("worse")
				k.Take(t.Context(), place)
			}
			if pinned[Pinned] {
				t.Error("still held")
			}
		})
	}
}

func TestAPinHoldsBackWhatABundleServerSends(t *testing.T) {
	keys, s := newPair(t), serveBundles(t)
	put := func(reason string) { s.put("policy.tar.gz", made{rego: policy(reason), key: keys.private}.bytes(t)) }
	put("good")
	r := run(t, s, fmt.Sprintf(oneBundle, "")+keySection(t, keys))
	r.fetch()
	if err := r.next(t); err != nil {
		t.Fatal(err)
	}
	good := r.revision()
	r.obey(t, good)
	put("bad")
	r.fetch()
	r.Take(t.Context(), r.OPA)
	if r.reason(t) != "good" {
		t.Errorf("in force: %q", r.reason(t))
	}
	again := r.restarted(t)
	again.obey(t, good)
	if again.Take(t.Context(), r.OPA); again.reason(t) != "good" {
		t.Errorf("after a restart: %q", again.reason(t))
	}
	r.obey(t, "")
	if r.reason(t) != "bad" {
		t.Errorf("after the release: %q", r.reason(t))
	}
}

// Nothing but the pinned content comes into force, whatever the folder holds.
func TestAPinnedTreeThatIsMissingOrDamagedIsNotReplaced(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, tree string){
		"missing": func(t *testing.T, tree string) { mustDo(t, os.RemoveAll(tree)) },
		"changed": func(t *testing.T, tree string) {
			write(t, filepath.Join(tree, "reseller/main.rego"), policy("forged"))
		},
		"with one file more": func(t *testing.T, tree string) { write(t, filepath.Join(tree, "data.json"), `{"x": 1}`) },
		"cut off": func(t *testing.T, tree string) {
			write(t, filepath.Join(tree, "reseller/main.rego"), policy("good")[:60])
		},
		"without its file": func(t *testing.T, tree string) { mustDo(t, os.Remove(filepath.Join(tree, "reseller/main.rego"))) },
		"another tree": func(t *testing.T, tree string) {
			mustDo(t, os.RemoveAll(tree))
			mustDo(t, os.CopyFS(tree, os.DirFS(filepath.Join(filepath.Dir(tree), "other"))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, k := t.TempDir(), keep(t)
			write(t, filepath.Join(k.Kept.Dir, "other/main.rego"), policy("other"))
			place := at(t, dir, Key{})
			write(t, filepath.Join(dir, "reseller/main.rego"), policy("good"))
			k.Take(t.Context(), place)
			good := k.revision()
			tree := filepath.Join(k.Kept.Dir, good)
			damage(t, tree)

			k.obey(t, good) // it is in force, so that nothing is read
			write(t, filepath.Join(dir, "reseller/main.rego"), policy("bad"))
			if k.Take(t.Context(), place); k.reason(t) != "good" {
				t.Errorf("in force: %q", k.reason(t))
			}
			again := k.restarted(t)
			for range 3 {
				if err := again.Obey(t.Context(), good, ""); err == nil {
					t.Error("it is put in force")
				}
				again.Take(t.Context(), place)
			}
			if again.Engines.Current() != nil {
				t.Errorf("in force: %q", again.reason(t))
			}
			if err := again.next(t); err == nil {
				t.Error("nothing is reported")
			}
			again.nothing(t)
			if n := len(again.logged(t, "the pinned policy cannot be put in force; the one in force stays")); n != 1 {
				t.Errorf("logged %d times:\n%s", n, again.log)
			}
			write(t, filepath.Join(dir, "reseller/main.rego"), policy("good"))
			if again.Take(t.Context(), place); again.Engines.Current() == nil || again.reason(t) != "good" {
				t.Error("the pinned content is refused")
			}
			if _, err := again.Kept.Find(good); err != nil {
				t.Errorf("the copy is not mended: %v", err)
			}
		})
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A pin to a tree that nobody has stops the changes all the same.
func TestAPinToAnUnknownRevisionKeepsTheOneInForce(t *testing.T) {
	dir, k := t.TempDir(), keep(t)
	place := at(t, dir, Key{})
	write(t, filepath.Join(dir, "main.rego"), policy("one"))
	k.Take(t.Context(), place)
	unknown := strings.Repeat("0", 32)
	if err := k.Obey(t.Context(), unknown, ""); !errors.Is(err, ErrNotKept) {
		t.Errorf("obeyed: %v", err)
	}
	write(t, filepath.Join(dir, "main.rego"), policy("two"))
	if k.Take(t.Context(), place); k.reason(t) != "one" {
		t.Errorf("in force: %q", k.reason(t))
	}
}

func TestTheLastThreeTreesAndThePinnedOneAreKept(t *testing.T) {
	kept := Kept{Dir: filepath.Join(t.TempDir(), "kept")}
	var revisions []string
	keepOne := func(reason, spared string) {
		t.Helper()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "reseller/main.rego"), policy(reason))
		write(t, filepath.Join(dir, "reseller/main_test.rego"), "package reseller.main_test\n")
		write(t, filepath.Join(dir, ".git/main.rego"), "nothing")
		write(t, filepath.Join(dir, "testdata/main.rego"), "nothing")
		revision, err := policies.RevisionOf(os.DirFS(dir))
		mustDo(t, err)
		mustDo(t, kept.Keep(revision, os.DirFS(dir), spared))
		if !slices.Contains(revisions, revision) {
			revisions = append(revisions, revision)
		}
		time.Sleep(2 * time.Millisecond) // folders differ in their times
	}
	for _, reason := range []string{"a", "b", "c"} {
		keepOne(reason, "")
	}
	keepOne("a", "")
	unfinished := filepath.Join(kept.Dir, ".new-x")
	mustDo(t, os.Mkdir(unfinished, 0o700))
	mustDo(t, os.Chtimes(unfinished, time.Now().Add(-2*leftover), time.Now().Add(-2*leftover)))
	for _, reason := range []string{"d", "e", "f"} {
		keepOne(reason, revisions[0])
	}
	all, err := kept.List()
	mustDo(t, err)
	var names []string
	for _, one := range all {
		names = append(names, one.Revision)
	}
	want := []string{revisions[5], revisions[4], revisions[3], revisions[0]} // f, e, d, and a is pinned
	if !slices.Equal(names, want) {
		t.Errorf("kept are %v, want %v", names, want)
	}
	if _, err := os.Stat(unfinished); err == nil {
		t.Error("an unfinished copy stays")
	}
	for file, there := range map[string]bool{"reseller/main.rego": true, "reseller/main_test.rego": true, ".git": false, "testdata": false} {
		if _, err := os.Stat(filepath.Join(all[0].Path, file)); (err == nil) != there {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The embedded tree is kept as well, and read again as the same revision.
func TestTheEmbeddedTreeIsKept(t *testing.T) {
	kept := Kept{Dir: t.TempDir()}
	revision, err := policies.RevisionOf(policies.Embedded())
	mustDo(t, err)
	mustDo(t, kept.Keep(revision, policies.Embedded(), ""))
	_, err = kept.Find(revision)
	mustDo(t, err)
}

func TestAChangeThatGivesMoreWaitsToBeConfirmed(t *testing.T) {
	dir, k := t.TempDir(), keep(t)
	place := at(t, dir, Key{})
	put := func(reason string) { write(t, filepath.Join(dir, "main.rego"), policy(reason)) }
	take := func(want string) {
		t.Helper()
		if k.Take(t.Context(), place); k.reason(t) != want {
			t.Errorf("in force: %q, want %q", k.reason(t), want)
		}
	}
	gains, held := 0, false
	k.Gains = func(context.Context, *policies.Engine) (int, int) { return gains, 50 }
	k.Held = func(cause Cause, holds bool) { held = holds && cause == Unconfirmed }
	k.MaxGains = 10
	put("one")
	take("one")
	gains = 5 // ten of a hundred
	put("two")
	take("two")
	gains = 6
	put("three")
	take("two")
	take("two")
	waiting := k.logged(t, "policy allows more than before; it waits to be confirmed")
	if len(waiting) != 1 || !held {
		t.Fatalf("held: %v, waiting: %v", held, waiting)
	}
	three, _ := waiting[0]["revision"].(string)
	obey := func(confirmed, want string) {
		t.Helper()
		if err := k.Obey(t.Context(), "", confirmed); err != nil || k.reason(t) != want {
			t.Errorf("in force: %q, want %q: %v", k.reason(t), want, err)
		}
	}
	obey(strings.Repeat("0", 32), "two")
	put("two") // it is taken back
	take("two")
	if held {
		t.Error("still held")
	}
	put("three")
	take("two")
	obey(three, "three")
	if held {
		t.Error("still held")
	}
	put("four")
	if take("three"); !held {
		t.Error("a confirmation holds for another revision")
	}
}
